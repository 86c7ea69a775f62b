//! Plots shares of valid samples against network evaluations.

use std::error::Error;
use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use crate::palette::COLOURS;

/// Width and height of the plot, and width of the legend beside it.
const SIZE: (u32, u32) = (640, 420);
const LEGEND: u32 = 240;

/// The result of a sampler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) nfe: f64,
    pub(super) share: f64,
    pub(super) ci95: [f64; 2],
}

/// The points of one rule and model.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) label: String,
    pub(super) is_dashed: bool,
    pub(super) points: Vec<Point>,
}

/// Plots `curves` in percent, with the axis title `what`, to the SVG file `path`.
pub(super) fn draw(curves: &[Curve], what: &str, path: &Path) -> anyhow::Result<()> {
    try_draw(curves, what, path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn try_draw(curves: &[Curve], what: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let nfe = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.nfe);
    let (first, last) = (nfe().fold(f64::INFINITY, f64::min), nfe().fold(1.0, f64::max));
    let root = SVGBackend::new(path, (SIZE.0 + LEGEND, SIZE.1)).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(SIZE.0);
    let mut chart = ChartBuilder::on(&plot)
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d((0.8 * first.min(last)..1.25 * last).log_scale(), 0.0..104.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&|nfe| format!("{nfe:.0}"))
        .y_label_formatter(&|share| format!("{share:.0}"))
        .x_desc("network evaluations (NFE)")
        .y_desc(what)
        .draw()?;
    for (place, curve) in curves.iter().enumerate() {
        let style = COLOURS[place % COLOURS.len()].stroke_width(2);
        let points = || curve.points.iter().map(|point| (point.nfe, 100.0 * point.share));
        if curve.is_dashed {
            chart.draw_series(DashedLineSeries::new(points(), 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points(), style))?;
        }
        chart.draw_series(points().map(|point| Circle::new(point, 4, style.filled())))?;
        let whisker = |point: &Point| {
            let [low, high] = point.ci95.map(|end| 100.0 * end);
            PathElement::new([(point.nfe, low), (point.nfe, high)], style)
        };
        chart.draw_series(curve.points.iter().map(whisker))?;
        let y = 40 + 24 * place as i32;
        let dash = if curve.is_dashed { 9 } else { 22 };
        legend.draw(&PathElement::new([(0, y), (dash, y)], style))?;
        legend.draw(&PathElement::new([(22 - dash, y), (22, y)], style))?;
        legend.draw(&Text::new(curve.label.as_str(), (30, y - 7), ("sans-serif", 14)))?;
    }
    root.present()?;
    Ok(())
}
