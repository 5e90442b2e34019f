//! The step `tables`: a hospital seals a table, a researcher fits a regression to rows that nobody but the hospital can
//! see, and a question that would single out a few patients is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cowl_crypto::id::random_bytes;
use cowl_domain::table::ColumnRole;
use cowl_domain::{ComputeTerms, ItemId, JobState, Power, Powers, Purpose, Role};
use cowl_paillier::KeySize;
use cowl_paillier_secret::SecretKey;
use cowl_query::parse;
use cowl_tables::coding::{ColumnChoice, LayoutChoice, PreparedTable, SetChoice, prepare};
use cowl_tables::import::{CsvOptions, MissingWords, read_csv};
use cowl_tables::layout::moments_of_row;
use cowl_tables::regression::{Model, Regression, fit};
use cowl_tables::{Moments, Variable};
use cowl_vault::{GrantSpec, NewTable, Silent, Vault};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use tokio::sync::oneshot;

use super::cast::register;
use super::cloud::Cloud;
use super::samples::TABLE;
use super::stage::Told;
use crate::failure::{Failure, Result};
use crate::size::count;
use crate::tables::catalog::{Names, known_tables};
use crate::tables::desk::OpenedTables;
use crate::tables::plan::SealPlan;
use crate::tables::{TECHNIQUE, answering, asking, evidence, sealing};

pub(super) const HOSPITAL: &str = "hospital";
pub(super) const RESEARCHER: &str = "researcher";

const QUESTION: &str = "SELECT enc_linreg(LOS, Age, MechVent) FROM t";
/// With the answer to the question above it would say everything about eight patients.
const TRACKER: &str = "SELECT enc_avg(LOS) FROM t WHERE NOT (ICU = 'CSRU' AND death = 1)";
const MINIMUM_COHORT: u32 = 10;

/// A key that is being made.
pub(super) struct KeyToCome(oneshot::Receiver<SecretKey>);

impl KeyToCome {
    /// Making a key takes seconds, so it begins with the story. A story that ends early does not wait for it.
    pub(super) fn begin() -> Self {
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || {
            // Nobody listens any more when the story has ended.
            let _ = sender.send(SecretKey::generate(KeySize::Bits2048, &mut UnwrapErr(SysRng)));
        });
        Self(receiver)
    }
}

/// The people of this step, and what they know of the table.
struct Study {
    hospital: Arc<Vault>,
    researcher: Arc<Vault>,
    table: PreparedTable,
    opened: Arc<OpenedTables>,
}

/// Plays the step.
///
/// # Errors
/// Whatever goes otherwise than a story may.
pub(super) async fn play(cloud: &Cloud, hospital: Arc<Vault>, key: KeyToCome) -> Result<Told> {
    let key = Arc::new(key.0.await.map_err(|error| Failure::no(error.to_string()))?);
    let study = Study {
        hospital,
        researcher: Arc::new(register(cloud, RESEARCHER, Role::Researcher).await?),
        table: sample()?,
        opened: Arc::default(),
    };
    let begun = Instant::now();
    let stored = study.seal(key).await?;
    let sealing = begun.elapsed();
    let (model, took) = study.ask(QUESTION).await?;
    let equal = model == study.in_the_clear()?;
    let refused = study.is_refused(TRACKER).await?;
    let outcome = if equal { "as in the clear" } else { "NOT as in the clear" };
    let tracker = if refused { "refused" } else { "NOT refused" };
    let text = format!(
        "{} sealed; a {RESEARCHER} fits LOS by Age and MechVent over {} unseen, R² {:.4}, {outcome}; what would \
         single out 8 patients is {tracker}",
        count(study.table.rows, "stay"),
        model.rows,
        model.r_squared,
    );
    Ok(Told::new(text, equal && refused, sealing + took).with_bytes(TABLE.len() as u64, Some(stored)))
}

/// The sample, as the hospital wants it sealed.
fn sample() -> Result<PreparedTable> {
    let options = CsvOptions { missing: MissingWords::with(["-1"]), ..CsvOptions::default() };
    let raw = read_csv(TABLE, &options).map_err(|error| Failure::usage(error.to_string()))?;
    let roles = [(ColumnRole::Open, ["ICU", "death"].as_slice()), (ColumnRole::Secret, &SECRET)];
    let choices =
        roles.iter().flat_map(|(role, names)| names.iter().map(|name| ColumnChoice::new(*name, *role)));
    prepare(&raw, &choices.collect::<Vec<_>>()).map_err(|error| Failure::usage(error.to_string()))
}

impl Study {
    /// Seals the table, stores it, and lets the researcher ask. Yields the bytes in the cloud.
    async fn seal(&self, key: Arc<SecretKey>) -> Result<u64> {
        let item = ItemId::from_bytes(random_bytes());
        let plan = SealPlan {
            choices: Vec::new(),
            sets: vec![SetChoice {
                name: "stay".to_owned(),
                layout: LayoutChoice::Moments,
                columns: SECRET.map(str::to_owned).to_vec(),
            }],
            key_bits: KeySize::Bits2048.bits(),
            minimum_cohort: 1,
        };
        let sealed = tokio::task::block_in_place(|| {
            sealing::begin_ledger(&self.hospital, item, self.table.rows, plan.minimum_cohort)?;
            sealing::seal(&self.hospital, item, &self.table, &plan, key, &Silent)
        })?;
        let record = self.hospital.default_record().await?;
        let table = NewTable {
            item,
            name: "pn2012".to_owned(),
            description: None,
            date: None,
            file: sealed.file,
            size: sealed.size,
        };
        let stored = self.hospital.add_table(record, table, &Silent).await?;
        self.hospital.verify_party(RESEARCHER, &self.researcher.me().fingerprint).await?;
        let spec = GrantSpec {
            record,
            items: vec![item],
            grantee: RESEARCHER.to_owned(),
            powers: Powers::of([Power::Compute]),
            compute: Some(ComputeTerms {
                technique: TECHNIQUE.to_owned(),
                minimum_cohort: MINIMUM_COHORT,
                runs: None,
                inference: None,
            }),
            purpose: Purpose::Research,
            expires_at: None,
            note: Some("length of stay, 2012".to_owned()),
        };
        self.hospital.grant(&spec).await?;
        Ok(stored.stored)
    }

    /// The researcher's question, answered by the hospital's agent; and how long that took.
    async fn ask(&self, sql: &str) -> Result<(Regression, Duration)> {
        let begun = Instant::now();
        let asked = self.put(sql).await?;
        answering::answer_with(&self.hospital, &asked.job, &self.opened).await?;
        let job = self.researcher.job(&asked.job).await?;
        let (result, _) = evidence::checked_result(&self.researcher, &job)?;
        let took = begun.elapsed();
        let model = result.regressions().next().map(|(_, model)| model.clone());
        model.map(|model| (model, took)).ok_or_else(|| Failure::no("the answer has no regression in it"))
    }

    async fn is_refused(&self, sql: &str) -> Result<bool> {
        let asked = self.put(sql).await?;
        let answered = answering::answer_with(&self.hospital, &asked.job, &self.opened).await;
        let job = self.researcher.job(&asked.job).await?;
        Ok(answered.is_err() && job.state == JobState::Refused && job.result.is_none())
    }

    async fn put(&self, sql: &str) -> Result<cowl_vault::job::JobInfo> {
        let tables = known_tables(&self.researcher).await?;
        let names = Names::new(&tables, &[])?;
        let query = parse(sql, &names.catalog()).map_err(|refusal| Failure::no(refusal.to_string()))?;
        asking::Prepared::new(&self.researcher, &names, query)?.put(&self.researcher).await
    }

    /// The same regression on the rows themselves.
    fn in_the_clear(&self) -> Result<Regression> {
        let variables: Vec<u16> = (0..self.table.variables.len() as u16).collect();
        let mut sums = vec![0i128; cowl_tables::moment_count(variables.len())];
        for row in 0..self.table.rows {
            let moments = moments_of_row(&self.table.row(row, &variables));
            sums.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += moment);
        }
        let named = self.table.variables.iter();
        let named = named.map(|it| Variable { name: it.name.clone(), decimals: it.coding.decimals() });
        let wrong = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
        let moments = Moments::from_slots(named.collect(), &sums).map_err(|error| wrong(&error))?;
        let place = |name: &str| moments.place(name).map_err(|error| wrong(&error));
        let model = Model::ordinary(place("LOS")?, vec![place("Age")?, place("MechVent")?]);
        fit(&moments, &model).map_err(|error| wrong(&error))
    }
}

const SECRET: [&str; 3] = ["Age", "MechVent", "LOS"];
