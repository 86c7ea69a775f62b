//! Plots bounds during training.

use std::path::Path;

use plotters::prelude::*;

use super::collect::ArmResult;
use super::figures::Drawn;
use vmd_cli::palette::COLOURS;

/// Width and height of a panel.
const PANEL: (u32, u32) = (560, 420);

/// Draws a panel per baseline: its bound at every validation, dashed, and the bounds of the arms
/// that are compared with it.
///
/// `rows` are the rows of the report's table, each arm directly above its baseline.
pub(super) fn draw(rows: &[(&ArmResult<'_>, usize)], file: &Path) -> Drawn {
    let mut panels: Vec<(&ArmResult<'_>, Vec<&ArmResult<'_>>)> = Vec::new();
    for pair in rows.windows(2).filter(|pair| pair[0].1 == pair[1].1) {
        let (arm, baseline) = (pair[0].0, pair[1].0);
        match panels.iter_mut().find(|(other, _)| other.arm.name == baseline.arm.name) {
            Some((_, arms)) => arms.push(arm),
            None => panels.push((baseline, vec![arm])),
        }
    }
    let root = SVGBackend::new(file, (PANEL.0 * panels.len().max(1) as u32, PANEL.1)).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, (baseline, arms)) in root.split_evenly((1, panels.len().max(1))).iter().zip(&panels) {
        let curves: Vec<(&str, Vec<(f64, f64)>)> = arms
            .iter()
            .chain([baseline])
            .map(|result| {
                let points = result.curve().into_iter().map(|(step, bound)| (step as f64, bound));
                (result.arm.label.as_str(), points.collect())
            })
            .collect();
        let points = || curves.iter().flat_map(|(_, points)| points);
        let end = points().map(|point| point.0).fold(1.0, f64::max);
        let top = points().map(|point| point.1).fold(0.0, f64::max);
        let low = points().map(|point| point.1).fold(top, f64::min);
        let room = 0.06 * (top - low).max(1e-3);
        let mut chart = ChartBuilder::on(area)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..end, low - room..top + room)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| if top - low > 10.0 { format!("{y:.0}") } else { format!("{y:.2}") })
            .x_desc("training step")
            .y_desc("bound at validation (nats per sequence)")
            .draw()?;
        for (place, (label, points)) in curves.into_iter().enumerate() {
            let is_baseline = place == arms.len();
            let style = if is_baseline {
                BLACK.stroke_width(2)
            } else {
                COLOURS[place % COLOURS.len()].stroke_width(2)
            };
            let drawn = if is_baseline {
                chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            drawn.label(label).legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .label_font(("sans-serif", 14))
            .draw()?;
    }
    root.present()?;
    Ok(())
}
