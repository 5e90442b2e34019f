//! Aggregates: `count(*)`, and functions of bare secret columns.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, ObjectNamePart,
};

use super::condition;
use super::names::Names;
use super::text::quote;
use crate::check::{check_arguments, choose_set};
use crate::clear::Cell;
use crate::query::{Aggregate, AggregateFunction, Output};
use crate::refusal::{QueryRefusal, not_allowed};

const BARE: &str = "aggregates take bare columns, e.g. enc_avg(los), and count takes *";

pub(super) fn of(function: Function, names: &Names<'_>) -> Result<Output, QueryRefusal> {
    let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
        function;
    if over.is_some() {
        return not_allowed("a window function", "group with GROUP BY");
    }
    if filter.is_some() {
        return not_allowed("FILTER", "narrow rows with WHERE");
    }
    let extras =
        uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) || null_treatment.is_some();
    if extras || !within_group.is_empty() {
        return not_allowed("an aggregate with more than its columns", BARE);
    }
    let [ObjectNamePart::Identifier(word)] = name.0.as_slice() else {
        return Err(QueryRefusal::Function { name: quote(&name.to_string()) });
    };
    let arguments = arguments(args)?;
    if word.value.eq_ignore_ascii_case("count") {
        return count(&arguments);
    }
    let known = AggregateFunction::ALL.into_iter().find(|it| word.value.eq_ignore_ascii_case(it.name()));
    let function = known.ok_or_else(|| QueryRefusal::Function { name: quote(&word.value) })?;
    encrypted(function, &arguments, names)
}

fn arguments(args: FunctionArguments) -> Result<Vec<FunctionArgExpr>, QueryRefusal> {
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment, args, clauses }) = args else {
        return not_allowed("a subquery in an aggregate", BARE);
    };
    if duplicate_treatment.is_some() {
        return not_allowed("DISTINCT in an aggregate", BARE);
    }
    if !clauses.is_empty() {
        return not_allowed("an aggregate with more than its columns", BARE);
    }
    args.into_iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(expression) => Ok(expression),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => {
                not_allowed("a named argument", BARE)
            }
        })
        .collect()
}

fn count(arguments: &[FunctionArgExpr]) -> Result<Output, QueryRefusal> {
    match arguments {
        [FunctionArgExpr::Wildcard] => Ok(Output::Count),
        _ => not_allowed("count of anything but *", "count(*) counts the rows of a group"),
    }
}

fn encrypted(
    function: AggregateFunction,
    arguments: &[FunctionArgExpr],
    names: &Names<'_>,
) -> Result<Output, QueryRefusal> {
    let (penalty, arguments) = match function {
        AggregateFunction::RidgeRegression => penalty_first(arguments)?,
        _ => (None, arguments),
    };
    let columns: Vec<u16> = arguments.iter().map(|it| column(it, names)).collect::<Result<_, _>>()?;
    check_arguments(function, &columns)?;
    let schema = &names.table(0).schema;
    let secret =
        |place: &u16| schema.columns[usize::from(*place)].role == cowl_domain::table::ColumnRole::Secret;
    // A column that is not secret is in no set; the check says so in better words than a missing set would.
    let set = if columns.iter().all(secret) { choose_set(schema, function, &columns)? } else { 0 };
    Ok(Output::Aggregate(Aggregate { function, set, columns, penalty }))
}

/// The penalty of a ridge regression, and the columns behind it.
fn penalty_first(arguments: &[FunctionArgExpr]) -> Result<(Option<Cell>, &[FunctionArgExpr]), QueryRefusal> {
    let penalty = match arguments.first() {
        Some(FunctionArgExpr::Expr(Expr::Value(value))) => condition::literal(&value.value),
        _ => None,
    };
    let penalty = match penalty {
        Some(Cell::Integer(number)) => Cell::decimal(number, 0),
        decimal => decimal,
    };
    match penalty {
        Some(penalty @ Cell::Decimal { .. }) => Ok((Some(penalty), &arguments[1..])),
        _ => not_allowed("enc_ridge without a penalty", "write enc_ridge(0.5, target, column…)"),
    }
}

fn column(argument: &FunctionArgExpr, names: &Names<'_>) -> Result<u16, QueryRefusal> {
    let FunctionArgExpr::Expr(expression) = argument else { return not_allowed("* in an aggregate", BARE) };
    match names.column_of(expression)? {
        Some(column) if column.table == 0 => Ok(column.column),
        Some(_) => not_allowed(
            "an aggregate of a joined table",
            "aggregates are of the first table, whose rows count once; begin FROM with it",
        ),
        None => not_allowed("an expression in an aggregate", BARE),
    }
}
