//! Plots the figures of a study as SVG.

use std::error::Error;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::{Context, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::collect::{ArmResult, Key, Spread, rows};
use super::plan::Section;
use vmd_cli::palette::COLOURS;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn Error>>;

const GREY: RGBColor = RGBColor(90, 90, 90);
/// Height of a legend's line and of a bar.
const ROW: u32 = 26;
/// Width of an arm's label.
const LABEL: u32 = 270;

/// One line of a plot.
struct Line<'a> {
    label: &'a str,
    colour: RGBColor,
    marker: ShapeStyle,
    is_baseline: bool,
    points: Vec<(usize, Spread)>,
}

/// Names of the files of a section, given the rows of its table.
pub(super) fn names(section: Section, rows: &[&ArmResult<'_>]) -> Vec<String> {
    if section == Section::Curriculum {
        let is_row = |name: &String| rows.iter().any(|result| result.arm.name == *name);
        let compared = rows.iter().any(|result| result.arm.baseline.as_ref().is_some_and(is_row));
        return if compared { vec!["curriculum.svg".into()] } else { Vec::new() };
    }
    if rows.iter().all(|result| result.by_steps(metric(section).0).is_empty()) {
        return Vec::new();
    }
    let bars = (section == Section::Ablation).then(|| format!("{}-bars.svg", section.name()));
    [format!("{}.svg", section.name())].into_iter().chain(bars).collect()
}

/// Metrics plotted against the number of steps, their titles, and their factors: 100 for a share.
fn metric(section: Section) -> (&'static str, &'static str, f64) {
    match section {
        Section::Infilling => {
            ("infill_accuracy", "completions of half-given sequences that are right (%)", 100.0)
        }
        Section::Text => ("ngram_bits_per_token", "n-gram judge of what is written (bits a token)", 1.0),
        Section::Molecules => ("valid_unique_novel", "valid, unique and novel molecules (%)", 100.0),
        Section::Json => ("valid", "lines that are JSON (%)", 100.0),
        Section::Rows => ("consistent", "rows that keep the rules of the table (%)", 100.0),
        _ => ("accuracy", "accuracy (%)", 100.0),
    }
}

/// Draws the figures of every section that has runs.
pub(super) fn draw(results: &[ArmResult<'_>], folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for section in Section::ALL {
        let rows = rows(results, section);
        let of_rows: Vec<&ArmResult<'_>> = rows.iter().map(|(result, _)| *result).collect();
        for (place, name) in names(section, &of_rows).iter().enumerate() {
            let file = folder.join(name);
            let drawn = match (section, place) {
                (Section::Curriculum, _) => super::curves::draw(&rows, &file),
                (_, 0) => lines(&rows, section, &file),
                _ => bars(&of_rows, &file),
            };
            drawn.map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))?;
        }
    }
    Ok(())
}

/// Plots a metric against the number of steps, with whiskers of one standard deviation.
fn lines(rows: &[(&ArmResult<'_>, usize)], section: Section, file: &Path) -> Drawn {
    let (metric, title, factor) = metric(section);
    let all: Vec<Line<'_>> = rows
        .iter()
        .enumerate()
        .map(|(i, &(result, place))| Line {
            label: &result.arm.label,
            colour: COLOURS[place % COLOURS.len()],
            marker: marker(place),
            is_baseline: i > 0 && rows[i - 1].1 == place,
            points: result.by_steps(metric),
        })
        .collect();
    let lines: Vec<&Line<'_>> = all.iter().filter(|line| !line.points.is_empty()).collect();
    let highest = |line: &&Line<'_>| {
        line.points.iter().map(|(_, s)| s.mean + s.deviation.unwrap_or_default()).fold(0.0, f64::max)
    };
    let top = 1.15 * lines.iter().map(highest).fold(0.01, f64::max);
    let whole = if factor > 1.0 { 1.0 } else { f64::INFINITY };
    let top = factor * top.min(1.04 * whole);
    let mut steps: Vec<usize> = lines.iter().flat_map(|line| line.points.iter().map(|p| p.0)).collect();
    steps.sort_unstable();
    steps.dedup();
    let height = (60 + ROW * lines.len() as u32).max(440);
    let root = SVGBackend::new(file, (860 + LABEL, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (plot, legend) = root.split_horizontally(860);
    let mut chart = ChartBuilder::on(&plot)
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(-0.3..steps.len() as f64 - 0.7, 0.0..top)?;
    // The numbers of steps are at whole-number positions; other ticks have no label.
    let name = |x: &f64| {
        let place = steps.get(x.round().max(0.0) as usize).filter(|_| (x - x.round()).abs() < 1e-6);
        place.map_or_else(String::new, usize::to_string)
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(steps.len())
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .x_label_formatter(&name)
        .y_label_formatter(&|y| format!("{y:.0}"))
        .x_desc("network evaluations allowed (NFE)")
        .y_desc(title)
        .draw()?;
    for (i, line) in lines.iter().enumerate() {
        // Points are placed side by side, so that the whiskers of equal points do not overlap.
        let aside = 0.012 * (i as f64 - (lines.len() - 1) as f64 / 2.0);
        let at = |nfe: usize| steps.iter().position(|&s| s == nfe).unwrap_or_default() as f64 + aside;
        let points: Vec<(f64, f64)> =
            line.points.iter().map(|(nfe, s)| (at(*nfe), factor * s.mean)).collect();
        let style = line.colour.stroke_width(2);
        if line.is_baseline {
            chart.draw_series(DashedLineSeries::new(points.clone(), 6, 4, style))?;
        } else {
            chart.draw_series(LineSeries::new(points.clone(), style))?;
        }
        chart.draw_series(points.iter().map(|&point| Circle::new(point, 4, line.marker)))?;
        for (&(x, y), (_, spread)) in points.iter().zip(&line.points) {
            let half = factor * spread.deviation.unwrap_or_default();
            let ends = [(x, (y - half).max(0.0)), (x, (y + half).min(factor * whole))];
            chart.draw_series([PathElement::new(ends, line.colour.stroke_width(2))])?;
        }
        draw_legend(&legend, line, 30 + (i as u32 * ROW) as i32)?;
    }
    root.present()?;
    Ok(())
}

/// Filled circles, and rings when the colours repeat.
fn marker(place: usize) -> ShapeStyle {
    let colour = COLOURS[place % COLOURS.len()];
    if place < COLOURS.len() { colour.filled() } else { colour.stroke_width(2) }
}

fn draw_legend(legend: &Area<'_>, line: &Line<'_>, y: i32) -> Drawn {
    let style = line.colour.stroke_width(2);
    let dashes: &[(i32, i32)] = if line.is_baseline { &[(0, 6), (10, 16), (20, 26)] } else { &[(0, 26)] };
    for &(from, to) in dashes {
        legend.draw(&PathElement::new([(from, y), (to, y)], style))?;
    }
    legend.draw(&Circle::new((13, y), 4, line.marker))?;
    let font = ("sans-serif", 14).into_text_style(legend).pos(Pos::new(HPos::Left, VPos::Center));
    legend.draw(&Text::new(line.label, (34, y), font))?;
    Ok(())
}

/// The contents of one row of bars.
struct Bar<'a> {
    label: &'a str,
    accuracy: Option<Spread>,
    /// Steps of the bound, latent headroom, latent savings.
    health: Option<(usize, Spread, Spread)>,
}

/// Draws the accuracy at the smallest number of evaluations, and latent headroom and savings beside
/// it.
fn bars(rows: &[&ArmResult<'_>], file: &Path) -> Drawn {
    let bars: Vec<Bar<'_>> = rows.iter().map(|result| bar(result)).collect();
    let fewest = rows.iter().filter_map(|result| result.by_steps("accuracy").first().map(|p| p.0)).min();
    let height = TOP + ROW * bars.len() as u32 + BOTTOM;
    let root = SVGBackend::new(file, (1180, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (labels, panels) = root.split_horizontally(LABEL);
    let (left, right) = panels.split_horizontally((1180 - LABEL) / 2);
    let accuracy = |bar: &Bar<'_>| bar.accuracy.into_iter().map(|s| (s, COLOURS[0])).collect();
    let title = format!("accuracy at NFE {} (%)", fewest.unwrap_or(1));
    panel(&left, &bars, (&title, 100.0, 0.0..=100.0), &accuracy, &|_| None)?;
    let health = |bar: &Bar<'_>| {
        let of = |(_, open, savings)| vec![(open, RGBColor(199, 213, 229)), (savings, COLOURS[2])];
        bar.health.map_or_else(Vec::new, of)
    };
    let steps = |bar: &Bar<'_>| bar.health.map(|(steps, ..)| format!("T = {steps}"));
    let title = "nats that a latent can save (pale) and saves (green)";
    panel(&right, &bars, (title, 1.0, f64::NEG_INFINITY..=f64::INFINITY), &health, &steps)?;
    let font = ("sans-serif", 14).into_text_style(&labels).pos(Pos::new(HPos::Right, VPos::Center));
    for (i, bar) in bars.iter().enumerate() {
        labels.draw(&Text::new(bar.label, (LABEL as i32 - 4, middle(i)), font.clone()))?;
    }
    root.present()?;
    Ok(())
}

fn bar<'a>(result: &'a ArmResult<'_>) -> Bar<'a> {
    let savings = result.by_steps("bound latent savings").first().copied();
    let health = savings.and_then(|(steps, savings)| {
        let key = Key { metric: "bound latent headroom".into(), reveal: String::new(), steps: Some(steps) };
        Some((steps, result.spread(&key)?, savings))
    });
    let accuracy = result.by_steps("accuracy").first().map(|point| point.1);
    Bar { label: &result.arm.label, accuracy, health }
}

/// Space for a panel's title above the first row.
const TOP: u32 = 40;
/// Space for its axis below the last row.
const BOTTOM: u32 = 34;

/// The vertical centre of a row in pixels.
fn middle(row: usize) -> i32 {
    (TOP + ROW * row as u32 + ROW / 2) as i32
}

/// Draws the bars of every row, the rear ones first, each with a whisker of one standard deviation,
/// clipped to the axis; `note` is printed at the right.
fn panel(
    area: &Area<'_>,
    bars: &[Bar<'_>],
    (title, factor, range): (&str, f64, RangeInclusive<f64>),
    parts: &dyn Fn(&Bar<'_>) -> Vec<(Spread, RGBColor)>,
    note: &dyn Fn(&Bar<'_>) -> Option<String>,
) -> Drawn {
    let whisker = |s: &Spread| {
        let half = s.deviation.unwrap_or_default();
        [s.mean - half, s.mean + half].map(|end| (factor * end).clamp(*range.start(), *range.end()))
    };
    let ends = bars.iter().flat_map(parts).flat_map(|(s, _)| whisker(&s));
    let (low, high) = ends.fold((0.0f64, 1e-3f64), |(low, high), end| (low.min(end), high.max(end)));
    let n = bars.len();
    let mut chart = ChartBuilder::on(area)
        .margin_left(8)
        .margin_right(16)
        .margin_top(TOP)
        .x_label_area_size(BOTTOM)
        .build_cartesian_2d(low - 0.03 * (high - low)..high + 0.14 * (high - low), 0.0..n as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(WHITE)
        .x_label_formatter(&|x| format!("{x:.1}"))
        .label_style(("sans-serif", 13))
        .draw()?;
    let text = ("sans-serif", 15).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(title, (8, 20), text))?;
    let small = ("sans-serif", 12).into_text_style(area).pos(Pos::new(HPos::Right, VPos::Center));
    let right = area.dim_in_pixel().0 as i32 - 16;
    for (i, bar) in bars.iter().enumerate() {
        let y = (n - 1 - i) as f64;
        for (place, (spread, colour)) in parts(bar).into_iter().enumerate() {
            let inset = 0.14 + 0.14 * place as f64;
            let corners = [(0.0, y + inset), (factor * spread.mean, y + 1.0 - inset)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            let ends = whisker(&spread).map(|end| (end, y + 0.5));
            chart.draw_series([PathElement::new(ends, GREY.stroke_width(2))])?;
        }
        if let Some(note) = note(bar) {
            area.draw(&Text::new(note, (right, middle(i)), small.clone()))?;
        }
    }
    let zero = [(0.0, 0.0), (0.0, n as f64)];
    chart.draw_series([PathElement::new(zero, GREY.stroke_width(1))])?;
    Ok(())
}
