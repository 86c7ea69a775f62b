//! Plots lines over a logarithmic axis.

use super::canvas::{Anchor, Canvas};
use super::{COLOURS, GRID, INK, bar, number, series_name, series_names, share, ticks};
use crate::results::definitions::Plot;
use crate::results::records::Record;

const LEFT: f64 = 60.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 270.0;

/// Vertical position of the first legend entry.
const LEGEND: f64 = BOTTOM + 60.0;

/// Distance between legend entries.
const ROW: f64 = 20.0;

/// Position of a plot on the canvas.
struct Axes<'a> {
    plot: &'a Plot,
    /// The field along the horizontal axis.
    x: &'a str,
    /// Its values without duplicates, in order.
    places: Vec<f64>,
}

/// Draws a line for each series, and a legend below.
pub(super) fn draw(plot: &Plot, x: &str, records: &[&Record]) -> String {
    let mut places: Vec<f64> = records.iter().map(|record| number(record, x)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let axes = Axes { plot, x, places };
    let names = series_names(plot, records);
    let mut canvas = Canvas::new(760.0, LEGEND + ROW * names.len() as f64);
    axes.draw(&mut canvas);
    for ((i, name), colour) in names.iter().enumerate().zip(COLOURS.iter().cycle()) {
        let series: Vec<&Record> =
            records.iter().filter(|record| series_name(plot, record) == *name).copied().collect();
        axes.draw_series(&mut canvas, &series, colour);
        let height = LEGEND + ROW * i as f64;
        canvas.dot([LEFT + 4.0, height], colour);
        canvas.text([LEFT + 16.0, height + 4.0], Anchor::Start, name);
    }
    canvas.finish()
}

impl Axes<'_> {
    fn across(&self, place: f64) -> f64 {
        let end = |place: Option<&f64>| place.map_or(0.0, |place| place.log2());
        let ends = [end(self.places.first()) - 0.3, end(self.places.last()) + 0.3];
        LEFT + (RIGHT - LEFT) * share(place.log2(), ends)
    }

    fn up(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * share(value, self.plot.range)
    }

    fn draw(&self, canvas: &mut Canvas) {
        for (value, label) in ticks(self.plot.range) {
            canvas.line([LEFT, self.up(value)], [RIGHT, self.up(value)], GRID);
            canvas.text([LEFT - 8.0, self.up(value) + 4.0], Anchor::End, &label);
        }
        for &place in &self.places {
            canvas.line([self.across(place), BOTTOM], [self.across(place), BOTTOM + 5.0], INK);
            canvas.text([self.across(place), BOTTOM + 20.0], Anchor::Middle, &format!("{place}"));
        }
        canvas.line([LEFT, BOTTOM], [RIGHT, BOTTOM], INK);
        canvas.text([(LEFT + RIGHT) / 2.0, BOTTOM + 42.0], Anchor::Middle, &self.plot.x_title);
        canvas.upwards([16.0, (TOP + BOTTOM) / 2.0], &self.plot.y_title);
    }

    fn draw_series(&self, canvas: &mut Canvas, series: &[&Record], colour: &str) {
        let at = |record: &Record| [self.across(number(record, self.x)), self.up(record.value)];
        canvas.path(series.iter().map(|record| at(record)), colour);
        for record in series {
            let [x, y] = at(record);
            if let Some([low, high]) = bar(record) {
                canvas.line([x, self.up(low)], [x, self.up(high)], colour);
            }
            canvas.dot([x, y], colour);
        }
    }
}
