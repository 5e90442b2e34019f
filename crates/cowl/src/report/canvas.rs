//! Lines, discs, boxes and words, in SVG and PNG alike.

use std::sync::Once;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{
    BitMapBackend, Circle, DrawingArea, DrawingBackend, IntoDrawingArea, IntoFont, PathElement, RGBColor,
    Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, ShapeStyle, TextStyle, WHITE, register_font};

/// A drawing that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the plot cannot be drawn: {0}")]
pub(crate) struct PlotError(String);

impl PlotError {
    pub(super) fn new(why: String) -> Self {
        Self(why)
    }
}

/// What can be drawn on a [`Canvas`].
pub(crate) trait Plot {
    /// Width and height in units of a CSS pixel.
    fn size(&self) -> (u32, u32);
    /// What it shows, for those who cannot see it.
    fn description(&self) -> String;
    /// Draws it.
    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Result<(), PlotError>;
}

/// As text that a page can hold as it is.
pub(crate) fn svg(plot: &impl Plot) -> Result<String, PlotError> {
    know_font();
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, plot.size()).into_drawing_area();
    on(&area, 1, plot)?;
    drop(area);
    Ok(text)
}

/// As a picture of twice as many dots each way.
pub(crate) fn png(plot: &impl Plot) -> Result<Vec<u8>, PlotError> {
    know_font();
    let (width, height) = plot.size();
    let (width, height) = (width * DOTS, height * DOTS);
    let mut samples = vec![0; width as usize * height as usize * 3];
    let area = BitMapBackend::with_buffer(&mut samples, (width, height)).into_drawing_area();
    on(&area, DOTS as i32, plot)?;
    drop(area);
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&samples, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| PlotError(error.to_string()))?;
    Ok(file)
}

fn on<B: DrawingBackend>(area: &DrawingArea<B, Shift>, unit: i32, plot: &impl Plot) -> Result<(), PlotError> {
    area.fill(&WHITE).map_err(fault)?;
    plot.draw(&Canvas { area, unit })?;
    area.present().map_err(fault)
}

/// The one font there is, in the program itself: a plot looks the same on a machine without any.
fn know_font() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        let known = register_font(FONT, FontStyle::Normal, include_bytes!("font/DejaVuSans-subset.ttf"));
        debug_assert!(known.is_ok(), "the font inside the program is sound");
    });
}

fn fault(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

/// Where a plot is drawn. Coordinates are units from the left and from the top.
pub(crate) struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    /// Dots of a unit.
    unit: i32,
}

/// Where a text stands from its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

impl<B: DrawingBackend> Canvas<'_, B> {
    /// A line through points.
    pub(crate) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: u32) -> Result<(), PlotError> {
        let points: Vec<(i32, i32)> = points.iter().map(|point| self.dots(*point)).collect();
        self.draw(&PathElement::new(points, colour.stroke_width(width * self.unit as u32)))
    }

    /// A disc, or a ring where it is not filled.
    pub(crate) fn disc(
        &self,
        at: (f64, f64),
        radius: u32,
        colour: RGBColor,
        filled: bool,
    ) -> Result<(), PlotError> {
        let radius = radius as i32 * self.unit;
        self.draw(&Circle::new(self.dots(at), radius, if filled { colour } else { WHITE }.filled()))?;
        self.draw(&Circle::new(self.dots(at), radius, colour.stroke_width(self.unit as u32)))
    }

    /// A filled box between two corners.
    pub(crate) fn bar(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Result<(), PlotError> {
        self.draw(&Rectangle::new([self.dots(from), self.dots(to)], ShapeStyle::from(colour).filled()))
    }

    /// A text whose middle is at the height of its point.
    pub(crate) fn text(
        &self,
        text: &str,
        at: (f64, f64),
        size: u32,
        align: Align,
        colour: RGBColor,
    ) -> Result<(), PlotError> {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let font = (FONT, f64::from(size) * f64::from(self.unit)).into_font();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.draw(&Text::new(text.to_owned(), self.dots(at), style))
    }

    fn dots(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let unit = f64::from(self.unit);
        ((x * unit).round() as i32, (y * unit).round() as i32)
    }

    fn draw<E>(&self, element: &E) -> Result<(), PlotError>
    where
        for<'c> &'c E: PointCollection<'c, (i32, i32)>,
        E: Drawable<B>,
    {
        self.area.draw(element).map_err(fault)
    }
}

/// Where values lie across a plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis that shows all values between two places of the plot, with a little room at its ends.
    pub(crate) fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (least, most) = values
            .filter(|value| value.is_finite())
            .fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let (least, most) = if least > most { (0.0, 1.0) } else { (least, most) };
        let spare = if most > least { (most - least) * 0.05 } else { least.abs().max(1.0) * 0.5 };
        Self { least: least - spare, most: most + spare, from, to }
    }

    /// The place of a value.
    pub(crate) fn place(&self, value: f64) -> f64 {
        self.from + (value - self.least) / (self.most - self.least) * (self.to - self.from)
    }

    /// Round values to write beside it: some four to nine.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let rough = (self.most - self.least) / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * power);
        let first = (self.least / step).ceil() as i64;
        let last = (self.most / step).floor() as i64;
        (first..=last).take(20).map(|tick| tick as f64 * step).collect()
    }
}

/// A name that fits its column.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// Text and lines that matter.
pub(crate) const INK: RGBColor = RGBColor(0x1a, 0x20, 0x2c);
/// Axes and remarks.
pub(crate) const FAINT: RGBColor = RGBColor(0x5f, 0x6b, 0x7a);
/// Lines behind the rest.
pub(crate) const GRID: RGBColor = RGBColor(0xdd, 0xe2, 0xe8);
/// What is shown.
pub(crate) const ACCENT: RGBColor = RGBColor(0x0b, 0x5c, 0x8a);

/// Browsers and plotters know it by this name.
const FONT: &str = "sans-serif";
const DOTS: u32 = 2;
