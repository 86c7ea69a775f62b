//! Plots a learned graph.

use std::collections::BTreeSet;
use std::error::Error;
use std::f64::consts::TAU;
use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;
use vmd::graph::DependencyGraph;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Side of each of the two panels in pixels.
const SIDE: u32 = 480;
/// Height of the title and of the legend.
const BAND: u32 = 36;

const FOUND: RGBColor = RGBColor(31, 119, 180);
const WRONG: RGBColor = RGBColor(214, 39, 40);
const MISSED: RGBColor = RGBColor(255, 160, 60);

/// Plots the positions of `graph` on a circle with their edges, and beside it the probability of
/// every edge. Edges of `truth` that are missing, and edges that are not in `truth`, have separate
/// colours.
pub(crate) fn plot_graph(
    graph: &DependencyGraph,
    probabilities: &[f64],
    truth: Option<&DependencyGraph>,
    title: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let picture =
        Picture { n: graph.n_nodes(), found: graph.pairs(), truth: truth.map(DependencyGraph::pairs) };
    picture
        .draw(probabilities, title, path)
        .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

struct Picture {
    n: usize,
    found: BTreeSet<(usize, usize)>,
    truth: Option<BTreeSet<(usize, usize)>>,
}

impl Picture {
    fn draw(&self, probabilities: &[f64], title: &str, path: &Path) -> Result<(), Box<dyn Error>> {
        let root = SVGBackend::new(path, (2 * SIDE, SIDE + 2 * BAND)).into_drawing_area();
        root.fill(&WHITE)?;
        root.draw(&Text::new(title, (14, 12), ("sans-serif", 18)))?;
        let (above, legend) = root.split_vertically(SIDE + BAND);
        let (left, right) = above.margin(BAND, 0, 0, 0).split_horizontally(SIDE);
        self.circle(&left)?;
        self.matrix(&right, probabilities)?;
        self.legend(&legend)?;
        root.present()?;
        Ok(())
    }

    fn colour(&self, pair: (usize, usize)) -> RGBColor {
        match &self.truth {
            Some(truth) if !truth.contains(&pair) => WRONG,
            _ => FOUND,
        }
    }

    fn missed(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.truth.iter().flatten().copied().filter(|pair| !self.found.contains(pair))
    }

    fn circle(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let centre = f64::from(SIDE) / 2.0;
        let at = |node: usize, radius: f64| {
            let angle = TAU * node as f64 / self.n as f64 - TAU / 4.0;
            ((centre + radius * angle.cos()) as i32, (centre + radius * angle.sin()) as i32)
        };
        let radius = centre - 48.0;
        let tie = |(a, b): (usize, usize), colour: RGBColor| {
            PathElement::new([at(a, radius), at(b, radius)], colour.stroke_width(2))
        };
        for pair in self.missed() {
            area.draw(&tie(pair, MISSED))?;
        }
        for &pair in &self.found {
            area.draw(&tie(pair, self.colour(pair)))?;
        }
        // Every position has a dot. Numbers are drawn where there is space.
        let every = self.n.div_ceil(32);
        for node in 0..self.n {
            area.draw(&Circle::new(at(node, radius), 4, BLACK.filled()))?;
            if node % every == 0 {
                let (x, y) = at(node, radius + 20.0);
                area.draw(&Text::new(node.to_string(), (x - 6, y - 7), ("sans-serif", 13)))?;
            }
        }
        Ok(())
    }

    fn matrix(&self, area: &Area<'_>, probabilities: &[f64]) -> Result<(), Box<dyn Error>> {
        let (margin, side) = (24, SIDE as usize - 48);
        let edge = |i: usize| (margin + i * side / self.n) as i32;
        let cell = |i: usize, j: usize| [(edge(j), edge(i)), (edge(j + 1), edge(i + 1))];
        for (i, j) in (0..self.n).flat_map(|i| (0..self.n).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            let shade = FOUND.mix(probabilities[i * self.n + j]);
            area.draw(&Rectangle::new(cell(i, j), shade.filled()))?;
        }
        let outline = |(a, b): (usize, usize)| [cell(a, b), cell(b, a)];
        for corners in self.truth.iter().flatten().copied().flat_map(outline) {
            area.draw(&Rectangle::new(corners, MISSED.stroke_width(2)))?;
        }
        let frame = [(edge(0), edge(0)), (edge(self.n), edge(self.n))];
        area.draw(&Rectangle::new(frame, BLACK.stroke_width(1)))?;
        Ok(())
    }

    fn legend(&self, area: &Area<'_>) -> Result<(), Box<dyn Error>> {
        let mut entries = vec![(FOUND, "learned")];
        if self.truth.is_some() {
            entries.extend([(WRONG, "learned, not in the data"), (MISSED, "in the data (left: missed)")]);
        }
        for ((colour, text), x) in entries.into_iter().zip((24..).step_by(230)) {
            area.draw(&PathElement::new([(x, 16), (x + 24, 16)], colour.stroke_width(3)))?;
            area.draw(&Text::new(text, (x + 32, 9), ("sans-serif", 14)))?;
        }
        let text = "right: probability of a tie, white is 0";
        area.draw(&Text::new(text, (SIDE as i32 + 220, 9), ("sans-serif", 14)))?;
        Ok(())
    }
}
