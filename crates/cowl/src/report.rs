//! Results for people who were not there: plots as SVG and PNG, and one self-contained page with what was asked, what
//! came out, and who learnt what.
//!
//! [`coefficients`] and [`histogram`] say what is drawn, [`canvas`] with what, [`page`] puts text, tables and plots
//! together, [`inference`] is the page of a run of a model. Nothing here computes a figure or decides who may see it: a histogram of residuals takes
//! [`histogram::Residuals`], which only somebody who has the cells can make.

pub(crate) mod bars;
mod canvas;
pub(crate) mod coefficients;
pub(crate) mod histogram;
pub(crate) mod inference;
pub(crate) mod outcome;
pub(crate) mod page;
pub(crate) mod picture;
#[cfg(test)]
mod tests;

pub(crate) use canvas::{Plot, PlotError, png, svg};
pub(crate) use coefficients::CoefficientPlot;
pub(crate) use histogram::{ResidualPlot, Residuals};
pub(crate) use page::{Learnt, Report, Section, Sheet};
pub(crate) use picture::Picture;

/// Four digits that count, for tables and labels.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return "–".into();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    rounded(value, 4).replace('-', "−")
}

/// A number other than 0 with so many digits that count, and no zeros at its end.
pub(crate) fn rounded(value: f64, digits: i32) -> String {
    let before = value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", (digits - 1 - before).max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
