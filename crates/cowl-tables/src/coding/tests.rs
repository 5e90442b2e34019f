use cowl_domain::table::Layout;

use super::*;
use crate::import::{CsvOptions, read_csv};
use crate::layout::capacity;

fn table(text: &str) -> RawTable {
    read_csv(text.as_bytes(), &CsvOptions::default()).unwrap()
}

fn secret(column: &str) -> ColumnChoice {
    ColumnChoice::new(column, ColumnRole::Secret)
}

/// A table of one secret column.
fn prepared(cells: &[&str], choice: ColumnChoice) -> Result<PreparedTable, ImportError> {
    prepare(
        &table(&format!("x,other\n{}", cells.iter().map(|cell| format!("{cell},1\n")).collect::<String>())),
        &[choice],
    )
}

fn refusal(cells: &[&str], choice: ColumnChoice) -> String {
    prepared(cells, choice).unwrap_err().to_string()
}

#[test]
fn the_scale_makes_values_exact() {
    let made = prepared(&["1.5", "", "-20", "3.125"], secret("x")).unwrap();
    assert_eq!(made.values, [[Some(1_500), None, Some(-20_000), Some(3_125)]]);
    let variable = &made.variables[0];
    assert_eq!((variable.lowest, variable.highest, variable.rounded), (-20_000, 3_125, 0));
    assert_eq!(variable.coding, Coding::Number { decimals: 3 });
    assert!(made.rounding.is_empty());
    assert_eq!(made.columns.len(), 1);
}

#[test]
fn rounding_is_reported_whether_chosen_or_needed() {
    let made = prepared(&["1.25", "2.5", "3"], ColumnChoice { decimals: Some(1), ..secret("x") }).unwrap();
    assert_eq!(made.values, [[Some(13), Some(25), Some(30)]]);
    assert_eq!(made.rounding, [Rounding { variable: "x".into(), decimals: 1, cells: 1 }]);
    // 12 digits before the point leave room for no decimal in 40 bits.
    let made = prepared(&["900000000000.25", "1"], secret("x")).unwrap();
    assert_eq!(made.rounding, [Rounding { variable: "x".into(), decimals: 0, cells: 1 }]);
    assert_eq!(made.variables[0].rounded, 1);
}

#[test]
fn numbers_that_no_scale_fits_are_refused_by_line() {
    let refused = refusal(&["1", "2", "2000000000000"], secret("x"));
    assert!(refused.starts_with("line 4, column 'x': 2000000000000e-0 is too large"), "{refused}");
}

#[test]
fn cells_of_another_kind_are_refused_by_line_and_column() {
    let mut cells = vec!["7"; 20];
    cells[4] = "seven";
    let refused = refusal(&cells, secret("x"));
    assert!(refused.starts_with("line 6, column 'x': 'seven' is not a whole number; mend it"), "{refused}");
    let as_integer = ColumnChoice { kind: Some(ColumnType::Integer), ..secret("x") };
    assert!(
        refusal(&["1", "2.5"], as_integer).starts_with("line 3, column 'x': '2.5' is not a whole number")
    );
    let as_date = ColumnChoice { kind: Some(ColumnType::Date), ..ColumnChoice::new("x", ColumnRole::Open) };
    assert!(
        refusal(&["2008-01-01", "01.02.2008"], as_date)
            .starts_with("line 3, column 'x': '01.02.2008' is not a day")
    );
    let as_number = ColumnChoice { kind: Some(ColumnType::Decimal), ..secret("x") };
    assert!(refusal(&["1", "inf"], as_number).contains("'inf' is not a number"));
}

#[test]
fn categories_become_indicators_beside_a_reference() {
    let cells = ["MICU", "CCU", "", "SICU", "CCU", "MICU", "SICU"];
    let made = prepared(&cells, secret("x")).unwrap();
    let names: Vec<_> = made.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["x=MICU", "x=SICU"]);
    assert_eq!(made.values[0], [Some(1), Some(0), None, Some(0), Some(0), Some(1), Some(0)]);
    let coding = Coding::Level { level: "MICU".into(), reference: "CCU".into() };
    assert_eq!(made.variables[0].coding, coding);
    let chosen = ColumnChoice { reference: Some("SICU".into()), ..secret("x") };
    let names: Vec<_> =
        prepared(&cells, chosen).unwrap().variables.iter().map(|it| it.name.clone()).collect();
    assert_eq!(names, ["x=CCU", "x=MICU"]);
    let unknown = ColumnChoice { reference: Some("ICU".into()), ..secret("x") };
    assert_eq!(refusal(&cells, unknown), "column 'x' has no level 'ICU' to refer to");
}

#[test]
fn binary_columns_and_days_become_integers() {
    assert_eq!(prepared(&["Yes", "no", "NA"], secret("x")).unwrap().values, [[Some(1), Some(0), None]]);
    assert_eq!(prepared(&["1970-01-02", "1969-12-31"], secret("x")).unwrap().values, [[Some(1), Some(-1)]]);
}

#[test]
fn standardised_columns_have_mean_zero_and_deviation_one() {
    let made =
        prepared(&["1.5", "2.5", "", "6.5"], ColumnChoice { standardise: true, ..secret("x") }).unwrap();
    let Coding::Standardised { centre, spread, decimals } = made.variables[0].coding else { panic!() };
    // 3.5 and √7.
    assert_eq!((centre.mantissa, spread.mantissa, spread.decimals, decimals), (35_000, 26_458, 4, 6));
    assert_eq!(made.values, [[Some(-755_915), Some(-377_958), None, Some(1_133_873)]]);
    assert_eq!(made.rounding[0].cells, 3);
    let constant = ColumnChoice { standardise: true, ..secret("x") };
    assert!(refusal(&["5", "5"], constant.clone()).contains("does not vary"));
    assert!(refusal(&["a", "b", "a", "b"], constant).contains("only numbers can be standardised"));
}

#[test]
fn choices_that_cannot_be_met_are_refused() {
    assert!(refusal(&["one", "two", "three"], secret("x")).contains("is text, and text has no sum"));
    assert!(refusal(&["1"], secret("y")).starts_with("there is no column 'y'"));
    let dropped = ColumnChoice::new("x", ColumnRole::Dropped);
    assert!(refusal(&["1"], dropped).contains("all others are dropped"));
    let same = ColumnChoice { kind: Some(ColumnType::Category), ..secret("x") };
    assert!(refusal(&["a", "a"], same.clone()).contains("the same category"));
    let cells: Vec<_> = (0..65).map(|level| format!("level {level}")).collect();
    assert!(refusal(&cells.iter().map(String::as_str).collect::<Vec<_>>(), same).contains("has 65 levels"));
    let scaled = ColumnChoice { decimals: Some(19), ..secret("x") };
    assert!(refusal(&["1.5"], scaled).contains("cannot have a scale"));
    let table = table("x,y\n1,2\n");
    assert!(prepare(&table, &[secret("x"), secret("x")]).unwrap_err().to_string().contains("chosen twice"));
}

#[test]
fn open_and_token_columns_keep_their_texts_and_dropped_ones_leave_no_trace() {
    let table = table("ward,name,age,note\nA,Example,50,x\n,Example,60,y\n");
    let choices = [
        ColumnChoice::new("name", ColumnRole::Token),
        ColumnChoice::new("ward", ColumnRole::Open),
        secret("age"),
    ];
    let made = prepare(&table, &choices).unwrap();
    let names: Vec<_> = made.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["ward", "name", "age"]);
    assert_eq!(made.clear[0].texts, [Some("A".to_owned()), None]);
    assert_eq!(made.clear[1].column, 1);
    assert_eq!(made.variables[0].column, 2);
}

#[test]
fn a_set_brings_the_indicators_of_its_categories() {
    let text = "unit,age,los\nA,50,3\nB,60,4\nA,70,\nC,80,9\nB,41,2\nC,42,1\n";
    let made = prepare(&table(text), &[secret("unit"), secret("age"), secret("los")]).unwrap();
    let choice = |layout, columns: &[&str]| SetChoice {
        name: "model".into(),
        layout,
        columns: columns.iter().map(|&name| name.into()).collect(),
    };
    let planned = plan_set(&made, &choice(LayoutChoice::Moments, &["los", "unit"]), capacity(2_048)).unwrap();
    assert_eq!(
        (planned.sealed.columns.clone(), planned.coding.variables.clone()),
        (vec![0, 2], vec![0, 1, 3])
    );
    assert_eq!(planned.values_of_row(&made, 1).unwrap(), [1, 1, 0, 4, 1, 0, 4, 0, 0, 16]);
    assert_eq!(planned.values_of_row(&made, 2).unwrap(), [0; 10]);
    let columns = plan_set(&made, &choice(LayoutChoice::Columns { weight: 1 << 20 }, &["age"]), 200).unwrap();
    let Layout::Columns { rows } = columns.sealed.layout else { panic!() };
    assert_eq!(columns.values_of_block(&made, 2, 0).unwrap()[0], 50);
    assert_eq!(columns.values_of_block(&made, 2, 0).unwrap().len() as u32, rows);
    assert!(columns.values_of_row(&made, 0).is_none());
    let unknown = plan_set(&made, &choice(LayoutChoice::Cells, &["ward"]), 200).unwrap_err();
    assert_eq!(unknown.to_string(), "set 'model' names 'ward', which is not a secret column of this table");
}
