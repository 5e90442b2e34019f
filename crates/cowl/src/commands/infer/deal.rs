//! `cowl infer deal`

use serde::Serialize;

use super::Here;
use crate::args::DealArguments;
use crate::commands::Context;
use crate::failure::Result;
use crate::infer::dealer::Dealer;
use crate::infer::error::InferError;
use crate::infer::peer::Listener;
use crate::infer::serving::serve_all;

/// Deals until the process is ended.
pub(super) fn deal(context: &Context, arguments: &DealArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    here.look_up(context, &arguments.parties, arguments.patience)?;
    let keys = here.keys();
    let listener =
        Listener::bind(&keys.identity(), here.others.clone(), &arguments.listen, arguments.patience.patience)
            .map_err(InferError::from)?;
    let dealer = Dealer::new(keys, here.folder, here.others)?;
    greet(context, "dealing", &listener)?;
    serve_all(
        &listener,
        |link, peer| dealer.serve(link, peer),
        |peer, error| context.output.note(format_args!("{peer}: {error}")),
    )?;
    Ok(())
}

/// Says where it listens: others may have asked for any free port.
pub(super) fn greet(context: &Context, role: &'static str, listener: &Listener) -> Result<()> {
    #[derive(Serialize)]
    struct Listening {
        role: &'static str,
        listening: String,
    }
    impl std::fmt::Display for Listening {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} at {}; stop with Ctrl-C", self.role, self.listening)
        }
    }
    context.output.data(&Listening { role, listening: listener.address()?.to_string() })
}
