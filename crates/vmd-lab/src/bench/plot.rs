//! Plots time and memory against sequence length.

use std::error::Error;
use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;
use vmd::nn::Mixing;

use super::{Row, median};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width and height of each of the two panels.
const PANEL: (u32, u32) = (480, 400);

/// Draws both panels, with logarithmic axes.
pub(super) fn lengths(rows: &[&Row], file: &Path) -> anyhow::Result<()> {
    draw(rows, file).map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

fn draw(rows: &[&Row], file: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (2 * PANEL.0, PANEL.1)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(PANEL.0);
    panel(&left, rows, "milliseconds a training step", |row| 1e3 * median(&row.seconds))?;
    panel(&right, rows, "peak memory in MiB", |row| row.peak_mib)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &Area<'_>,
    rows: &[&Row],
    title: &str,
    value: impl Fn(&Row) -> f64,
) -> Result<(), Box<dyn Error>> {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (shortest, longest) = ends(&mut rows.iter().map(|row| row.case.seq as f64));
    let (low, high) = ends(&mut rows.iter().map(|row| value(row)));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 17))
        .margin(14)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (0.8 * shortest..1.25 * longest).log_scale(),
            (0.8 * low.max(1e-3)..1.25 * high.max(2e-3)).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("tokens of a chain")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;
    let kinds = [
        (Mixing::Attention, "attention", RGBColor(31, 119, 180)),
        (Mixing::Messages, "messages", RGBColor(214, 39, 40)),
    ];
    for (mixing, label, colour) in kinds {
        let of_kind = rows.iter().filter(|row| row.case.mixing == mixing);
        let points: Vec<(f64, f64)> = of_kind.map(|row| (row.case.seq as f64, value(row))).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 4, colour.filled())))?;
    }
    // A reference line proportional to the length.
    let start = (shortest, rows.iter().map(|row| value(row)).fold(f64::INFINITY, f64::min));
    let end = (longest, start.1 * longest / shortest);
    let shown = [start, (end.0.min(start.0 * high / start.1), end.1.min(high))];
    chart
        .draw_series(DashedLineSeries::new(shown, 5, 4, RGBColor(120, 120, 120).stroke_width(1)))?
        .label("in proportion")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], RGBColor(120, 120, 120)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}
