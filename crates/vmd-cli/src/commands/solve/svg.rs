//! An animation of a solution as SVG.

use std::fmt::Write;

use vmd::tasks::sudoku::{Grid, Layout};

use super::recorder::Frame;

/// Symbol of a cell without a digit.
const BLANK: char = '.';

/// Side of a cell, and margin around the grid.
const CELL: usize = 44;
const MARGIN: usize = 14;
/// Height of the caption and of the legend below the grid.
const FOOT: usize = 58;

/// Seconds of all frames together, limits for one frame, and seconds of the last one.
const PLAY: f64 = 14.0;
const SHORTEST: f64 = 0.12;
const LONGEST: f64 = 0.9;
const HOLD: f64 = 3.0;

/// Colours of a uniform guess and of certainty.
const UNSURE: [f64; 3] = [255.0, 176.0, 92.0];
const SURE: [f64; 3] = [150.0, 214.0, 190.0];

/// The frames in sequence, repeated; a viewer without animation shows the last one. Clues are bold;
/// the colour of a cell shows the probability that the network gave its digit.
pub(super) fn animation(layout: Layout, clues: &Grid, frames: &[Frame], caption: &str) -> String {
    let size = layout.size();
    let side = size * CELL;
    let (width, height) = (side + 2 * MARGIN, side + 2 * MARGIN + FOOT);
    let clock = Clock::of(frames.len());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" text-anchor=\"middle\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut add = |text: String| svg.push_str(&text);
    let text = |tokens: &[u32]| Grid::from_tokens(layout, tokens).expect("frames are grids").to_string();
    let texts: Vec<Vec<char>> = frames.iter().map(|frame| text(&frame.tokens).chars().collect()).collect();
    for cell in 0..layout.cells() {
        let (x, y) = (MARGIN + cell % size * CELL, MARGIN + cell / size * CELL);
        let is_clue = usize::from(clues.cells()[cell]) != size;
        let history = frames.iter().zip(&texts).map(|(frame, text)| (text[cell], frame.confidence[cell]));
        for Span { from, to, digit, confidence } in spans(history) {
            let colour = if is_clue { "#ececec".to_string() } else { colour(confidence, size) };
            let weight = if is_clue { " font-weight=\"bold\"" } else { "" };
            let (middle, base) = (x + CELL / 2, y + CELL / 2 + 8);
            add(format!(
                "<g{}><rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{colour}\"/>\
                 <text x=\"{middle}\" y=\"{base}\" font-size=\"23\"{weight}>{digit}</text>{}</g>\n",
                clock.still(to),
                clock.shown(from, to),
            ));
        }
    }
    for line in 0..=size {
        let at = MARGIN + line * CELL;
        let end = MARGIN + side;
        let wide = |every: usize| if line % every == 0 { 2.4 } else { 0.7 };
        add(format!(
            "<path d=\"M{MARGIN} {at}H{end}\" stroke=\"#222\" stroke-width=\"{}\"/>\
             <path d=\"M{at} {MARGIN}V{end}\" stroke=\"#222\" stroke-width=\"{}\"/>\n",
            wide(layout.box_rows()),
            wide(layout.box_cols()),
        ));
    }
    let (middle, base) = (width / 2, side + MARGIN + 24);
    for frame in 0..frames.len() {
        let is_last = frame + 1 == frames.len();
        let text = match frame {
            _ if is_last => caption.to_string(),
            0 => "the puzzle".to_string(),
            1 => "after 1 evaluation".to_string(),
            n => format!("after {n} evaluations"),
        };
        let to = if is_last { None } else { Some(frame + 1) };
        add(format!(
            "<text x=\"{middle}\" y=\"{base}\" font-size=\"15\"{}>{text}{}</text>\n",
            clock.still(to),
            clock.shown(frame, to),
        ));
    }
    let base = side + MARGIN + 48;
    add(legend(middle, base, size));
    svg.push_str("</svg>\n");
    svg
}

/// A digit of a cell, shown from frame `from` to frame `to` (exclusive), or to the end.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    from: usize,
    to: Option<usize>,
    digit: char,
    confidence: f64,
}

/// Converts the digit and confidence of a cell in every frame to spans.
fn spans(history: impl Iterator<Item = (char, f64)>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (frame, (digit, confidence)) in history.enumerate() {
        let last = spans.last_mut().filter(|span| span.to.is_none());
        if last.as_ref().is_some_and(|span| (span.digit, span.confidence) == (digit, confidence)) {
            continue;
        }
        if let Some(span) = last {
            span.to = Some(frame);
        }
        if digit != BLANK {
            spans.push(Span { from: frame, to: None, digit, confidence });
        }
    }
    spans
}

/// Timing of the frames.
#[derive(Debug)]
struct Clock {
    n_frames: usize,
    /// Seconds of a frame.
    frame: f64,
}

impl Clock {
    fn of(n_frames: usize) -> Self {
        Self { n_frames, frame: (PLAY / n_frames as f64).clamp(SHORTEST, LONGEST) }
    }

    /// The attribute without animation: only elements that stay to the end are visible.
    fn still(&self, to: Option<usize>) -> &'static str {
        if to.is_some() { " opacity=\"0\"" } else { "" }
    }

    /// An animation that shows an element in frames `from..to`; empty if it is always visible.
    fn shown(&self, from: usize, to: Option<usize>) -> String {
        let total = (self.n_frames - 1) as f64 * self.frame + HOLD;
        let at = |frame: usize| frame as f64 * self.frame / total;
        let (values, times) = match (from, to) {
            (0, None) => return String::new(),
            (0, Some(to)) => ("1;0".to_string(), format!("0;{:.5}", at(to))),
            (from, None) => ("0;1".to_string(), format!("0;{:.5}", at(from))),
            (from, Some(to)) => ("0;1;0".to_string(), format!("0;{:.5};{:.5}", at(from), at(to))),
        };
        format!(
            "<animate attributeName=\"opacity\" calcMode=\"discrete\" values=\"{values}\" keyTimes=\"{times}\" \
             dur=\"{total:.2}s\" repeatCount=\"indefinite\"/>"
        )
    }
}

/// A colour between that of a uniform guess and that of certainty.
fn colour(confidence: f64, size: usize) -> String {
    let even = 1.0 / size as f64;
    let share = ((confidence - even) / (1.0 - even)).clamp(0.0, 1.0);
    let mut text = "#".to_string();
    for (unsure, sure) in UNSURE.iter().zip(SURE) {
        let value = (unsure + (sure - unsure) * share).round() as u8;
        write!(text, "{value:02x}").expect("text can always be written to");
    }
    text
}

fn legend(middle: usize, base: usize, size: usize) -> String {
    const STEPS: usize = 10;
    const WIDTH: usize = 14;
    let start = middle - STEPS * WIDTH / 2;
    let mut text = String::new();
    for step in 0..STEPS {
        let confidence = step as f64 / (STEPS - 1) as f64;
        let (x, y) = (start + step * WIDTH, base - 11);
        let fill = colour(confidence, size);
        write!(text, "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"12\" fill=\"{fill}\"/>")
            .expect("text can always be written to");
    }
    let (left, right) = (start - 6, start + STEPS * WIDTH + 6);
    text + &format!(
        "<text x=\"{left}\" y=\"{base}\" font-size=\"12\" text-anchor=\"end\">unsure</text>\
         <text x=\"{right}\" y=\"{base}\" font-size=\"12\" text-anchor=\"start\">sure</text>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_what_it_held_and_when() {
        let history = [(BLANK, 1.0), ('3', 0.5), ('3', 0.5), (BLANK, 1.0), ('4', 0.9), ('4', 0.9)];
        let span = |from, to, digit, confidence| Span { from, to, digit, confidence };
        assert_eq!(spans(history.into_iter()), [span(1, Some(3), '3', 0.5), span(4, None, '4', 0.9)]);
    }

    #[test]
    fn the_last_frame_is_what_still_viewers_show() {
        let layout = Layout::new(2, 2).unwrap();
        let puzzle: Grid = "1234341221434320".parse().unwrap();
        let frame = |last: u32, confidence: f64| {
            let mut tokens = puzzle.to_tokens();
            tokens[15] = last;
            let mut all = vec![1.0; 16];
            all[15] = confidence;
            Frame { tokens, confidence: all }
        };
        let frames = [frame(4, 1.0), frame(1, 0.4), frame(0, 0.9)];
        let svg = animation(layout, &puzzle, &frames, "solved");
        let digits = |lines: &mut dyn Iterator<Item = &str>| {
            lines
                .filter_map(|line| Some(line.split("</text>").next()?.rsplit('>').next()?.to_string()))
                .collect::<String>()
        };
        let mut still = svg.lines().filter(|line| line.starts_with("<g><rect"));
        assert_eq!(digits(&mut still), "1234341221434321");
        let mut gone = svg.lines().filter(|line| line.starts_with("<g opacity=\"0\">"));
        assert_eq!(digits(&mut gone), "2");
        assert_eq!(svg.matches("font-weight=\"bold\"").count(), 15);
        assert_ne!(colour(0.4, 4), colour(0.9, 4));
    }
}
