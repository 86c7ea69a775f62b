//! Plots shares against network evaluations.

use std::error::Error;
use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;
use vmd::eval::Record;

use crate::failure::usage;
use crate::palette::COLOURS;

/// Width and height of the plot, and width of the legend beside it.
const SIZE: (u32, u32) = (760, 460);
const LEGEND: u32 = 300;

/// Shares that can be plotted, of which the first measured one is used: metric, metric with the
/// mean evaluations, and axis title.
const SHARES: [(&str, &str, &str); 4] = [
    ("solved", "mean_nfe", "puzzles solved (%)"),
    ("valid_unconditional", "mean_nfe_unconditional", "valid grids (%)"),
    ("accuracy", "mean_nfe", "accuracy (%)"),
    ("valid", "mean_nfe", "valid (%)"),
];

/// The result of one sampler.
#[derive(Debug, Clone, Copy)]
struct Point {
    nfe: f64,
    share: f64,
    ci95: [f64; 2],
}

/// A curve per rule and model; that of the baseline is dashed.
#[derive(Debug)]
struct Curves {
    what: &'static str,
    has_baseline: bool,
    curves: Vec<Curve>,
}

#[derive(Debug)]
struct Curve {
    rule: String,
    is_baseline: bool,
    points: Vec<Point>,
}

/// Plots shares against network evaluations to `path`: those of the model and of the baseline.
pub(super) fn draw(measured: &[Vec<Record>], path: &Path) -> anyhow::Result<()> {
    let is_measured = |metric: &str| measured.iter().flatten().any(|record| record.metric == metric);
    let Some(&(metric, mean, what)) = SHARES.iter().find(|(metric, ..)| is_measured(metric)) else {
        return Err(usage("--plot needs a share to plot, and this evaluation has none; leave it out"));
    };
    let mut curves = Curves { what, has_baseline: measured.len() > 1, curves: Vec::new() };
    for (place, records) in measured.iter().enumerate() {
        for record in records.iter().filter(|record| record.metric == metric && record.band.is_none()) {
            let same = |other: &&Record| {
                other.metric == mean
                    && other.band.is_none()
                    && (other.nfe, &other.reveal) == (record.nfe, &record.reveal)
            };
            let steps = record.nfe.map_or(f64::NAN, |nfe| nfe as f64);
            let nfe = records.iter().find(same).map_or(steps, |mean| mean.value);
            let point = Point { nfe, share: record.value, ci95: record.ci95 };
            curves.add(record.reveal.clone(), place > 0, point);
        }
    }
    curves.try_draw(path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

impl Curves {
    fn add(&mut self, rule: String, is_baseline: bool, point: Point) {
        match self.curves.iter_mut().find(|curve| curve.rule == rule && curve.is_baseline == is_baseline) {
            Some(curve) => curve.points.push(point),
            None => self.curves.push(Curve { rule, is_baseline, points: vec![point] }),
        }
    }

    fn try_draw(mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        for curve in &mut self.curves {
            curve.points.sort_by(|a, b| a.nfe.total_cmp(&b.nfe));
        }
        let all = || self.curves.iter().flat_map(|curve| &curve.points).map(|point| point.nfe);
        let (first, last) = (all().fold(f64::INFINITY, f64::min), all().fold(1.0, f64::max));
        let height = SIZE.1.max(60 + 24 * self.curves.len() as u32);
        let root = SVGBackend::new(path, (SIZE.0 + LEGEND, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (plot, legend) = root.split_horizontally(SIZE.0);
        let mut chart = ChartBuilder::on(&plot)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d((0.8 * first..1.25 * last).log_scale(), 0.0..104.0)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .x_label_formatter(&|nfe| format!("{nfe:.0}"))
            .y_label_formatter(&|share| format!("{share:.0}"))
            .x_desc("mean network evaluations (NFE)")
            .y_desc(self.what)
            .draw()?;
        let rules: Vec<&str> = self.curves.iter().map(|curve| curve.rule.as_str()).collect();
        for (i, curve) in self.curves.iter().enumerate() {
            // All curves of a rule have the colour of its first curve.
            let place = rules.iter().position(|rule| *rule == curve.rule).unwrap_or(i);
            let style = COLOURS[place % COLOURS.len()].stroke_width(2);
            let at = |point: &Point| (point.nfe, 100.0 * point.share);
            let points: Vec<(f64, f64)> = curve.points.iter().map(at).collect();
            if curve.is_baseline {
                chart.draw_series(DashedLineSeries::new(points.clone(), 6, 4, style))?;
            } else {
                chart.draw_series(LineSeries::new(points.clone(), style))?;
            }
            chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, style.filled())))?;
            let whisker = |point: &Point| {
                let [low, high] = point.ci95;
                PathElement::new([(point.nfe, 100.0 * low), (point.nfe, 100.0 * high)], style)
            };
            chart.draw_series(curve.points.iter().map(whisker))?;
            let y = 40 + 24 * i as i32;
            let label = match (self.has_baseline, curve.is_baseline) {
                (false, _) => curve.rule.clone(),
                (true, false) => format!("{}, model", curve.rule),
                (true, true) => format!("{}, baseline", curve.rule),
            };
            let dash = if curve.is_baseline { 9 } else { 22 };
            legend.draw(&PathElement::new([(0, y), (dash, y)], style))?;
            legend.draw(&PathElement::new([(22 - dash, y), (22, y)], style))?;
            legend.draw(&Text::new(label, (30, y - 7), ("sans-serif", 14)))?;
        }
        root.present()?;
        Ok(())
    }
}
