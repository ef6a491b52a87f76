//! One plot over the time of a run, as SVG text to stand in a page.

use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::marks::Mark;
use crate::report::ReportError;

/// What is drawn over time.
pub(super) struct Plot<'p> {
    pub(super) title: String,
    /// How a value stands at its axis.
    pub(super) show: fn(f64) -> String,
    /// Whether the axis is logarithmic: for latencies, of which the small ones and the large ones both count.
    pub(super) is_log: bool,
    pub(super) lines: Vec<Line<'p>>,
    pub(super) marks: &'p [Mark],
    /// How long the run was, in seconds.
    pub(super) length_s: f64,
}

/// One line of it.
pub(super) struct Line<'p> {
    pub(super) name: &'p str,
    /// Seconds and values. `None` where there is nothing to draw, which breaks the line.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

impl Plot<'_> {
    /// The plot as an `svg` element.
    pub(super) fn draw(&self) -> Result<String, ReportError> {
        let mut svg = String::new();
        let drawn = match self.is_log {
            true => self.draw_on(&mut svg, self.log_range().log_scale()),
            false => self.draw_on(&mut svg, 0.0..self.highest() * 1.05),
        };
        drawn.map_err(|cause| ReportError::Plot { title: self.title.clone(), cause })?;
        // Only a file of its own needs to say where the words of SVG are from.
        let svg = svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "");
        Ok(svg.find("<svg").map_or(String::new(), |at| svg[at..].to_owned()))
    }

    /// Each line's name and colour, as a page writes it.
    pub(super) fn key(&self) -> impl Iterator<Item = (&str, String)> {
        let lines = self.lines.iter().zip(COLORS.iter().cycle());
        lines.map(|(line, RGBColor(red, green, blue))| {
            (line.name, format!("#{red:02x}{green:02x}{blue:02x}"))
        })
    }

    fn draw_on<Y>(&self, svg: &mut String, values: Y) -> Result<(), String>
    where
        Y: plotters::coord::ranged1d::AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let (lowest, highest) = self.ends();
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(24)
            .x_label_area_size(28)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..self.length_s.max(1.0), values)
            .map_err(words)?;
        let style = ("sans-serif", 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_label_formatter(&|seconds| format!("{seconds:.0} s"))
            .y_label_formatter(&|value| (self.show)(*value))
            .x_labels(12)
            .y_labels(8)
            .max_light_lines(0)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(style)
            .draw()
            .map_err(words)?;
        let mut last = (f64::NEG_INFINITY, 0);
        for mark in self.marks {
            let at = mark.at_s.min(self.length_s);
            // Close behind another, its words would stand on the other's.
            let row =
                if at - last.0 < self.length_s * LABEL_SHARE { (last.1 + 1) % ROWS } else { 0 };
            last = (at, row);
            let line = [(at, lowest), (at, highest)];
            chart.draw_series(LineSeries::new(line, MARK.stroke_width(1))).map_err(words)?;
            let style = ("sans-serif", 11).into_font().color(&MARK);
            let words_at = (2, row * ROW_PIXELS);
            let label =
                EmptyElement::at((at, highest)) + Text::new(mark.what.clone(), words_at, style);
            chart.draw_series([label]).map_err(words)?;
        }
        for (line, color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let dots = if line.points.len() <= DOTTED_MAX { DOT } else { 0 };
            for piece in line.points.split(|(_, value)| value.is_none()) {
                let points = piece.iter().filter_map(|(at, value)| Some((*at, (*value)?)));
                let series = LineSeries::new(points, color.stroke_width(2).filled());
                chart.draw_series(series.point_size(dots)).map_err(words)?;
            }
        }
        area.present().map_err(words)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value))
    }

    fn highest(&self) -> f64 {
        self.values().fold(1.0, f64::max)
    }

    /// Whole powers of ten around the values.
    fn log_range(&self) -> std::ops::Range<f64> {
        let positive = || self.values().filter(|value| *value > 0.0);
        let low = positive().fold(f64::INFINITY, f64::min).min(1e3);
        let high = positive().fold(low, f64::max);
        let low = 10f64.powf(low.log10().floor());
        low..10f64.powf(high.log10().ceil()).max(low * 10.0)
    }

    /// Between what the marks are drawn.
    fn ends(&self) -> (f64, f64) {
        match self.is_log {
            true => (self.log_range().start, self.log_range().end),
            false => (0.0, self.highest() * 1.05),
        }
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

const SIZE: (u32, u32) = (900, 260);

/// Up to so many seconds each one is a dot, too.
const DOTTED_MAX: usize = 60;
const DOT: u32 = 2;

/// How much of the width the words of a mark take, at most; closer ones stand in rows below one another.
const LABEL_SHARE: f64 = 0.15;
const ROWS: i32 = 4;
const ROW_PIXELS: i32 = 12;

const INK: RGBColor = RGBColor(60, 60, 60);
const GRID: RGBColor = RGBColor(222, 222, 222);
const MARK: RGBColor = RGBColor(190, 30, 45);

/// Colours that differ for the colour-blind, too.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(150, 140, 0),
];
