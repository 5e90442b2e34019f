//! The whole way of a sealed table: sealed into a file, added by a cloud that has the file alone, opened by its owner.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use cowl_query::parquet::TableFile;
use cowl_query::{Cell, QueryTable, ScoreProgram, encrypted_scores};
use cowl_tables::coding::LayoutChoice;
use cowl_tables::score::Weights;
use cowl_tables::{Figure, OpenError, OpenerSecrets, QueryResult, Regression};
use sealed::{prepared, seal, set, sets, test_key};

const REGRESSION: &str = "enc_linreg(LOS, Age, SysABP, Height, Weight, MechVent, ICU)";

fn references() -> serde_json::Value {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/references.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn close(what: &str, found: f64, expected: &serde_json::Value) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{what}: {found} instead of {expected}");
}

fn equals_statsmodels(model: &Regression, expected: &serde_json::Value) {
    for (place, line) in model.coefficients.iter().enumerate() {
        close(&line.name, line.estimate, &expected["coefficients"][place]);
        close(&line.name, line.standard_error, &expected["standard_errors"][place]);
        close(&line.name, line.t.unwrap(), &expected["t"][place]);
        close(&line.name, line.p.unwrap(), &expected["p"][place]);
        close(&line.name, line.low, &expected["intervals"][place][0]);
        close(&line.name, line.high, &expected["intervals"][place][1]);
    }
    close("R²", model.r_squared, &expected["r_squared"]);
    close("adjusted R²", model.adjusted_r_squared, &expected["adjusted_r_squared"]);
    close("F", model.f.unwrap(), &expected["f"]);
}

fn number(figure: &Figure) -> (f64, u64, u64) {
    match figure {
        Figure::Number { value, used, dropped } => (*value, *used, *dropped),
        other => panic!("no number: {other:?}"),
    }
}

#[test]
fn regressions_of_sealed_groups_equal_statsmodels_to_nine_digits() {
    let sealed = seal(&prepared(1_000), &sets()[..1]);
    let sql =
        format!("SELECT death, count(*), {REGRESSION} AS model FROM stays GROUP BY death ORDER BY death");
    let opened = sealed.ask(&sql, &sealed.ledger()).unwrap();
    assert_eq!(opened.result.columns, ["death", "count(*)", "model"]);
    assert_eq!((opened.result.rows.len(), opened.withheld, opened.rows), (2, 0, 1_000));
    let references = references();
    for (row, expected) in opened.result.rows.iter().zip(references["groups"].as_array().unwrap()) {
        let [Figure::Key(Cell::Integer(death)), Figure::Count(rows), Figure::Regression { model, dropped }] =
            row.figures.as_slice()
        else {
            panic!("{row:?}")
        };
        assert_eq!(death.to_string(), expected["value"]);
        assert_eq!(model.rows, expected["exact"]["rows"]);
        assert_eq!(model.rows + dropped, *rows);
        equals_statsmodels(model, &expected["statsmodels"]);
    }
}

#[test]
fn a_regression_of_all_rows_equals_statsmodels_and_says_who_was_dropped() {
    let sealed = seal(&prepared(1_000), &sets()[..1]);
    let opened = sealed.ask(&format!("SELECT {REGRESSION} FROM stays"), &sealed.ledger()).unwrap();
    let [Figure::Regression { model, dropped }] = opened.result.rows[0].figures.as_slice() else { panic!() };
    assert_eq!((model.rows, *dropped), (330, 670));
    let references = references();
    let all = references["cases"].as_array().unwrap().iter().find(|case| case["name"] == "stays").unwrap();
    equals_statsmodels(model, &all["statsmodels"]);
}

#[test]
fn figures_of_cells_and_moments_are_those_of_the_table() {
    let table = prepared(120);
    let sealed = seal(&table, &sets());
    let sql = "SELECT enc_sum(Age), enc_avg(Age), enc_avg(LOS) FROM stays WHERE death = 0";
    let alive: Vec<usize> =
        (0..120).filter(|row| table.clear[0].texts[*row].as_deref() == Some("0")).collect();
    let ages: Vec<i64> = alive.iter().filter_map(|row| table.values[0][*row]).collect();
    let opened = sealed.ask(sql, &sealed.ledger()).unwrap();
    let sum = ages.iter().sum::<i64>() as f64;
    let figures = &opened.result.rows[0].figures;
    assert_eq!(number(&figures[0]), (sum, ages.len() as u64, (alive.len() - ages.len()) as u64));
    assert_eq!(number(&figures[1]).0, sum / ages.len() as f64);
    let sql = "SELECT enc_var(Age), enc_stddev(Age), enc_cov(Age, LOS), enc_corr(Age, LOS) FROM stays";
    let sealed = seal(&table, &[set("pair", LayoutChoice::Moments, &["Age", "LOS"])]);
    let opened = sealed.ask(sql, &sealed.ledger()).unwrap();
    let figures: Vec<f64> = opened.result.rows[0].figures.iter().map(|figure| number(figure).0).collect();
    let pairs: Vec<(f64, f64)> = (0..120)
        .filter_map(|row| Some((table.values[0][row]? as f64, table.values.last()?[row]? as f64)))
        .collect();
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let variance = pairs.iter().map(|pair| (pair.0 - x).powi(2)).sum::<f64>() / (n - 1.0);
    let of_y = pairs.iter().map(|pair| (pair.1 - y).powi(2)).sum::<f64>() / (n - 1.0);
    let covariance = pairs.iter().map(|pair| (pair.0 - x) * (pair.1 - y)).sum::<f64>() / (n - 1.0);
    let expected = [variance, variance.sqrt(), covariance, covariance / (variance * of_y).sqrt()];
    for (found, expected) in figures.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found} instead of {expected}");
    }
}

#[test]
fn a_category_of_several_levels_has_no_average() {
    let sealed = seal(&prepared(60), &sets()[..1]);
    let query = sealed.parse("SELECT enc_avg(ICU) FROM stays");
    let refused = sealed.opener(10).decide(&query, &sealed.ledger()).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Category { column, levels: 4, .. } if column == "ICU"),
        "{refused}"
    );
    assert!(refused.to_asker().contains("enc_linreg"));
}

#[test]
fn what_a_group_does_not_have_is_said_in_its_place() {
    let sealed = seal(&prepared(60), &[set("cells", LayoutChoice::Moments, &["Age", "LOS"])]);
    let sql = "SELECT enc_linreg(LOS, Age) FROM stays WHERE death = 1";
    let query = sealed.parse(sql);
    let group = sealed.answer(&query, 1);
    assert!(group.groups[0].rows < 30);
    let opened = sealed.opener(1).open(&query, &group, &cowl_tables::CohortLedger::new(60, 1)).unwrap();
    assert!(matches!(opened.result.rows[0].figures[0], Figure::Regression { .. }));
    // Of the first 24 patients two died, neither of them ventilated.
    let constant = seal(&prepared(24), &[set("cells", LayoutChoice::Moments, &["Age", "MechVent"])]);
    let query = constant.parse("SELECT enc_avg(Age), enc_corr(Age, MechVent) FROM stays WHERE death = 1");
    let ledger = cowl_tables::CohortLedger::new(24, 1);
    let opened = constant.opener(1).open(&query, &constant.answer(&query, 1), &ledger).unwrap();
    let [average, Figure::Undefined { why }] = opened.result.rows[0].figures.as_slice() else { panic!() };
    assert_eq!(number(average), (63.0, 2, 0));
    assert!(why.contains("'MechVent' has the same value in all rows"), "{why}");
}

#[test]
fn a_result_is_canonical_and_speaks_json() {
    let sealed = seal(&prepared(60), &sets()[..2]);
    let sql = "SELECT death, count(*), enc_avg(Age), enc_linreg(LOS, Age) FROM stays GROUP BY death";
    let result = sealed.ask(sql, &sealed.ledger()).unwrap().result;
    assert_eq!(QueryResult::from_bytes(&result.to_bytes()), Ok(result.clone()));
    let json: serde_json::Value = serde_json::to_value(&result).unwrap();
    assert_eq!(json["columns"][1], "count(*)");
    assert_eq!(json["rows"][0][0], 0);
    assert!(json["rows"][0][2]["value"].is_f64());
    assert_eq!(json["rows"][0][3]["model"]["target"], "LOS");
    let mut bytes = result.to_bytes();
    bytes.push(0);
    assert!(QueryResult::from_bytes(&bytes).is_err());
}

#[test]
fn secrets_have_one_form_and_fit_their_table_only() {
    let (sealed, other) = (seal(&prepared(60), &sets()), seal(&prepared(50), &sets()));
    let secrets = sealed.opener.secrets();
    let bytes = secrets.to_bytes();
    assert_eq!(*OpenerSecrets::from_bytes(&bytes).unwrap().to_bytes(), *bytes);
    assert!(secrets.fit(sealed.opener.schema()) && !secrets.fit(other.opener.schema()));
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 0x10;
        if let Ok(read) = OpenerSecrets::from_bytes(&changed) {
            assert_eq!(*read.to_bytes(), changed);
        }
    }
    assert_eq!(secrets.key().public().digest(), test_key().public().digest());
}

#[test]
fn a_fitted_model_scores_sealed_rows_as_it_would_open_ones() {
    let table = prepared(120);
    let columns = ["Age", "SysABP", "MechVent"];
    let model_set = set("model", LayoutChoice::Moments, &["Age", "SysABP", "MechVent", "LOS"]);
    let scores = set("scores", LayoutChoice::Columns { weight: 1 << 40 }, &columns);
    let sealed = seal(&table, &[model_set, scores]);
    let opened =
        sealed.ask("SELECT enc_linreg(LOS, Age, SysABP, MechVent) FROM stays", &sealed.ledger()).unwrap();
    let (_, model) = opened.result.regressions().next().unwrap();
    let (schema, codebook) = (sealed.opener.schema(), sealed.opener.codebook());
    let weights = Weights::of_model(schema, codebook, 1, model, 9).unwrap();
    let found = score(&sealed, &weights, |_| ()).unwrap();
    let coefficient = |name: &str| model.coefficients.iter().find(|line| line.name == name).unwrap().estimate;
    let place = |name: &str| table.variables.iter().position(|variable| variable.name == name).unwrap();
    let mut complete = 0;
    for row in 0..120 {
        let cell = |name: &str| {
            let decimals = table.variables[place(name)].coding.decimals();
            table.values[place(name)][row].map(|value| value as f64 / 10f64.powi(decimals.into()))
        };
        let terms: Option<f64> = columns.iter().map(|name| Some(coefficient(name) * cell(name)?)).sum();
        match (found.rows[row], terms) {
            (Some(score), Some(terms)) => {
                let expected = terms + coefficient("(intercept)");
                assert!((score - expected).abs() < 1e-5, "row {row}: {score} instead of {expected}");
                complete += 1;
            }
            (found, terms) => assert_eq!((found, terms), (None, None), "row {row}"),
        }
    }
    assert!(complete > 30 && complete < 120, "{complete}");
}

fn score(
    sealed: &sealed::Sealed,
    weights: &Weights,
    change: impl Fn(&mut ScoreProgram),
) -> Result<cowl_tables::score::Scores, OpenError> {
    let catalog = sealed.catalog();
    let table = QueryTable { name: "stays".into(), schema: catalog.tables[0].digest() };
    let program = ScoreProgram { table, set: 1, weights: weights.weights.clone() };
    assert_eq!(ScoreProgram::from_bytes(&program.to_bytes(), &catalog).unwrap(), program);
    let file = TableFile::open(sealed.file.clone()).unwrap();
    let mut run = program.clone();
    change(&mut run);
    let mut answer = encrypted_scores(&run, file.key(), &file.pages(1).unwrap()).unwrap();
    answer.program = program.digest();
    sealed.opener.open_scores(&program, (weights.decimals, weights.intercept), &answer, sealed::timing())
}

#[test]
fn a_cloud_that_scores_with_other_weights_is_caught() {
    let table = prepared(60);
    let scores = set("scores", LayoutChoice::Columns { weight: 50 }, &["Age", "MechVent"]);
    let sealed = seal(&table, &[sets()[0].clone(), scores]);
    let (schema, codebook) = (sealed.opener.schema(), sealed.opener.codebook());
    let weights = Weights::of(schema, codebook, 1, &[("Age", 2.0), ("MechVent", -3.0)], 0).unwrap();
    let honest = score(&sealed, &weights, |_| ()).unwrap();
    let (age, vent) = (table.values[0][5].unwrap(), table.values[7][5].unwrap());
    assert_eq!(table.variables[7].name, "MechVent");
    assert_eq!(honest.rows[5], Some((2 * age - 3 * vent) as f64));
    let changes: [fn(&mut ScoreProgram); 3] = [
        |program| program.weights[0] += 1,
        |program| program.weights.swap(0, 1),
        |program| program.weights[1] = 0,
    ];
    for change in changes {
        assert!(matches!(score(&sealed, &weights, change), Err(OpenError::Forged(_))));
    }
    let heavy = Weights { weights: vec![1_000_000, 1], ..weights };
    assert!(matches!(score(&sealed, &heavy, |_| ()), Err(OpenError::Forged(_))), "slots have no room for it");
    assert!(Weights::of(schema, codebook, 0, &[], 0).is_err());
    assert!(Weights::of(schema, codebook, 1, &[("LOS", 1.0)], 0).is_err());
}

#[test]
fn a_ridge_regression_of_a_sealed_table_is_that_of_open_moments() {
    let table = prepared(300);
    let sealed = seal(&table, &[set("model", LayoutChoice::Moments, &["Age", "SysABP", "LOS"])]);
    let ask = |function: &str| {
        let opened = sealed.ask(&format!("SELECT {function} FROM stays"), &sealed.ledger()).unwrap();
        opened.result.regressions().next().unwrap().1.clone()
    };
    let (plain, none, some) = (
        ask("enc_linreg(LOS, Age, SysABP)"),
        ask("enc_ridge(0, LOS, Age, SysABP)"),
        ask("enc_ridge(100000.5, LOS, Age, SysABP)"),
    );
    assert_eq!(plain.coefficients[1].estimate, none.coefficients[1].estimate);
    assert!(some.coefficients[1].estimate.abs() < plain.coefficients[1].estimate.abs());
    assert!(some.model_degrees < 2.0 && plain.model_degrees == 2.0);
}
