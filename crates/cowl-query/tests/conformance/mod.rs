//! What every engine must give: tables, queries, and an oracle that filters rows one by one in clear.
//!
//! An engine in another crate takes this file in with `#[path]` and calls [`check`] with its own builder.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_domain::table::{Column, ColumnRole, ColumnType, Layout, SealedSet, TableSchema};
use cowl_query::{
    Catalog, Cell, ClearColumn, ClearTable, ColumnRef, Comparison, Condition, EngineError, GrantedTable,
    Group, Join, Order, OrderKey, Output, Query, QueryTable, Selection, SelectionEngine,
};
use proptest::prelude::*;

pub(crate) const WARDS: [&str; 6] = ["A", "a", "Cardio", "Cardiology", "Ünal", "O'Neill; DROP"];
const COLUMNS: [(&str, ColumnRole, ColumnType); 8] = [
    ("ward", ColumnRole::Open, ColumnType::Category),
    ("admitted", ColumnRole::Open, ColumnType::Date),
    ("age", ColumnRole::Open, ColumnType::Integer),
    ("dose", ColumnRole::Open, ColumnType::Decimal),
    ("urgent", ColumnRole::Open, ColumnType::Binary),
    ("patient", ColumnRole::Token, ColumnType::Text),
    ("los", ColumnRole::Secret, ColumnType::Integer),
    ("lactate", ColumnRole::Secret, ColumnType::Decimal),
];

/// A table of six clear and two secret columns.
pub(crate) fn schema(rows: u64) -> TableSchema {
    let column = |(name, role, kind): (&str, _, _)| Column { name: name.to_owned(), role, kind };
    let set = |name: &str, layout, columns: &[u16]| SealedSet {
        name: name.to_owned(),
        layout,
        columns: columns.to_vec(),
    };
    TableSchema {
        rows,
        columns: COLUMNS.into_iter().map(column).collect(),
        sets: vec![
            set("both", Layout::Moments { ciphertexts: 2 }, &[6, 7]),
            set("cells", Layout::Cells { ciphertexts: 1 }, &[6]),
            set("scores", Layout::Columns { rows: 20 }, &[7]),
        ],
        key: Digest::of(b"key"),
        codebook: Digest::of(b"codebook"),
    }
}

pub(crate) fn granted(name: &str, rows: u64) -> GrantedTable {
    GrantedTable { name: name.to_owned(), schema: schema(rows) }
}

fn cell(place: u16) -> BoxedStrategy<Cell> {
    let missing = Just(Cell::Null).boxed();
    let some = match place {
        0 => prop::sample::select(&WARDS[..]).prop_map(|ward| Cell::Text(ward.to_owned())).boxed(),
        1 => (2007..2010, 1..13, 1..29)
            .prop_map(|(y, m, d): (i32, i32, i32)| Cell::Text(format!("{y}-{m:02}-{d:02}")))
            .boxed(),
        2 => prop_oneof![-3..4i64, Just(i64::MAX), Just(i64::MIN)].prop_map(Cell::Integer).boxed(),
        3 => (-20..20i64, 0..3u8).prop_map(|(m, d)| Cell::decimal(m, d).unwrap()).boxed(),
        4 => (0..2i64).prop_map(Cell::Integer).boxed(),
        _ => prop::collection::vec(0..2u8, 3).prop_map(Cell::Token).boxed(),
    };
    prop_oneof![1 => missing, 7 => some].boxed()
}

fn value(place: u16) -> BoxedStrategy<Cell> {
    match place {
        2 => prop_oneof![
            (-3..4i64).prop_map(Cell::Integer),
            (-35..35i64).prop_filter_map("whole", |m| match Cell::decimal(m, 1) {
                Some(Cell::Decimal { decimals: 0, .. }) | None => None,
                decimal => decimal,
            }),
        ]
        .boxed(),
        _ => cell(place).prop_filter("a value is never missing", |cell| *cell != Cell::Null).boxed(),
    }
}

pub(crate) fn clear_table(name: &'static str, most: usize) -> impl Strategy<Value = ClearTable> {
    let row = (0..6u16).map(cell).collect::<Vec<_>>();
    prop::collection::vec(row, 0..most).prop_map(move |rows| {
        let column = |place: u16| ClearColumn {
            place,
            cells: rows.iter().map(|row: &Vec<Cell>| row[usize::from(place)].clone()).collect(),
        };
        ClearTable::new(name, schema(rows.len() as u64), (0..6).map(column).collect()).unwrap()
    })
}

fn leaf(tables: u16) -> BoxedStrategy<Condition> {
    let comparisons = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ];
    (0..tables, 0..6u16)
        .prop_flat_map(move |(table, place)| {
            let column = ColumnRef { table, column: place };
            let allowed = if place == 5 { 2_usize } else { 6 };
            let compare = (0..allowed, value(place)).prop_map(move |(at, value)| Condition::Compare {
                column,
                comparison: comparisons[at],
                value,
            });
            let one_of = prop::collection::vec(value(place), 1..5)
                .prop_map(move |values| Condition::OneOf { column, values });
            let between = if place == 5 {
                Just(Condition::Missing(column)).boxed()
            } else {
                (value(place), value(place))
                    .prop_map(move |(low, high)| Condition::Between { column, low, high })
                    .boxed()
            };
            let starts = match place {
                0 => prop::sample::select(vec!["Card", "A", "Ü", "O'N"])
                    .prop_map(move |it| Condition::StartsWith { column, prefix: it.to_owned() })
                    .boxed(),
                _ => Just(Condition::Missing(column)).boxed(),
            };
            prop_oneof![3 => compare, 1 => one_of, 1 => between, 1 => starts]
        })
        .boxed()
}

fn condition(tables: u16) -> impl Strategy<Value = Condition> {
    leaf(tables).prop_recursive(4, 16, 3, |inner| {
        let parts = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts().prop_map(Condition::All),
            parts().prop_map(Condition::Any),
            inner.clone().prop_map(|it| Condition::Not(Box::new(it))),
        ]
    })
}

/// Tables and an allowed query over them, with a join in half of the cases.
pub(crate) fn case() -> impl Strategy<Value = (Vec<ClearTable>, Query)> {
    let tables = (clear_table("stays", 60), prop::option::of(clear_table("patients", 8)));
    tables.prop_flat_map(|(first, second)| {
        let tables: Vec<ClearTable> = std::iter::once(first).chain(second).collect();
        let count = tables.len() as u16;
        let keys = prop::sample::subsequence((0..count * 6).collect::<Vec<_>>(), 0..3);
        let order = prop::collection::vec((any::<bool>(), any::<bool>()), 0..2);
        (Just(tables), prop::option::of(condition(count)), keys, order, prop::option::of(0..5u64)).prop_map(
            |(tables, condition, keys, order, limit)| {
                let query = query_of(&tables, condition, &keys, &order, limit);
                (tables, query)
            },
        )
    })
}

fn query_of(
    tables: &[ClearTable],
    condition: Option<Condition>,
    keys: &[u16],
    order: &[(bool, bool)],
    limit: Option<u64>,
) -> Query {
    let keys: Vec<_> = keys.iter().map(|at| ColumnRef { table: at / 6, column: at % 6 }).collect();
    let by = |by_key| if by_key && !keys.is_empty() { OrderKey::Key(0) } else { OrderKey::Count };
    Query {
        tables: tables
            .iter()
            .map(|table| QueryTable {
                name: table.name().to_owned(),
                schema: Digest::of(&table.schema().to_bytes()),
            })
            .collect(),
        joins: (1..tables.len() as u16)
            .map(|table| Join {
                earlier: ColumnRef { table: 0, column: 5 },
                own: ColumnRef { table, column: 5 },
            })
            .collect(),
        condition,
        outputs: vec![Output::Count],
        order: order
            .iter()
            .map(|(key, descending)| Order { by: by(*key), descending: *descending })
            .collect(),
        keys,
        limit,
        names: None,
    }
}

pub(crate) fn catalog(tables: &[ClearTable]) -> Catalog {
    let granted =
        |table: &ClearTable| GrantedTable { name: table.name().to_owned(), schema: table.schema().clone() };
    Catalog { tables: tables.iter().map(granted).collect() }
}

/// SQL's logic of three values: `None` is neither true nor false.
fn holds(condition: &Condition, cell: &impl Fn(ColumnRef) -> Cell) -> Option<bool> {
    match condition {
        Condition::All(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| holds(part, cell)).collect();
            if truths.contains(&Some(false)) {
                Some(false)
            } else {
                truths.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
            }
        }
        Condition::Any(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| holds(part, cell)).collect();
            if truths.contains(&Some(true)) {
                Some(true)
            } else {
                truths.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
            }
        }
        Condition::Not(inner) => holds(inner, cell).map(|truth| !truth),
        Condition::Missing(column) => Some(cell(*column) == Cell::Null),
        Condition::Compare { column, comparison, value } => compare(*comparison, &cell(*column), value),
        Condition::Between { column, low, high } => {
            let at_least = compare(Comparison::AtLeast, &cell(*column), low)?;
            Some(at_least && compare(Comparison::AtMost, &cell(*column), high)?)
        }
        Condition::OneOf { column, values } => {
            let found = cell(*column);
            (found != Cell::Null)
                .then(|| values.iter().any(|value| compare(Comparison::Equal, &found, value) == Some(true)))
        }
        Condition::StartsWith { column, prefix } => match cell(*column) {
            Cell::Text(text) => Some(text.starts_with(prefix.as_str())),
            _ => None,
        },
    }
}

/// Numbers as whole hundredths of thousandths, so that the oracle compares without floating point.
fn exact(cell: &Cell) -> Option<i128> {
    match cell {
        Cell::Integer(number) => Some(i128::from(*number) * 100_000),
        Cell::Decimal { mantissa, decimals } => {
            Some(i128::from(*mantissa) * 10_i128.pow(5 - u32::from(*decimals)))
        }
        _ => None,
    }
}

fn compare(comparison: Comparison, found: &Cell, value: &Cell) -> Option<bool> {
    if *found == Cell::Null {
        return None;
    }
    let order = match (exact(found), exact(value)) {
        (Some(found), Some(value)) => found.cmp(&value),
        _ => found.cmp(value),
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    })
}

fn multiplies(tables: &[ClearTable], query: &Query) -> bool {
    query.joins.iter().any(|join| {
        let cells = tables[usize::from(join.own.table)].cells(join.own.column).unwrap();
        let some: Vec<_> = cells.iter().filter(|cell| **cell != Cell::Null).collect();
        some.iter().collect::<HashSet<_>>().len() != some.len()
    })
}

/// The same selection by looking at each row by itself.
fn oracle(tables: &[ClearTable], query: &Query) -> Selection {
    let mut groups: BTreeMap<Vec<Cell>, Vec<u64>> = BTreeMap::new();
    if query.keys.is_empty() {
        groups.insert(vec![], vec![]);
    }
    for row in 0..tables[0].schema().rows as usize {
        let mut rows = vec![row];
        for join in &query.joins {
            let wanted = &tables[usize::from(join.earlier.table)].cells(join.earlier.column).unwrap()
                [rows[usize::from(join.earlier.table)]];
            let cells = tables[usize::from(join.own.table)].cells(join.own.column).unwrap();
            let partner = cells.iter().position(|cell| cell != &Cell::Null && cell == wanted);
            rows.extend(partner);
        }
        if rows.len() < tables.len() {
            continue;
        }
        let cell = |at: ColumnRef| {
            tables[usize::from(at.table)].cells(at.column).unwrap()[rows[usize::from(at.table)]].clone()
        };
        if query.condition.as_ref().is_none_or(|it| holds(it, &cell) == Some(true)) {
            groups.entry(query.keys.iter().map(|key| cell(*key)).collect()).or_default().push(row as u64);
        }
    }
    Selection { groups: groups.into_iter().map(|(keys, rows)| Group { keys, rows }).collect() }
}

/// Whether an engine gives what the oracle gives.
pub(crate) fn check<E: SelectionEngine>(
    build: impl Fn(Vec<Arc<ClearTable>>) -> E,
    tables: &[ClearTable],
    query: &Query,
) -> Result<(), TestCaseError> {
    let engine = build(tables.iter().cloned().map(Arc::new).collect());
    let found = engine.select(query);
    if multiplies(tables, query) {
        let refused = matches!(found, Err(EngineError::RowMultiplyingJoin { .. }));
        prop_assert!(refused, "a join that multiplies rows was not refused");
        return Ok(());
    }
    let expected = oracle(tables, query);
    let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&found, &expected);
    prop_assert_eq!(&engine.select(query).unwrap(), &expected, "a second run gives the same");
    Ok(())
}
