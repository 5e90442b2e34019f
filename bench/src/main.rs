//! Measures libraries that do the same work as ours, in the release profile and in memory.
//!
//! `cowl-bench-peers BENCH` prints one JSON object a line:
//! `{"of": ID, "by": WHO, "unit": UNIT, "value": FIGURE}`, the reference of the rows called ID.

mod age_crate;
mod attributes;
mod gmp;
mod kzen;
mod timing;

use std::process::ExitCode;

/// What a peer reaches in the work of one row.
struct Figure {
    /// The row's id in `cargo xtask bench`.
    of: String,
    by: String,
    unit: &'static str,
    value: f64,
}

fn main() -> ExitCode {
    let figures = match std::env::args().nth(1).as_deref() {
        Some("vault") => age_crate::measure(),
        Some("paillier") => paillier(),
        Some("tables") => attributes::measure(),
        _ => {
            eprintln!("usage: cowl-bench-peers vault|paillier|tables");
            return ExitCode::from(2);
        }
    };
    match figures {
        Ok(figures) => {
            figures.iter().for_each(Figure::print);
            ExitCode::SUCCESS
        }
        Err(cause) => {
            eprintln!("error: {cause}");
            ExitCode::from(2)
        }
    }
}

fn paillier() -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let mut figures = gmp::measure();
    figures.extend(kzen::measure());
    Ok(figures)
}

impl Figure {
    fn print(&self) {
        let Self { of, by, unit, value } = self;
        println!("{}", serde_json::json!({ "of": of, "by": by, "unit": unit, "value": value }));
    }
}
