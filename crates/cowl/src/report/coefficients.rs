//! Coefficients with their confidence intervals, one below the other.

use plotters::prelude::DrawingBackend;

use super::canvas::{ACCENT, Align, Axis, Canvas, FAINT, GRID, INK, Plot, PlotError, shortened};
use super::figure;

/// One coefficient.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interval {
    pub(crate) name: String,
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// Whether zero is not in it. Drawn filled, so that it needs no colour.
    fn is_clear_of_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The coefficients of a regression, the intercept left out: it has a scale of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CoefficientPlot {
    pub(crate) target: String,
    /// Rows that were used.
    pub(crate) rows: u64,
    /// Of the intervals, e.g. 0.95.
    pub(crate) confidence: f64,
    pub(crate) intervals: Vec<Interval>,
}

impl CoefficientPlot {
    /// Of a fitted model.
    pub(crate) fn of(fitted: &cowl_tables::Regression) -> Self {
        let predictors =
            fitted.coefficients.iter().filter(|it| it.name != cowl_tables::regression::INTERCEPT);
        let interval = |it: &cowl_tables::Coefficient| Interval {
            name: it.name.clone(),
            estimate: it.estimate,
            low: it.low,
            high: it.high,
        };
        Self {
            target: fitted.target.clone(),
            rows: fitted.rows,
            confidence: fitted.confidence,
            intervals: predictors.map(interval).collect(),
        }
    }

    fn axis(&self) -> Axis {
        let ends = self.intervals.iter().flat_map(|it| [it.low, it.estimate, it.high]);
        Axis::of(ends.chain([0.0]), NAMES, WIDTH - FIGURES)
    }

    fn bottom(&self) -> f64 {
        TOP + ROW * self.intervals.len().max(1) as f64
    }

    fn draw_axis<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, axis: &Axis) -> Result<(), PlotError> {
        let bottom = self.bottom();
        for tick in axis.ticks() {
            let x = axis.place(tick);
            canvas.line(&[(x, TOP), (x, bottom)], GRID, 1)?;
            canvas.text(&figure(tick), (x, bottom + 13.0), 11, Align::Centre, FAINT)?;
        }
        canvas.line(&[(axis.place(0.0), TOP), (axis.place(0.0), bottom)], FAINT, 1)?;
        canvas.line(&[(NAMES, bottom), (WIDTH - FIGURES, bottom)], FAINT, 1)
    }

    fn draw_interval<B: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, B>,
        axis: &Axis,
        (place, interval): (usize, &Interval),
    ) -> Result<(), PlotError> {
        let y = TOP + ROW * (place as f64 + 0.5);
        let clear = interval.is_clear_of_zero();
        let colour = if clear { ACCENT } else { FAINT };
        canvas.text(&shortened(&interval.name, 28), (NAMES - 12.0, y), 13, Align::Right, INK)?;
        let (low, high) = (axis.place(interval.low), axis.place(interval.high));
        canvas.line(&[(low, y), (high, y)], colour, 2)?;
        for end in [low, high] {
            canvas.line(&[(end, y - 4.0), (end, y + 4.0)], colour, 2)?;
        }
        canvas.disc((axis.place(interval.estimate), y), 5, colour, clear)?;
        let (estimate, low, high) = (figure(interval.estimate), figure(interval.low), figure(interval.high));
        canvas.text(&estimate, (WIDTH - FIGURES + 62.0, y), 12, Align::Right, INK)?;
        canvas.text(&format!("{low} … {high}"), (WIDTH - FIGURES + 72.0, y), 11, Align::Left, FAINT)
    }
}

impl Plot for CoefficientPlot {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (self.bottom() + 48.0) as u32)
    }

    fn description(&self) -> String {
        let Self { target, rows, intervals, .. } = self;
        let percent = figure(self.confidence * 100.0);
        let count = intervals.len();
        format!("{count} coefficients of a regression of {target} on {rows} rows, with {percent} % intervals")
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), PlotError> {
        let (target, percent) = (shortened(&self.target, 48), figure(self.confidence * 100.0));
        canvas.text(&format!("What goes with {target}"), (16.0, 22.0), 17, Align::Left, INK)?;
        let remark = format!("coefficients with {percent} % intervals, {} rows", self.rows);
        canvas.text(&remark, (16.0, 43.0), 12, Align::Left, FAINT)?;
        let axis = self.axis();
        self.draw_axis(canvas, &axis)?;
        for interval in self.intervals.iter().enumerate() {
            self.draw_interval(canvas, &axis, interval)?;
        }
        let remark = "filled: the interval leaves zero out; the intercept is not shown";
        canvas.text(remark, (16.0, self.bottom() + 34.0), 11, Align::Left, FAINT)
    }
}

const WIDTH: f64 = 860.0;
/// Width of the names.
const NAMES: f64 = 232.0;
/// Width of the figures on the right.
const FIGURES: f64 = 216.0;
/// Height of title and remark.
const TOP: f64 = 64.0;
const ROW: f64 = 26.0;
