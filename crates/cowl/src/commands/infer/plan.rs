//! What a run takes and who learns what, before anybody says yes.

use std::fmt;

use cowl_mpc::technique::{Forecast, Told};

use super::page::Cast;
use crate::columns::printable;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::infer::data_owner::Agreed;
use crate::infer::recipe::Recipe;
use crate::secret_input;
use crate::size::Size;
use crate::style::{HEAD, QUIET};

/// A run that is about to be consented to. Each takes the same but for its identifier.
pub(super) struct PlannedRun {
    model: String,
    output: String,
    takes: String,
    learns: Vec<(String, Vec<String>)>,
}

impl PlannedRun {
    /// Of a set-up, as its three parties derive it.
    ///
    /// # Errors
    /// A recipe that this version does not know.
    pub(super) fn new(agreed: &Agreed, cast: &Cast) -> Result<Self> {
        let terms = &agreed.set_up.terms;
        let unread = |error: &dyn fmt::Display| Failure::no(error.to_string());
        let recipe = Recipe::from_bytes(&terms.recipe).map_err(|error| unread(&error))?;
        let published = recipe.published().map_err(|error| unread(&error))?;
        let program = agreed.computation.protocol().program();
        let told = Told::new(&published, program, recipe.output, terms.learns);
        let Cast { data_owner, model_owner, dealer } = cast;
        Ok(Self {
            model: format!("{} by {model_owner}, randomness from {dealer}", terms.model),
            output: format!("{}, to: {}", recipe.output, terms.learns),
            takes: takes(&agreed.computation.forecast(terms.learns)),
            learns: vec![
                (data_owner.clone(), told.data_owner),
                (model_owner.clone(), told.model_owner),
                (dealer.clone(), told.dealer),
                ("the cloud".to_owned(), told.cloud),
            ],
        })
    }
}

fn takes(forecast: &Forecast) -> String {
    let Forecast { sent, dealt, rounds, compute_millis, .. } = forecast;
    let [there, back, stock] = [sent.data_owner, sent.model_owner, dealt.data_owner].map(Size);
    format!(
        "{there} there, {back} back, {rounds} rounds, about {compute_millis} ms of computing; {stock} of the stock are used up"
    )
}

/// Shows it, and asks unless that was answered on the command line.
///
/// # Errors
/// When nobody says yes: nothing was sent then.
pub(super) fn confirm(context: &Context, planned: &PlannedRun) -> Result<()> {
    context.output.note(planned);
    if context.settings.yes {
        return Ok(());
    }
    match secret_input::confirm("Run?") {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::no("nothing was run")),
        None => Err(Failure::no("nobody has consented to the run: to what it takes and shows to whom")
            .with_hint("give the same command --yes")),
    }
}

impl fmt::Display for PlannedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, text: &str| writeln!(f, "{HEAD}{name:<9}{HEAD:#} {}", printable(text));
        line("model", &self.model)?;
        line("output", &self.output)?;
        line("takes", &self.takes)?;
        writeln!(f, "{HEAD}learns{HEAD:#}")?;
        for (party, facts) in &self.learns {
            let mut name = printable(party);
            for fact in facts {
                let name = std::mem::take(&mut name);
                writeln!(f, "  {name:<NAME$} {}", printable(fact))?;
            }
        }
        write!(f, "  {QUIET}and nobody else anything{QUIET:#}")
    }
}

/// Width of a learner's name.
const NAME: usize = 16;
