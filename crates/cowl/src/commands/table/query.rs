//! `cowl table query` and `cowl table regress`

use std::sync::Arc;

use cowl_query::parse;
use cowl_vault::Vault;

use crate::args::{AskingArguments, QueryArguments, RegressArguments};
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::session;
use crate::tables::asking;
use crate::tables::catalog::{self, KnownTable, Names};
use crate::tables::wording::identifier;

pub(super) async fn query(context: &Context, arguments: &QueryArguments) -> Result<()> {
    ask(context, &arguments.sql, &arguments.asking).await
}

pub(super) async fn regress(context: &Context, arguments: &RegressArguments) -> Result<()> {
    if arguments.asking.tables.len() > 1 {
        return Err(Failure::usage("a regression is about one table; join tables with 'cowl table query'"));
    }
    ask(context, &regression(arguments), &arguments.asking).await
}

/// The question in SQL. The condition is read by the same parser as any other, and can be nothing but a condition.
fn regression(arguments: &RegressArguments) -> String {
    let names = |columns: &[String]| columns.iter().map(|it| identifier(it)).collect::<Vec<_>>().join(", ");
    let columns = format!("{}, {}", identifier(&arguments.target), names(&arguments.on));
    let model = match &arguments.ridge {
        Some(penalty) => format!("enc_ridge({penalty}, {columns})"),
        None => format!("enc_linreg({columns})"),
    };
    let keys = names(&arguments.by);
    let outputs = if keys.is_empty() { model } else { format!("{keys}, {model}") };
    let named = arguments.asking.tables.first().and_then(|table| table.split_once('='));
    let table = identifier(named.map_or("t", |(name, _)| name));
    let mut sql = format!("SELECT {outputs} FROM {table}");
    if let Some(condition) = &arguments.condition {
        sql += &format!(" WHERE ({condition})");
    }
    if !keys.is_empty() {
        sql += &format!(" GROUP BY {keys} ORDER BY {keys}");
    }
    sql
}

/// The tables that the caller may ask about, one at least.
pub(super) async fn tables_to_ask(vault: &Vault) -> Result<Vec<KnownTable>> {
    let tables = catalog::known_tables(vault).await?;
    if tables.is_empty() {
        return Err(Failure::no("there is no table that you may ask about").with_hint(
            "seal one: cowl table seal FILE; or ask its owner: cowl grant request OWNER --power compute …",
        ));
    }
    Ok(tables)
}

async fn ask(context: &Context, sql: &str, arguments: &AskingArguments) -> Result<()> {
    let vault = Arc::new(session::unlock(context).await?);
    let tables = tables_to_ask(&vault).await?;
    let names = Names::new(&tables, &arguments.tables)?;
    let query = parse(sql, &names.catalog()).map_err(|refusal| {
        let failure = Failure::no(refusal.to_string());
        match refusal {
            cowl_query::QueryRefusal::UnknownTable(_) => failure.with_hint(format!(
                "tables that you may ask about: {}",
                names.all().collect::<Vec<_>>().join(", ")
            )),
            cowl_query::QueryRefusal::UnknownColumn(_) => {
                failure.with_hint("see the columns: cowl table show TABLE")
            }
            _ => failure,
        }
    })?;
    asking::ask(context, &vault, &names, query, arguments).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ResultArguments;

    #[test]
    fn a_regression_is_a_query() {
        let text = |text: &str| text.to_owned();
        let asking = AskingArguments {
            tables: Vec::new(),
            wait: std::time::Duration::ZERO,
            detach: false,
            output: ResultArguments::default(),
        };
        let mut arguments = RegressArguments {
            target: text("los"),
            on: vec![text("age"), text("body weight")],
            condition: None,
            ridge: None,
            by: Vec::new(),
            asking,
        };
        assert_eq!(regression(&arguments), "SELECT enc_linreg(los, age, \"body weight\") FROM t");
        arguments.ridge = Some(text("0.5"));
        assert_eq!(regression(&arguments), "SELECT enc_ridge(0.5, los, age, \"body weight\") FROM t");
        arguments.ridge = None;
        arguments.asking.tables = vec![text("our stays=1f2e")];
        assert_eq!(regression(&arguments), "SELECT enc_linreg(los, age, \"body weight\") FROM \"our stays\"");
        arguments.asking.tables = vec![text("stays")];
        arguments.condition = Some(text("ward = 'A' OR ward = 'B'"));
        arguments.by = vec![text("ward")];
        assert_eq!(
            regression(&arguments),
            "SELECT ward, enc_linreg(los, age, \"body weight\") FROM t WHERE (ward = 'A' OR ward = 'B') \
             GROUP BY ward ORDER BY ward"
        );
    }
}
