//! From SQL to a [`Query`]: what is allowed is taken, all else refused by name.
//!
//! Every field of the parser's tree is looked at: where a struct is taken apart here, it is without `..`, so that a
//! newer parser with a new clause does not compile until somebody has decided about it.

mod aggregate;
mod condition;
mod names;
mod text;

use sqlparser::ast::{
    Expr, GroupByExpr, LimitClause, OrderBy, OrderByKind, Query as SqlQuery, Select, SelectFlavor,
    SelectItem, SetExpr, Value,
};

use crate::check::Catalog;
use crate::query::{ColumnRef, Order, OrderKey, Output, Query};
use crate::refusal::{QueryRefusal, not_allowed};
use names::Names;

/// Reads a query in SQL and checks it against the granted tables.
///
/// ```text
/// SELECT ward, count(*), enc_avg(los), enc_corr(los, age) FROM stays
/// WHERE admitted >= '2008-01-01' AND ward IN ('A', 'B') GROUP BY ward ORDER BY ward LIMIT 10
/// ```
///
/// # Errors
/// [`QueryRefusal`] names what is not allowed, and what would be.
pub fn parse(sql: &str, catalog: &Catalog) -> Result<Query, QueryRefusal> {
    let parsed = text::read(sql)?;
    let query = from_query(parsed, catalog)?;
    query.check(catalog)?;
    Ok(query)
}

/// What a query around its SELECT asks for.
struct Tail {
    order_by: Option<OrderBy>,
    limit: Option<LimitClause>,
}

fn from_query(parsed: SqlQuery, catalog: &Catalog) -> Result<Query, QueryRefusal> {
    let SqlQuery {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = parsed;
    const ONE: &str = "a query is one SELECT over granted tables";
    refuse(with.is_some(), "WITH", ONE)?;
    refuse(fetch.is_some(), "FETCH", "write LIMIT n")?;
    refuse(!locks.is_empty() || for_clause.is_some(), "FOR", ONE)?;
    refuse(settings.is_some(), "SETTINGS", ONE)?;
    refuse(format_clause.is_some(), "FORMAT", ONE)?;
    refuse(!pipe_operators.is_empty(), "a pipe", ONE)?;
    match *body {
        SetExpr::Select(select) => from_select(*select, Tail { order_by, limit: limit_clause }, catalog),
        SetExpr::SetOperation { .. } => {
            not_allowed("UNION, INTERSECT or EXCEPT", "ask each SELECT by itself")
        }
        SetExpr::Query(_) => not_allowed("a SELECT in parentheses", ONE),
        SetExpr::Values(_) => not_allowed("VALUES", ONE),
        SetExpr::Table(_) => not_allowed("TABLE", ONE),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            not_allowed("a change of rows", "sealed tables are only read")
        }
    }
}

fn refuse(present: bool, what: &'static str, instead: &'static str) -> Result<(), QueryRefusal> {
    if present { not_allowed(what, instead) } else { Ok(()) }
}

fn from_select(select: Select, tail: Tail, catalog: &Catalog) -> Result<Query, QueryRefusal> {
    refuse_clauses(&select)?;
    let Select { projection, from, selection, group_by, .. } = select;
    let (names, joins) = Names::of(from, catalog)?;
    let keys = group_by_keys(group_by, &names)?;
    let (mut outputs, mut given) = (Vec::new(), Vec::new());
    for item in projection {
        let (output, name) = output(item, &names, &keys)?;
        outputs.push(output);
        given.push(name);
    }
    let given = given.iter().any(Option::is_some).then_some(given);
    let condition = selection.map(|it| condition::of(it, &names)).transpose()?;
    let order = tail.order_by.map_or(Ok(Vec::new()), |it| order(it, &names, &keys))?;
    let limit = tail.limit.map_or(Ok(None), limit)?;
    Ok(Query { tables: names.into_tables(), joins, condition, keys, outputs, order, limit, names: given })
}

/// All clauses of SELECT but the five that are read.
fn refuse_clauses(select: &Select) -> Result<(), QueryRefusal> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    const KEYS: &str = "write keys and aggregates, and group with GROUP BY";
    refuse(!optimizer_hints.is_empty(), "a hint", KEYS)?;
    refuse(distinct.is_some(), "DISTINCT", "groups are distinct by themselves: use GROUP BY")?;
    refuse(select_modifiers.is_some(), "a modifier of SELECT", KEYS)?;
    refuse(top.is_some(), "TOP", "write LIMIT n")?;
    refuse(exclude.is_some(), "EXCLUDE", KEYS)?;
    refuse(into.is_some(), "INTO", "sealed tables are only read")?;
    refuse(!lateral_views.is_empty(), "LATERAL", "joins are on token columns that are unique on one side")?;
    refuse(prewhere.is_some(), "PREWHERE", "write WHERE")?;
    refuse(!connect_by.is_empty(), "CONNECT BY", "recursion is left out")?;
    refuse(!cluster_by.is_empty(), "CLUSTER BY", "write ORDER BY")?;
    refuse(!distribute_by.is_empty(), "DISTRIBUTE BY", "write ORDER BY")?;
    refuse(!sort_by.is_empty(), "SORT BY", "write ORDER BY")?;
    refuse(having.is_some(), "HAVING", "small groups are left out anyway; narrow rows with WHERE")?;
    refuse(!named_window.is_empty(), "WINDOW", KEYS)?;
    refuse(qualify.is_some(), "QUALIFY", KEYS)?;
    refuse(value_table_mode.is_some(), "SELECT AS", KEYS)?;
    refuse(*flavor != SelectFlavor::Standard, "FROM before SELECT", KEYS)
}

fn group_by_keys(group_by: GroupByExpr, names: &Names<'_>) -> Result<Vec<ColumnRef>, QueryRefusal> {
    const COLUMNS: &str = "GROUP BY takes open and token columns";
    let GroupByExpr::Expressions(expressions, modifiers) = group_by else {
        return not_allowed("GROUP BY ALL", COLUMNS);
    };
    refuse(!modifiers.is_empty(), "ROLLUP, CUBE or TOTALS", COLUMNS)?;
    expressions
        .iter()
        .map(|expression| match names.column_of(expression)? {
            Some(column) => Ok(column),
            None => not_allowed("an expression in GROUP BY", COLUMNS),
        })
        .collect()
}

const ITEMS: &str = "SELECT takes columns of GROUP BY and aggregates of bare columns";

/// A column of the result, and the name that AS gives it.
fn output(
    item: SelectItem,
    names: &Names<'_>,
    keys: &[ColumnRef],
) -> Result<(Output, Option<String>), QueryRefusal> {
    match item {
        SelectItem::UnnamedExpr(expression) => Ok((expression_output(expression, names, keys)?, None)),
        SelectItem::ExprWithAlias { expr, alias } => {
            Ok((expression_output(expr, names, keys)?, Some(alias.value)))
        }
        SelectItem::ExprWithAliases { .. } => not_allowed("AS with several names", "write AS name"),
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => not_allowed("*", ITEMS),
    }
}

fn expression_output(
    expression: Expr,
    names: &Names<'_>,
    keys: &[ColumnRef],
) -> Result<Output, QueryRefusal> {
    if let Expr::Function(function) = expression {
        return aggregate::of(function, names);
    }
    match names.column_of(&expression)? {
        Some(column) => Ok(Output::Key(key_place(column, names, keys)?)),
        None => not_allowed(condition::name_of(&expression), ITEMS),
    }
}

fn key_place(column: ColumnRef, names: &Names<'_>, keys: &[ColumnRef]) -> Result<u16, QueryRefusal> {
    let place = keys.iter().position(|key| *key == column);
    let place = place.ok_or_else(|| QueryRefusal::NotGrouped(names.name_of(column)))?;
    u16::try_from(place).map_err(|_| QueryRefusal::TooLarge { what: "keys", most: usize::from(u16::MAX) })
}

fn order(order: OrderBy, names: &Names<'_>, keys: &[ColumnRef]) -> Result<Vec<Order>, QueryRefusal> {
    const STEPS: &str = "ORDER BY takes columns of GROUP BY and count(*), each with ASC or DESC";
    refuse(order.interpolate.is_some(), "INTERPOLATE", STEPS)?;
    let OrderByKind::Expressions(steps) = order.kind else { return not_allowed("ORDER BY ALL", STEPS) };
    steps
        .into_iter()
        .map(|step| {
            refuse(step.with_fill.is_some(), "WITH FILL", STEPS)?;
            refuse(step.options.nulls_first.is_some(), "NULLS FIRST or LAST", STEPS)?;
            let descending = match step.options.sort {
                None | Some(sqlparser::ast::OrderBySort::Asc) => false,
                Some(sqlparser::ast::OrderBySort::Desc) => true,
                Some(_) => return not_allowed("ORDER BY … USING", STEPS),
            };
            Ok(Order { by: order_key(step.expr, names, keys)?, descending })
        })
        .collect()
}

fn order_key(expression: Expr, names: &Names<'_>, keys: &[ColumnRef]) -> Result<OrderKey, QueryRefusal> {
    const STEPS: &str = "ORDER BY takes columns of GROUP BY and count(*)";
    if let Some(column) = names.column_of(&expression)? {
        return Ok(OrderKey::Key(key_place(column, names, keys)?));
    }
    let Expr::Function(function) = expression else {
        return not_allowed("an expression in ORDER BY", STEPS);
    };
    match aggregate::of(function, names)? {
        Output::Count => Ok(OrderKey::Count),
        _ => {
            not_allowed("an encrypted aggregate in ORDER BY", "the cloud cannot compare what it cannot read")
        }
    }
}

fn limit(clause: LimitClause) -> Result<Option<u64>, QueryRefusal> {
    const LIMIT: &str = "write LIMIT n with a whole number";
    let LimitClause::LimitOffset { limit, offset, limit_by } = clause else {
        return not_allowed("OFFSET", LIMIT);
    };
    refuse(offset.is_some(), "OFFSET", LIMIT)?;
    refuse(!limit_by.is_empty(), "LIMIT BY", LIMIT)?;
    let number = match limit {
        None => return Ok(None),
        Some(Expr::Value(value)) => match value.value {
            Value::Number(digits, false) => digits.parse().ok(),
            _ => None,
        },
        Some(_) => None,
    };
    number.map_or_else(|| not_allowed("that LIMIT", LIMIT), |number| Ok(Some(number)))
}
