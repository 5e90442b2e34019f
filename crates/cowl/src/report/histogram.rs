//! Residuals of a regression, for those who have the cells.

use plotters::prelude::DrawingBackend;

use super::canvas::{ACCENT, Align, Axis, Canvas, FAINT, GRID, INK, Plot, PlotError, shortened};
use super::figure;

/// y − ŷ of rows whose cells somebody has. Sums of rows do not yield it: whoever only asked queries cannot make one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Residuals(Vec<f64>);

impl Residuals {
    /// Of rows in clear: the target first, then the values of the predictors in the model's order.
    pub(crate) fn of_cells<'a>(
        fitted: &cowl_tables::Regression,
        rows: impl Iterator<Item = (f64, &'a [f64])>,
    ) -> Self {
        let (intercept, slopes) = match fitted.coefficients.split_first() {
            Some((intercept, slopes)) => (intercept.estimate, slopes),
            None => (0.0, &[][..]),
        };
        let predicted = |values: &[f64]| {
            let terms = slopes.iter().zip(values).map(|(slope, value)| slope.estimate * value);
            intercept + terms.sum::<f64>()
        };
        Self(rows.map(|(target, values)| target - predicted(values)).collect())
    }

    /// y − ŷ, row by row.
    #[cfg(test)]
    pub(super) fn values(&self) -> &[f64] {
        &self.0
    }

    /// Edges of the bars and what they hold. Widths by Freedman and Diaconis (1981): 2·IQR/∛n.
    pub(super) fn bars(&self) -> (Vec<f64>, Vec<usize>) {
        let mut sorted: Vec<f64> = self.0.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
            return (Vec::new(), Vec::new());
        };
        let quarter = |quarters: usize| sorted[(sorted.len() - 1) * quarters / 4];
        let wanted = 2.0 * (quarter(3) - quarter(1)) / (sorted.len() as f64).cbrt();
        let count = if wanted > 0.0 { ((most - least) / wanted).ceil() as usize } else { 1 };
        let count = count.clamp(1, MOST_BARS);
        let width = if most > least { (most - least) / count as f64 } else { 1.0 };
        let mut held = vec![0; count];
        for value in &sorted {
            held[(((value - least) / width) as usize).min(count - 1)] += 1;
        }
        ((0..=count).map(|edge| least + edge as f64 * width).collect(), held)
    }
}

/// How the residuals are spread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResidualPlot {
    pub(crate) target: String,
    pub(crate) residuals: Residuals,
}

impl Plot for ResidualPlot {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (BOTTOM + 48.0) as u32)
    }

    fn description(&self) -> String {
        format!("histogram of the residuals of {} in {} rows", self.target, self.residuals.0.len())
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), PlotError> {
        let target = shortened(&self.target, 48);
        canvas.text(&format!("What is left of {target}"), (16.0, 22.0), 17, Align::Left, INK)?;
        let remark = format!("residuals of {} rows, seen by who has the cells", self.residuals.0.len());
        canvas.text(&remark, (16.0, 43.0), 12, Align::Left, FAINT)?;
        let (edges, held) = self.residuals.bars();
        let across = Axis::of(edges.iter().copied(), LEFT, WIDTH - 24.0);
        let tallest = held.iter().copied().max().unwrap_or(1).max(1) as f64;
        let height = |count: f64| BOTTOM - count / tallest * (BOTTOM - TOP);
        for count in Axis::of([0.0, tallest].into_iter(), 0.0, 1.0).ticks() {
            if (0.0..=tallest).contains(&count) && count.fract() == 0.0 {
                canvas.line(&[(LEFT, height(count)), (WIDTH - 24.0, height(count))], GRID, 1)?;
                canvas.text(&figure(count), (LEFT - 8.0, height(count)), 11, Align::Right, FAINT)?;
            }
        }
        for (edge, count) in edges.windows(2).zip(&held) {
            let (left, right) = (across.place(edge[0]) + 0.5, across.place(edge[1]) - 0.5);
            canvas.bar((left, height(*count as f64)), (right, BOTTOM), ACCENT)?;
        }
        for tick in across.ticks() {
            canvas.text(&figure(tick), (across.place(tick), BOTTOM + 13.0), 11, Align::Centre, FAINT)?;
        }
        canvas.line(&[(LEFT, BOTTOM), (WIDTH - 24.0, BOTTOM)], FAINT, 1)?;
        canvas.text("y − ŷ", (WIDTH / 2.0, BOTTOM + 34.0), 11, Align::Centre, FAINT)
    }
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 300.0;
const MOST_BARS: usize = 60;
