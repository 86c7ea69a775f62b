//! Plots training curves as SVG.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use vmd::model::BoundEstimate;
use vmd::train::MetricRecord;

/// Width and height of a plot in pixels.
const SIZE: (u32, u32) = (900, 520);

/// Width of the legend beside a plot.
const LEGEND: u32 = 300;

struct Curve {
    label: String,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// Plots the loss terms of a run, in nats per sequence against steps, to the SVG file `path`.
pub fn plot_metrics(records: &[MetricRecord], title: &str, path: &Path) -> anyhow::Result<()> {
    let curves: Vec<Curve> = curves(records).into_iter().filter(|curve| !curve.points.is_empty()).collect();
    if curves.is_empty() {
        return Ok(());
    }
    draw(&curves, title, path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

/// Draws one horizontal bar per ratio, with a line at 1, to the SVG file `path`.
pub fn plot_ratios(bars: &[(String, f64)], title: &str, path: &Path) -> anyhow::Result<()> {
    draw_ratios(bars, title, path).map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn draw_ratios(bars: &[(String, f64)], title: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, (SIZE.0, 80 + 34 * bars.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let largest = bars.iter().map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(28)
        .build_cartesian_2d(0.0..1.15 * largest, 0.0..bars.len() as f64)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().draw()?;
    for (place, (label, ratio)) in bars.iter().rev().enumerate() {
        let (low, high) = (place as f64 + 0.15, place as f64 + 0.85);
        chart
            .draw_series([Rectangle::new([(0.0, low), (*ratio, high)], RGBColor(174, 199, 232).filled())])?;
        let text = format!("{ratio:.2}  {label}");
        chart.draw_series([Text::new(text, (0.01 * largest, high - 0.12), ("sans-serif", 14))])?;
    }
    chart.draw_series(LineSeries::new([(1.0, 0.0), (1.0, bars.len() as f64)], RGBColor(20, 20, 20)))?;
    root.present()?;
    Ok(())
}

fn curves(records: &[MetricRecord]) -> Vec<Curve> {
    let train = |part: fn(&MetricRecord) -> Option<f64>| {
        let point = |record: &MetricRecord| part(record).map(|y| (record.step() as f64, y));
        smooth(&records.iter().filter_map(point).collect::<Vec<_>>())
    };
    let recon = |record: &MetricRecord| match record {
        MetricRecord::Train { recon, .. } => Some(*recon),
        MetricRecord::Validation { .. } => None,
    };
    let kl = |record: &MetricRecord| match record {
        MetricRecord::Train { kl, .. } => *kl,
        MetricRecord::Validation { .. } => None,
    };
    let mut curves = vec![
        Curve {
            label: "reconstruction (training)".into(),
            colour: RGBColor(31, 119, 180),
            points: train(recon),
        },
        Curve { label: "KL (training)".into(), colour: RGBColor(255, 127, 14), points: train(kl) },
    ];
    let validations = || {
        records.iter().filter_map(|record| match record {
            MetricRecord::Validation { step, estimate } => Some((*step as f64, estimate)),
            MetricRecord::Train { .. } => None,
        })
    };
    let mut budgets: Vec<Option<usize>> = validations().map(|(_, estimate)| estimate.steps).collect();
    budgets.sort_unstable();
    budgets.dedup();
    for (place, &steps) in budgets.iter().enumerate() {
        let at = steps.map_or_else(String::new, |steps| format!(" at T={steps}"));
        let curve = |part: fn(&BoundEstimate) -> Option<f64>| -> Vec<(f64, f64)> {
            let of_budget = validations().filter(|(_, estimate)| estimate.steps == steps);
            of_budget.filter_map(|(step, estimate)| part(estimate).map(|y| (step, y))).collect()
        };
        // Later curves are paler.
        let pale = |[r, g, b]: [u8; 3]| {
            let fade = |c: u8| c + (usize::from(255 - c) * place.min(4) / 6) as u8;
            RGBColor(fade(r), fade(g), fade(b))
        };
        curves.push(Curve {
            label: format!("bound{at} (validation)"),
            colour: pale([20, 20, 20]),
            points: curve(|estimate| Some(estimate.bound)),
        });
        // If the run measured a bound without the latent, plot that bound as the reference.
        let free = curve(|estimate| estimate.latent_free.map(|free| free.bound));
        let (label, points) = match free.is_empty() {
            true => (format!("latent gain{at} (validation)"), curve(|estimate| estimate.latent_gain)),
            false => (format!("bound without latent{at} (validation)"), free),
        };
        curves.push(Curve { label, colour: pale([44, 160, 44]), points });
    }
    curves
}

/// A running mean over a fiftieth of the run, to reduce the noise of single batches.
fn smooth(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let width = (points.len() / 50).max(1);
    points
        .chunks(width)
        .map(|chunk| {
            let n = chunk.len() as f64;
            (chunk.iter().map(|p| p.0).sum::<f64>() / n, chunk.iter().map(|p| p.1).sum::<f64>() / n)
        })
        .collect()
}

fn draw(curves: &[Curve], title: &str, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let right = all().map(|p| p.0).fold(1.0, f64::max);
    let low = all().map(|p| p.1).fold(0.0, f64::min);
    let high = all().map(|p| p.1).fold(low + 1e-6, f64::max);
    let root = SVGBackend::new(path, (SIZE.0 + LEGEND, SIZE.1)).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(SIZE.0);
    let mut chart = ChartBuilder::on(&plot)
        .caption(title, ("sans-serif", 20))
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..right, low..high * 1.05)?;
    chart.configure_mesh().x_desc("step").y_desc("nats per sequence").light_line_style(WHITE).draw()?;
    // Place the legend beside the plot, where it covers no curve.
    for (curve, y) in curves.iter().zip((60..).step_by(24)) {
        let style = ShapeStyle::from(curve.colour).stroke_width(2);
        chart.draw_series(LineSeries::new(curve.points.iter().copied(), style))?;
        legend.draw(&PathElement::new([(0, y), (22, y)], style))?;
        legend.draw(&Text::new(curve.label.as_str(), (30, y - 7), ("sans-serif", 14)))?;
    }
    root.present()?;
    Ok(())
}
