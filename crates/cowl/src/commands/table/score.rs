//! `cowl table score`

use std::sync::Arc;

use cowl_query::{QueryTable, ScoreRequest};

use super::query::tables_to_ask;
use crate::args::ScoreArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::session;
use crate::tables::catalog::Names;
use crate::tables::{asking, scoring};

pub(super) async fn run(context: &Context, arguments: &ScoreArguments) -> Result<()> {
    if arguments.asking.tables.len() > 1 {
        return Err(Failure::usage("scores are of the rows of one table"));
    }
    let terms = arguments.model.as_deref().map(scoring::read).transpose()?;
    let vault = Arc::new(session::unlock(context).await?);
    let tables = tables_to_ask(&vault).await?;
    let names = Names::new(&tables, &arguments.asking.tables)?;
    let given = arguments.asking.tables.first().and_then(|table| table.split_once('='));
    let name = given.map_or("t", |(name, _)| name);
    let table = names.table(name).ok_or_else(|| {
        let known = names.all().collect::<Vec<_>>().join(", ");
        Failure::usage("there are several tables; say whose rows are to be scored")
            .with_hint(format!("--table TABLE, one of: {known}"))
    })?;
    let schema = &table.info.schema;
    let named = arguments.set.as_deref();
    let (set, terms, decimals) = match terms {
        Some(terms) => {
            let set = scoring::set(schema, named, |columns| scoring::have_all(columns, &terms))?;
            (set, terms, DECIMALS)
        }
        None => {
            let set = scoring::set(schema, named, scoring::have_bins)?;
            (set, scoring::news2_terms(schema, set)?, 0)
        }
    };
    let catalog = names.catalog();
    let granted = catalog.tables.iter().find(|granted| granted.name == name);
    let digest = granted.expect("a table of these names is of their catalog").digest();
    let request = ScoreRequest {
        table: QueryTable { name: name.to_owned(), schema: digest },
        set,
        terms,
        decimals: arguments.decimals.unwrap_or(decimals),
    };
    request.check(&catalog).map_err(|refusal| Failure::usage(refusal.to_string()))?;
    asking::ask(context, &vault, &names, request, &arguments.asking).await
}

/// Digits after the point where nothing else is said.
const DECIMALS: u8 = 6;
