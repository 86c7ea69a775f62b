//! SVG shapes for plots.

use super::INK;

/// Which point of a text its position refers to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    /// The left end.
    Start,
    /// The middle.
    Middle,
    /// The right end.
    End,
}

/// A drawing; coordinates are in pixels from the top left.
#[derive(Debug)]
pub(super) struct Canvas {
    svg: String,
}

impl Canvas {
    /// A white canvas.
    pub(super) fn new(width: f64, height: f64) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        Self { svg }
    }

    /// A straight line.
    pub(super) fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], colour: &str) {
        self.svg.push_str(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>\n"
        ));
    }

    /// Lines from point to point.
    pub(super) fn path(&mut self, points: impl Iterator<Item = [f64; 2]>, colour: &str) {
        let points: Vec<String> = points.map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.svg.push_str(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n"
        ));
    }

    /// A filled circle.
    pub(super) fn dot(&mut self, [x, y]: [f64; 2], colour: &str) {
        self.svg.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\n"));
    }

    /// A line of text.
    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.svg.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{INK}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// A line of text from bottom to top, with its middle at a point.
    pub(super) fn upwards(&mut self, [x, y]: [f64; 2], text: &str) {
        let text = escaped(text);
        self.svg.push_str(&format!(
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\" fill=\"{INK}\" \
             text-anchor=\"middle\">{text}</text>\n"
        ));
    }

    /// The complete file.
    pub(super) fn finish(self) -> String {
        self.svg + "</svg>\n"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
