use cowl_tables::{Coefficient, Regression};

use super::canvas::{Axis, shortened};
use super::*;

fn coefficient(name: &str, estimate: f64, half: f64) -> Coefficient {
    Coefficient {
        name: name.into(),
        estimate,
        standard_error: half / 2.0,
        t: Some(2.0 * estimate / half),
        p: Some(0.01),
        low: estimate - half,
        high: estimate + half,
        variance_inflation: None,
    }
}

fn fitted() -> Regression {
    Regression {
        target: "LOS".into(),
        rows: 330,
        coefficients: vec![
            coefficient("(intercept)", 400.0, 3.0),
            coefficient("age", 0.5, 0.2),
            coefficient("ICU=<script>alert(1)</script>&\"Größe\"", -1.5, 2.0),
        ],
        residual_sum_of_squares: 10.0,
        total_sum_of_squares: 20.0,
        r_squared: 0.5,
        adjusted_r_squared: 0.49,
        residual_standard_error: 0.3,
        model_degrees: 2.0,
        residual_degrees: 327.0,
        f: Some(9.5),
        f_p: None,
        confidence: 0.95,
    }
}

#[test]
fn figures_have_four_digits_and_a_real_minus() {
    let pairs = [
        (0.0, "0"),
        (0.95 * 100.0, "95"),
        (-1.5, "−1.5"),
        (12.3456, "12.35"),
        (1234.56, "1235"),
        (0.000_01, "1.00e−5"),
        (0.012_345, "0.01235"),
        (f64::NAN, "–"),
        (1200.0, "1200"),
    ];
    for (value, expected) in pairs {
        assert_eq!(figure(value), expected, "{value}");
    }
}

#[test]
fn a_plot_of_coefficients_leaves_the_intercept_out() {
    let plot = CoefficientPlot::of(&fitted());
    assert_eq!(plot.intervals.len(), 2);
    assert!(plot.description().starts_with("2 coefficients of a regression of LOS on 330 rows, with 95 %"));
}

#[test]
fn names_cannot_become_markup_in_plot_or_page() {
    let plot = CoefficientPlot::of(&fitted());
    let drawn = svg(&plot).unwrap();
    assert!(drawn.contains("<svg") && !drawn.contains("<script"), "{drawn}");
    let report = Report {
        title: "<script>".into(),
        query: Some("SELECT '<b>'".into()),
        asked: vec![("by".into(), "a \"b\" & 'c'".into())],
        sections: outcome::of_model(&fitted(), "ward <i>").unwrap(),
        learnt: vec![Learnt { party: "<cloud>".into(), facts: vec!["<nothing>".into()] }],
        ..Report::default()
    };
    let page = report.html();
    assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains("<i>"));
    assert!(page.contains("a &quot;b&quot; &amp; &#39;c&#39;") && page.contains("&lt;nothing&gt;"));
}

#[test]
fn a_page_fetches_nothing() {
    let page = Report { sections: outcome::of_model(&fitted(), "").unwrap(), ..Report::default() }.html();
    assert!(page.contains("default-src 'none'"));
    let links = page.replace("http://www.w3.org/2000/svg", "");
    let fetched = ["http:", "https:", "src=", "url(", "@import"];
    assert!(fetched.iter().all(|way| !links.contains(way)), "{links}");
}

#[test]
fn a_picture_has_the_plots_size_twice_and_ink_in_it() {
    let plot = CoefficientPlot::of(&fitted());
    let picture = image::load_from_memory(&png(&plot).unwrap()).unwrap().to_rgb8();
    let (width, height) = plot.size();
    assert_eq!(picture.dimensions(), (2 * width, 2 * height));
    // Letters, too: the title stands in the upper left.
    let title = image::imageops::crop_imm(&picture, 30, 20, 400, 50).to_image();
    assert!(title.pixels().filter(|pixel| pixel.0[0] < 0x60).count() > 300);
}

#[test]
fn plots_of_nothing_and_of_one_point_are_drawn() {
    let mut plot = CoefficientPlot::of(&fitted());
    plot.intervals.clear();
    assert!(svg(&plot).is_ok());
    let residuals = Residuals::of_cells(&fitted(), [].into_iter());
    assert!(svg(&ResidualPlot { target: "x".into(), residuals }).is_ok());
    let same = [1.0, 2.0];
    let residuals = Residuals::of_cells(&fitted(), [(5.0, &same[..]), (5.0, &same[..])].into_iter());
    assert!(png(&ResidualPlot { target: "x".into(), residuals }).is_ok());
}

#[test]
fn residuals_are_what_the_model_leaves() {
    let rows = [(400.0, [0.0, 0.0]), (401.0, [2.0, 1.0])];
    let residuals = Residuals::of_cells(&fitted(), rows.iter().map(|(target, row)| (*target, &row[..])));
    // 401 − (400 + 0.5·2 − 1.5·1) = 1.5
    assert_eq!(residuals.values(), [0.0, 1.5]);
}

#[test]
fn every_residual_is_in_one_bar() {
    let cells: Vec<(f64, [f64; 2])> = (0..500).map(|at| (400.0 + f64::from(at % 37), [0.0, 0.0])).collect();
    let rows = cells.iter().map(|(target, row)| (*target, &row[..]));
    let (edges, held) = Residuals::of_cells(&fitted(), rows).bars();
    assert_eq!((edges.len(), held.iter().sum::<usize>()), (held.len() + 1, 500));
    assert!((5..=60).contains(&held.len()), "{}", held.len());
}

#[test]
fn ticks_are_round_and_within_the_axis() {
    for (least, most) in [(-1.5, 0.7), (0.0, 1e-6), (-4e8, 4e8), (3.0, 3.0)] {
        let ticks = Axis::of([least, most].into_iter(), 0.0, 100.0).ticks();
        assert!((2..=13).contains(&ticks.len()), "{least} {most}: {ticks:?}");
    }
}

#[test]
fn long_names_are_shortened_by_letters() {
    assert_eq!(shortened("Größenänderung", 6), "Größe…");
    assert_eq!(shortened("short", 6), "short");
}
