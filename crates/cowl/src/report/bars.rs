//! Bars that lie side by side under their names: probabilities of classes.

use plotters::prelude::DrawingBackend;

use super::canvas::{ACCENT, Align, Canvas, FAINT, GRID, INK, Plot, PlotError, shortened};
use super::figure;

/// Named values between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BarPlot {
    pub(crate) title: String,
    pub(crate) bars: Vec<(String, f64)>,
}

impl Plot for BarPlot {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + ROW * self.bars.len() as f64 + 16.0) as u32)
    }

    fn description(&self) -> String {
        let named = |(name, value): &(String, f64)| format!("{name} {}", figure(*value));
        format!("{}: {}", self.title, self.bars.iter().map(named).collect::<Vec<_>>().join(", "))
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), PlotError> {
        canvas.text(&shortened(&self.title, 70), (16.0, 22.0), 17, Align::Left, INK)?;
        let place = |value: f64| LEFT + value.clamp(0.0, 1.0) * (RIGHT - LEFT);
        let bottom = TOP + ROW * self.bars.len() as f64;
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            canvas.line(&[(place(tick), TOP - 4.0), (place(tick), bottom)], GRID, 1)?;
        }
        for (place_of, (name, value)) in self.bars.iter().enumerate() {
            let middle = TOP + ROW * (place_of as f64 + 0.5);
            canvas.text(&shortened(name, 34), (LEFT - 10.0, middle), 13, Align::Right, INK)?;
            canvas.bar((LEFT, middle - 7.0), (place(*value), middle + 7.0), ACCENT)?;
            let percent = format!("{:.1} %", value * 100.0);
            canvas.text(&percent, (RIGHT + 10.0, middle), 12, Align::Left, FAINT)?;
        }
        Ok(())
    }
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 280.0;
const RIGHT: f64 = 780.0;
const TOP: f64 = 48.0;
const ROW: f64 = 26.0;
