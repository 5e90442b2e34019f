//! Figures from exact sums against statsmodels, NIST's certified values and 120 decimal digits.
//!
//! `data/references.py` made the references and says how.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::path::PathBuf;

use cowl_tables::distribution::{fisher_upper, student_two_sided};
use cowl_tables::regression::fit;
use cowl_tables::{Model, Moments, Penalty, Regression, RegressionError, Variable, moment_count};
use num_bigint::BigInt;
use serde::Deserialize;

#[derive(Deserialize)]
struct References {
    cases: Vec<Case>,
    tails: Tails,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    file: String,
    columns: Vec<String>,
    ridge: Option<f64>,
    standardised: bool,
    exact: Exact,
    statsmodels: Option<Peer>,
}

#[derive(Deserialize)]
struct Exact {
    rows: u64,
    coefficients: Vec<f64>,
    standard_errors: Vec<f64>,
    r_squared: f64,
    residual_sum_of_squares: f64,
    model_degrees: f64,
    means: Vec<f64>,
    deviations: Vec<f64>,
    correlations_with_last: Vec<f64>,
}

/// What statsmodels says; for ridge, coefficients only.
#[derive(Deserialize)]
struct Peer {
    coefficients: Vec<f64>,
    #[serde(flatten)]
    ordinary: Option<Ordinary>,
}

#[derive(Deserialize)]
struct Ordinary {
    standard_errors: Vec<f64>,
    t: Vec<f64>,
    p: Vec<f64>,
    intervals: Vec<(f64, f64)>,
    r_squared: f64,
    adjusted_r_squared: f64,
    f: f64,
    f_p: f64,
    residual_standard_error: f64,
    residual_degrees: f64,
}

#[derive(Deserialize)]
struct Tails {
    student: Vec<Student>,
    fisher: Vec<Fisher>,
}

#[derive(Deserialize)]
struct Student {
    t: f64,
    degrees: f64,
    p: String,
}

#[derive(Deserialize)]
struct Fisher {
    f: f64,
    of: f64,
    over: f64,
    p: String,
}

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn references() -> References {
    serde_json::from_str(&std::fs::read_to_string(data().join("references.json")).unwrap()).unwrap()
}

fn case(name: &str) -> Case {
    references().cases.into_iter().find(|case| case.name == name).unwrap()
}

/// A decimal text as an integer in units of 10^−decimals.
fn scaled(text: &str, decimals: usize) -> BigInt {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<decimals$}").parse().unwrap()
}

fn decimals_of(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, part)| part.len())
}

/// One column of the case in the clear: `x^3` is a power, `ICU=CSRU` an indicator.
fn column(header: &[&str], lines: &[Vec<&str>], wanted: &str) -> (u8, Vec<Option<BigInt>>) {
    let cells = |name: &str| {
        let place = header.iter().position(|it| *it == name).unwrap();
        lines.iter().map(move |line| line[place]).filter(|_| true).collect::<Vec<_>>()
    };
    if let Some((name, level)) = wanted.split_once('=') {
        let indicator = |cell: &str| (!cell.is_empty()).then(|| BigInt::from(u8::from(cell == level)));
        return (0, cells(name).into_iter().map(indicator).collect());
    }
    let (name, power) = wanted.split_once('^').unwrap_or((wanted, "1"));
    let power: u32 = power.parse().unwrap();
    let texts = cells(name);
    let decimals = texts.iter().map(|text| decimals_of(text)).max().unwrap();
    let value = |text: &&str| (!text.is_empty()).then(|| scaled(text, decimals).pow(power));
    (decimals as u8 * power as u8, texts.iter().map(value).collect())
}

fn moments(case: &Case) -> Moments {
    let samples = data().join("../../../../samples/tables");
    let folder = if case.file == "pn2012.csv" { samples } else { data() };
    let text = std::fs::read_to_string(folder.join(&case.file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let lines: Vec<_> = lines.collect();
    let columns: Vec<_> = case.columns.iter().map(|name| column(&header, &lines, name)).collect();
    let mut sums = vec![BigInt::ZERO; moment_count(columns.len())];
    for row in 0..lines.len() {
        let cells: Option<Vec<BigInt>> = columns.iter().map(|(_, values)| values[row].clone()).collect();
        let Some(cells) = cells else { continue };
        let with_one: Vec<_> = std::iter::once(BigInt::from(1)).chain(cells).collect();
        let pairs = (0..with_one.len()).flat_map(|i| (i..with_one.len()).map(move |j| (i, j)));
        for (sum, (i, j)) in sums.iter_mut().zip(pairs) {
            *sum += &with_one[i] * &with_one[j];
        }
    }
    let variables = columns.iter().zip(&case.columns);
    let variables =
        variables.map(|((decimals, _), name)| Variable { name: name.clone(), decimals: *decimals });
    Moments::new(variables.collect(), sums).unwrap()
}

fn model(case: &Case) -> Model {
    let target = case.columns.len() - 1;
    let penalty = match case.ridge {
        None => Penalty::None,
        Some(lambda) if case.standardised => Penalty::StandardisedRidge(lambda),
        Some(lambda) => Penalty::Ridge(lambda),
    };
    Model::ordinary(target, (0..target).collect()).with_penalty(penalty)
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs();
    assert!(error <= relative * expected.abs(), "{what}: {found:e} instead of {expected:e}");
}

#[track_caller]
fn all_close(what: &str, found: impl Iterator<Item = f64>, expected: &[f64], relative: f64) {
    let found: Vec<_> = found.collect();
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        close(&format!("{what} {place}"), *found, *expected, relative);
    }
}

fn estimates(regression: &Regression) -> impl Iterator<Item = f64> {
    regression.coefficients.iter().map(|line| line.estimate)
}

fn standard_errors(regression: &Regression) -> impl Iterator<Item = f64> {
    regression.coefficients.iter().map(|line| line.standard_error)
}

#[test]
fn every_figure_has_fourteen_digits_of_the_exact_one() {
    for case in references().cases {
        let exact = &case.exact;
        let model = Model { tolerance: 0.0, ..model(&case) };
        let found = fit(&moments(&case), &model).unwrap();
        let name = &case.name;
        assert_eq!(found.rows, exact.rows, "{name}");
        all_close(name, estimates(&found), &exact.coefficients, 1e-14);
        all_close(name, standard_errors(&found), &exact.standard_errors, 1e-14);
        close(name, found.r_squared, exact.r_squared, 1e-14);
        close(name, found.residual_sum_of_squares, exact.residual_sum_of_squares, 1e-14);
        close(name, found.model_degrees, exact.model_degrees, 1e-14);
    }
}

#[test]
fn means_deviations_and_correlations_have_fourteen_digits() {
    for case in references().cases {
        let (moments, exact) = (moments(&case), &case.exact);
        let last = case.columns.len() - 1;
        let means = (0..=last).map(|place| moments.mean(place).unwrap());
        all_close(&case.name, means, &exact.means, 1e-14);
        let deviations = (0..=last).map(|place| moments.standard_deviation(place).unwrap());
        all_close(&case.name, deviations, &exact.deviations, 1e-14);
        let correlations = (0..last).map(|place| moments.correlation(place, last).unwrap());
        all_close(&case.name, correlations, &exact.correlations_with_last, 1e-14);
    }
}

#[test]
fn coefficients_equal_those_of_statsmodels_to_nine_digits() {
    let mut compared = 0;
    for case in references().cases {
        let Some(peer) = &case.statsmodels else { continue };
        let found = fit(&moments(&case), &model(&case)).unwrap();
        all_close(&case.name, estimates(&found), &peer.coefficients, 1e-9);
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn the_whole_table_of_statsmodels_is_met_to_nine_digits() {
    let mut compared = 0;
    for case in references().cases {
        let Some(peer) = case.statsmodels.as_ref().and_then(|peer| peer.ordinary.as_ref()) else { continue };
        let found = fit(&moments(&case), &model(&case)).unwrap();
        let lines = || found.coefficients.iter();
        let name = &case.name;
        all_close(name, standard_errors(&found), &peer.standard_errors, 1e-9);
        all_close(name, lines().map(|line| line.t.unwrap()), &peer.t, 1e-9);
        all_close(name, lines().map(|line| line.p.unwrap()), &peer.p, 1e-9);
        let (low, high): (Vec<_>, Vec<_>) = peer.intervals.iter().copied().unzip();
        all_close(name, lines().map(|line| line.low), &low, 1e-8);
        all_close(name, lines().map(|line| line.high), &high, 1e-8);
        close(name, found.r_squared, peer.r_squared, 1e-9);
        close(name, found.adjusted_r_squared, peer.adjusted_r_squared, 1e-9);
        close(name, found.f.unwrap(), peer.f, 1e-9);
        close(name, found.f_p.unwrap(), peer.f_p, 1e-8);
        close(name, found.residual_standard_error, peer.residual_standard_error, 1e-9);
        assert_eq!(found.residual_degrees, peer.residual_degrees);
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// <https://www.itl.nist.gov/div898/strd/lls/data/Longley.shtml>
#[test]
fn longley_is_met_to_all_certified_digits() {
    let case = case("longley");
    let found = fit(&moments(&case), &model(&case)).unwrap();
    let certified = [
        (-3482258.63459582, 890420.383607373),
        (15.0618722713733, 84.9149257747669),
        (-0.358191792925910E-01, 0.334910077722432E-01),
        (-2.02022980381683, 0.488399681651699),
        (-1.03322686717359, 0.214274163161675),
        (-0.511041056535807E-01, 0.226073200069370),
        (1829.15146461355, 455.478499142212),
    ];
    let (values, errors): (Vec<_>, Vec<_>) = certified.into_iter().unzip();
    all_close("longley", estimates(&found), &values, 1e-14);
    all_close("longley", standard_errors(&found), &errors, 1e-14);
    close("R²", found.r_squared, 0.995479004577296, 1e-14);
    close("RSS", found.residual_sum_of_squares, 836424.055505915, 1e-14);
    close("F", found.f.unwrap(), 330.285339234588, 1e-14);
    close("σ", found.residual_standard_error, 304.854073561965, 1e-14);
}

/// <https://www.itl.nist.gov/div898/strd/lls/data/Filip.shtml>: most programs meet no digit of it, or refuse it.
#[test]
fn filip_is_met_to_all_certified_digits_when_asked_for() {
    let case = case("filip");
    let found = fit(&moments(&case), &Model { tolerance: 0.0, ..model(&case) }).unwrap();
    let certified = [
        (-1467.48961422980, 298.084530995537),
        (-2772.17959193342, 559.779865474950),
        (-2316.37108160893, 466.477572127796),
        (-1127.97394098372, 227.204274477751),
        (-354.478233703349, 71.6478660875927),
        (-75.1242017393757, 15.2897178747400),
        (-10.8753180355343, 2.23691159816033),
        (-1.06221498588947, 0.221624321934227),
        (-0.670191154593408E-01, 0.142363763154724E-01),
        (-0.246781078275479E-02, 0.535617408889821E-03),
        (-0.402962525080404E-04, 0.896632837373868E-05),
    ];
    let (values, errors): (Vec<_>, Vec<_>) = certified.into_iter().unzip();
    all_close("filip", estimates(&found), &values, 1e-14);
    all_close("filip", standard_errors(&found), &errors, 1e-14);
    close("R²", found.r_squared, 0.996727416185620, 1e-14);
}

#[test]
fn a_nearly_singular_design_is_refused_by_the_name_of_its_column() {
    let case = case("filip");
    match fit(&moments(&case), &model(&case)).unwrap_err() {
        RegressionError::NearlyCollinear { column, partner, own } => {
            assert!(column.starts_with("x^") && partner.starts_with("x^"));
            assert!(own > 0.0 && own < Model::TOLERANCE);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn tails_have_eleven_digits_however_small_they_are() {
    let Tails { student, fisher } = references().tails;
    for Student { t, degrees, p } in student {
        let expected: f64 = p.parse().unwrap();
        if expected > 1e-300 {
            close(&format!("t={t}, {degrees}"), student_two_sided(t, degrees), expected, 1e-11);
        }
    }
    for Fisher { f, of, over, p } in fisher {
        let expected: f64 = p.parse().unwrap();
        if expected > 1e-300 {
            close(&format!("F={f}, {of}, {over}"), fisher_upper(f, of, over), expected, 1e-11);
        }
    }
}
