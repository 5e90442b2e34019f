//! WHERE.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::names::Names;
use crate::check::{literal_for, unfit};
use crate::clear::Cell;
use crate::limits::DEEPEST_NESTING;
use crate::query::{ColumnRef, Comparison, Condition};
use crate::refusal::{QueryRefusal, not_allowed};

const CONDITIONS: &str = "WHERE takes columns compared with values (=, <>, <, <=, >, >=, IN, BETWEEN, IS NULL, LIKE \
                          'beginning%'), joined by AND, OR and NOT";

pub(super) fn of(expression: Expr, names: &Names<'_>) -> Result<Condition, QueryRefusal> {
    read(expression, names, 1)
}

fn read(expression: Expr, names: &Names<'_>, depth: usize) -> Result<Condition, QueryRefusal> {
    if depth > DEEPEST_NESTING {
        return Err(QueryRefusal::TooLarge { what: "levels of conditions", most: DEEPEST_NESTING });
    }
    match expression {
        Expr::Nested(inner) => read(*inner, names, depth + 1),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => negated(read(*expr, names, depth + 1)?, true),
        Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), left, right } => {
            chain(op, *left, *right, names, depth)
        }
        Expr::BinaryOp { op, left, right } => comparison(&op, &left, &right, names),
        Expr::IsNull(inner) => Ok(Condition::Missing(column(&inner, names)?)),
        Expr::IsNotNull(inner) => negated(Condition::Missing(column(&inner, names)?), true),
        Expr::InList { expr, list, negated: not } => negated(one_of(&expr, &list, names)?, not),
        Expr::Between { expr, negated: not, low, high } => {
            let column = column(&expr, names)?;
            let (low, high) = (value(&low, column, names)?, value(&high, column, names)?);
            negated(Condition::Between { column, low, high }, not)
        }
        Expr::Like { negated: not, any: false, expr, pattern, escape_char: None } => {
            negated(starts_with(&expr, &pattern, names)?, not)
        }
        other => not_allowed(name_of(&other), CONDITIONS),
    }
}

fn negated(condition: Condition, not: bool) -> Result<Condition, QueryRefusal> {
    Ok(if not { Condition::Not(Box::new(condition)) } else { condition })
}

/// `a AND b AND c` comes as ((a AND b) AND c), as deep as it is long; here it becomes one list.
fn chain(
    op: BinaryOperator,
    left: Expr,
    right: Expr,
    names: &Names<'_>,
    depth: usize,
) -> Result<Condition, QueryRefusal> {
    let (mut parts, mut rest) = (vec![right], left);
    loop {
        match rest {
            Expr::BinaryOp { op: same, left, right } if same == op => {
                parts.push(*right);
                rest = *left;
            }
            first => {
                parts.push(first);
                break;
            }
        }
    }
    let parts = parts.into_iter().rev().map(|part| read(part, names, depth + 1)).collect::<Result<_, _>>()?;
    Ok(if op == BinaryOperator::And { Condition::All(parts) } else { Condition::Any(parts) })
}

fn comparison(
    op: &BinaryOperator,
    left: &Expr,
    right: &Expr,
    names: &Names<'_>,
) -> Result<Condition, QueryRefusal> {
    let comparison = match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::AtMost,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::AtLeast,
        _ => return not_allowed("that operator", CONDITIONS),
    };
    if let Some(at) = names.column_of(left)? {
        return Ok(Condition::Compare { column: at, comparison, value: value(right, at, names)? });
    }
    let Some(at) = names.column_of(right)? else {
        return not_allowed(name_of(if matches!(left, Expr::Value(_)) { right } else { left }), CONDITIONS);
    };
    Ok(Condition::Compare { column: at, comparison: comparison.flipped(), value: value(left, at, names)? })
}

fn column(expression: &Expr, names: &Names<'_>) -> Result<ColumnRef, QueryRefusal> {
    match names.column_of(expression)? {
        Some(column) => Ok(column),
        None => not_allowed(name_of(expression), CONDITIONS),
    }
}

fn one_of(expression: &Expr, list: &[Expr], names: &Names<'_>) -> Result<Condition, QueryRefusal> {
    let column = column(expression, names)?;
    let values = list.iter().map(|item| value(item, column, names)).collect::<Result<_, _>>()?;
    Ok(Condition::OneOf { column, values })
}

fn starts_with(expression: &Expr, pattern: &Expr, names: &Names<'_>) -> Result<Condition, QueryRefusal> {
    let column = column(expression, names)?;
    let prefix = match pattern {
        Expr::Value(pattern) => match &pattern.value {
            Value::SingleQuotedString(text) => text.strip_suffix('%'),
            _ => None,
        },
        _ => None,
    };
    match prefix {
        Some(prefix) if !prefix.contains(['%', '_', '\\']) => {
            Ok(Condition::StartsWith { column, prefix: prefix.to_owned() })
        }
        _ => not_allowed("that LIKE", "LIKE takes a beginning and one % behind it, e.g. LIKE 'Card%'"),
    }
}

fn value(expression: &Expr, at: ColumnRef, names: &Names<'_>) -> Result<Cell, QueryRefusal> {
    let about = &names.table(at.table).schema.columns[usize::from(at.column)];
    let cell = match expression {
        Expr::Value(value) => literal(&value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(value) => literal(&value.value).and_then(negative),
            _ => return not_allowed("an expression in WHERE", CONDITIONS),
        },
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            return not_allowed("a column compared with a column", CONDITIONS);
        }
        other => return not_allowed(name_of(other), CONDITIONS),
    };
    cell.map(|cell| literal_for(about, cell)).ok_or_else(|| unfit(about))
}

pub(super) fn literal(value: &Value) -> Option<Cell> {
    match value {
        Value::Number(digits, false) => number(digits),
        Value::SingleQuotedString(text) => Some(Cell::Text(text.clone())),
        Value::HexStringLiteral(digits) => token(digits),
        Value::Boolean(truth) => Some(Cell::Integer(i64::from(*truth))),
        _ => None,
    }
}

fn number(digits: &str) -> Option<Cell> {
    let Some((whole, behind)) = digits.split_once('.') else { return digits.parse().ok().map(Cell::Integer) };
    let behind = behind.trim_end_matches('0');
    let mantissa = format!("{whole}{behind}").parse().ok()?;
    Cell::decimal(mantissa, u8::try_from(behind.len()).ok()?)
}

fn negative(cell: Cell) -> Option<Cell> {
    match cell {
        Cell::Integer(number) => number.checked_neg().map(Cell::Integer),
        Cell::Decimal { mantissa, decimals } => Cell::decimal(-mantissa, decimals),
        _ => None,
    }
}

fn token(digits: &str) -> Option<Cell> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = digits.as_bytes();
    let even = bytes.len().is_multiple_of(2) && bytes.iter().all(u8::is_ascii_hexdigit);
    if even { bytes.chunks(2).map(pair).collect::<Option<_>>().map(Cell::Token) } else { None }
}

/// What an expression that is not allowed is called.
pub(super) fn name_of(expression: &Expr) -> &'static str {
    match expression {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => "a subquery",
        Expr::Function(_) => "a function in WHERE",
        Expr::Case { .. } => "CASE",
        Expr::Cast { .. } | Expr::Convert { .. } => "CAST",
        Expr::Collate { .. } => "COLLATE",
        Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => "a pattern other than LIKE",
        Expr::Like { .. } => "that LIKE",
        Expr::Value(_) => "a value by itself",
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => "a column by itself",
        Expr::Tuple(_) => "a list in parentheses",
        _ => "an expression",
    }
}
