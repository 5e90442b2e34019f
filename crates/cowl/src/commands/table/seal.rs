//! `cowl table seal`

use std::fmt;
use std::sync::Arc;

use cowl_crypto::id::random_bytes;
use cowl_domain::table::{ColumnRole, Layout};
use cowl_domain::{ItemId, RecordId, SuiteId};
use cowl_paillier::KeySize;
use cowl_paillier_secret::SecretKey;
use cowl_tables::coding::{PlannedSet, PreparedTable, plan_set, prepare};
use cowl_tables::layout::capacity;
use cowl_vault::{AddOptions, NewTable, Progress, Source, Vault};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use serde::Serialize;

use crate::args::SealTableArguments;
use crate::columns::{Columns, printable};
use crate::commands::{Context, items};
use crate::failure::{Failure, Result};
use crate::size::{Size, count};
use crate::style::{BAD, COMMAND, GOOD, HEAD};
use crate::tables::found::FoundTable;
use crate::tables::plan::SealPlan;
use crate::tables::{reading, sealing};
use crate::{secret_input, session};

pub(super) async fn run(context: &Context, arguments: &SealTableArguments) -> Result<()> {
    let mut plan = SealPlan::resolve(&arguments.columns)?;
    let given = given_key(arguments)?;
    plan.key_bits = given.as_ref().map_or(plan.key_bits, |key| key.public().size().bits());
    let size = KeySize::of_bits(plan.key_bits).map_err(|error| Failure::usage(error.to_string()))?;
    let prepared = look(context, arguments, &mut plan)?;
    let vault = session::unlock_and_resume(context).await?;
    let record = items::record_or_default(&vault, arguments.record.as_deref()).await?;
    let name = arguments.name.clone().unwrap_or_else(|| reading::stem(&arguments.file));
    vault.check_table_name(record, &name).await?;
    let progress = context.output.progress();
    let key = Arc::new(given.unwrap_or_else(|| fresh_key(&*progress, size)));
    let item = ItemId::from_bytes(random_bytes());
    let sealed = tokio::task::block_in_place(|| {
        sealing::begin_ledger(&vault, item, prepared.rows, plan.minimum_cohort)?;
        sealing::seal(&vault, item, &prepared, &plan, key, &*progress)
    })?;
    let sets = sealed.schema.sets.len();
    let table = NewTable {
        item,
        name,
        description: arguments.description.clone(),
        date: arguments.date.clone(),
        file: sealed.file,
        size: sealed.size,
    };
    let stored = vault.add_table(record, table, &*progress).await?;
    let plain = match arguments.keep_plain {
        true => Some(keep_plain(context, &vault, record, arguments).await?),
        false => None,
    };
    context.output.data(&SealedTable {
        table: stored.item.to_string(),
        name: stored.label.name,
        record: record.to_string(),
        rows: prepared.rows,
        columns: prepared.columns.len(),
        sets,
        stored: Size(stored.stored),
        parts: stored.parts,
        plain,
    })
}

/// Shows what was found and what will become of it, and asks.
fn look(context: &Context, arguments: &SealTableArguments, plan: &mut SealPlan) -> Result<PreparedTable> {
    let mut raw = reading::read(&arguments.file)?;
    plan.add_news2(&mut raw, &arguments.columns.news2)?;
    let plan = &*plan;
    let reports: Vec<_> = (0..raw.names().len()).map(|column| raw.report(column)).collect();
    let role = |name: &str| {
        let choice = plan.choices.iter().find(|choice| choice.column == name);
        choice.map_or(ColumnRole::Dropped, |choice| choice.role).as_str()
    };
    let file = arguments.file.file.display().to_string();
    let found = FoundTable::new(file, &raw, &reports).with_roles(role);
    let prepared = prepare(&raw, &plan.choices).map_err(|error| Failure::usage(error.to_string()))?;
    let preview = Preview::new(&prepared, plan)?;
    context.output.note(&found);
    context.output.note(&preview);
    if context.settings.yes {
        return Ok(prepared);
    }
    match secret_input::confirm(&preview.question) {
        Some(true) => Ok(prepared),
        Some(false) => Err(Failure::no("nothing was sealed")),
        None => Err(Failure::no("nobody has said yes to what becomes of the columns")
            .with_hint("look at 'cowl table import FILE', then give the same command --yes")),
    }
}

/// A key pair that was made beforehand.
fn given_key(arguments: &SealTableArguments) -> Result<Option<SecretKey>> {
    let Some(path) = &arguments.secret_key else { return Ok(None) };
    let bytes = zeroize::Zeroizing::new(std::fs::read(path).map_err(|error| Failure::file(path, error))?);
    let key = SecretKey::from_bytes(&bytes);
    key.map(Some).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn fresh_key(progress: &dyn Progress, size: KeySize) -> SecretKey {
    progress.begin("making the table's key", 0);
    let key = tokio::task::block_in_place(|| SecretKey::generate(size, &mut UnwrapErr(SysRng)));
    progress.end();
    key
}

/// The file as it is, as an ordinary item beside the sealed table.
async fn keep_plain(
    context: &Context,
    vault: &Vault,
    record: RecordId,
    arguments: &SealTableArguments,
) -> Result<String> {
    let sources = Source::gather(std::slice::from_ref(&arguments.file.file))?;
    let options = AddOptions {
        description: arguments.description.clone(),
        date: arguments.date.clone(),
        suite: Some(SuiteId::Standard),
        ..AddOptions::default()
    };
    let report = vault.add(record, sources, &options, &*context.output.progress()).await?;
    use cowl_vault::view::Added;
    match report.files.into_iter().next() {
        Some((_, Added::Sealed(item) | Added::Unchanged(item) | Added::Replaced { new: item, .. })) => {
            Ok(item.to_string())
        }
        Some((name, Added::Refused(reason))) => {
            Err(Failure::no(format!("the table is sealed, but {name} was not kept beside it: {reason}")))
        }
        None => Err(Failure::no("the table is sealed, but there is no file to keep beside it")),
    }
}

/// What becomes of a table, before it does.
struct Preview {
    open: Vec<String>,
    tokens: Vec<String>,
    rows: u64,
    sets: Vec<PreviewedSet>,
    rounded: Vec<String>,
    question: String,
}

struct PreviewedSet {
    name: String,
    layout: &'static str,
    columns: usize,
    ciphertexts: String,
    complete: u64,
}

impl Preview {
    fn new(table: &PreparedTable, plan: &SealPlan) -> Result<Self> {
        let room = capacity(plan.key_bits);
        let planned = plan.sets.iter().map(|set| plan_set(table, set, room));
        let planned: Vec<PlannedSet> = planned.collect::<std::result::Result<_, _>>().map_err(|error| {
            Failure::usage(error.to_string()).with_hint("choose smaller sets: --moments, --cells")
        })?;
        let of_role = |role| plan.of_role(role).map(printable).collect::<Vec<_>>();
        let rounded = table.rounding.iter().map(|it| {
            let (cells, digits) = (count(it.cells, "cell"), count(it.decimals.into(), "digit"));
            format!("{}: {cells} rounded to {digits} after the point", printable(&it.variable))
        });
        let secret = plan.of_role(ColumnRole::Secret).count() as u64;
        let open = of_role(ColumnRole::Open);
        let in_clear = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
        Ok(Self {
            tokens: of_role(ColumnRole::Token),
            rows: table.rows,
            sets: planned.iter().map(|set| PreviewedSet::new(table, set)).collect(),
            rounded: rounded.collect(),
            question: format!(
                "Seal {} with {}? In clear text at the cloud: {in_clear}.",
                count(table.rows, "row"),
                count(secret, "secret column"),
            ),
            open,
        })
    }
}

impl PreviewedSet {
    fn new(table: &PreparedTable, set: &PlannedSet) -> Self {
        let (layout, ciphertexts) = match set.sealed.layout {
            Layout::Cells { ciphertexts } => ("cells", format!("{ciphertexts} a row")),
            Layout::Moments { ciphertexts } => ("moments", format!("{ciphertexts} a row")),
            Layout::Columns { rows } => ("columns", format!("1 for {rows} rows of a column")),
        };
        Self {
            name: set.sealed.name.clone(),
            layout,
            columns: set.sealed.columns.len(),
            ciphertexts,
            complete: table.complete_rows(&set.coding.variables).len(),
        }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        write!(f, "\n{HEAD}in clear text at the cloud{HEAD:#}  {}", list(&self.open))?;
        write!(f, "\n{HEAD}as keyed hashes{HEAD:#}             {}\n\n", list(&self.tokens))?;
        let mut table =
            Columns::new(["set", "layout", "columns", "ciphertexts", "complete rows"]).right([2, 4]);
        for set in &self.sets {
            table.row([
                set.name.clone(),
                set.layout.to_owned(),
                set.columns.to_string(),
                set.ciphertexts.clone(),
                format!("{} of {}", set.complete, self.rows),
            ]);
        }
        write!(f, "{table}")?;
        self.rounded.iter().try_for_each(|note| write!(f, "\n{BAD}!{BAD:#} {note}"))
    }
}

/// `cowl table seal`
#[derive(Debug, Serialize)]
struct SealedTable {
    table: String,
    name: String,
    record: String,
    rows: u64,
    columns: usize,
    sets: usize,
    stored: Size,
    parts: u32,
    /// The item that holds the file as it was, where that was wanted.
    plain: Option<String>,
}

impl fmt::Display for SealedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = (count(self.rows, "row"), count(self.columns as u64, "column"));
        let parts = count(self.parts.into(), "part");
        writeln!(
            f,
            "{GOOD}✓{GOOD:#} {} sealed as {}: {rows}, {columns}, {} in {parts}",
            printable(&self.name),
            &self.table[..items::SHORT],
            self.stored,
        )?;
        self.plain.iter().try_for_each(|plain| {
            writeln!(
                f,
                "{GOOD}✓{GOOD:#} the file itself is item {}, for those who may read",
                &plain[..items::SHORT]
            )
        })?;
        write!(
            f,
            "next: {COMMAND}cowl grant make --to PARTY --item {} --power compute --minimum-cohort 10 --purpose \
             research{COMMAND:#}",
            &self.table[..items::SHORT]
        )
    }
}
