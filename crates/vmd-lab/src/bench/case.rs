//! Benchmark cases.

use serde::{Deserialize, Serialize};
use vmd::nn::{Mixing, Precision};

/// Kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// A whole training step.
    Train,
    /// One evaluation of the denoiser.
    Infer,
    /// An unconditional sampling run: `nfe` evaluations, random positions, values drawn in double
    /// precision.
    Sample,
    /// Unconditional texts in blocks of `nfe` evaluations each, with cached keys and values.
    Write,
    /// Like `Write`, but without a cache: every evaluation processes the whole text.
    Rewrite,
    /// One matrix product, `[batch·seq, width]` by `[width, 4·width]`.
    Product,
}

/// A benchmark case, which is the same for all contenders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) mode: Mode,
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) loops: usize,
    pub(super) heads: usize,
    pub(super) activation: String,
    /// Heads along rows, columns and boxes of a Sudoku and no positions, as in the preset.
    pub(super) edges: bool,
    /// With the preset's latent and its posterior network.
    pub(super) latent: bool,
    /// How tokens exchange information.
    pub(super) mixing: Mixing,
    /// All heads along the edges of a chain.
    pub(super) chain: bool,
    /// Whether tokens of one step depend on their parents.
    pub(super) parents: bool,
    /// The case to compare with instead of PyTorch.
    pub(super) twin: Option<Box<Case>>,
    /// Blocks of a text, one after the other.
    pub(super) blocks: usize,
    pub(super) batch: usize,
    pub(super) seq: usize,
    pub(super) vocab: usize,
    pub(super) threads: Option<usize>,
    /// Evaluations of a sampling run.
    pub(super) nfe: usize,
    pub(super) precision: Precision,
}

/// Names of the groups, in the order of execution.
pub(super) const GROUPS: [&str; 11] = [
    "step",
    "sudoku",
    "infer",
    "sample",
    "solve",
    "latent",
    "product",
    "scaling",
    "structure",
    "length",
    "text",
];

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let step = Case {
        name: "step 128×4, batch 64, seq 81".into(),
        group: "step".into(),
        mode: Mode::Train,
        width: 128,
        layers: 4,
        loops: 1,
        heads: 4,
        activation: "gelu".into(),
        edges: false,
        latent: false,
        mixing: Mixing::Attention,
        chain: false,
        parents: false,
        twin: None,
        blocks: 1,
        batch: 64,
        seq: 81,
        vocab: 9,
        threads: None,
        nfe: 1,
        precision: Precision::F32,
    };
    let sudoku = Case {
        name: "Sudoku preset, without latent".into(),
        group: "sudoku".into(),
        layers: 2,
        loops: 4,
        activation: "relu".into(),
        edges: true,
        ..step.clone()
    };
    let of = |group: &str, name: &str, case: &Case| Case {
        name: name.into(),
        group: group.into(),
        ..case.clone()
    };
    let mut cases = vec![
        step.clone(),
        Case {
            width: 256,
            layers: 6,
            batch: 32,
            seq: 256,
            ..of("step", "step 256×6, batch 32, seq 256", &step)
        },
        sudoku.clone(),
        Case { batch: 1, mode: Mode::Infer, ..of("infer", "denoiser 128×4, batch 1", &step) },
        Case { mode: Mode::Infer, ..of("infer", "denoiser 128×4, batch 64", &step) },
        Case { mode: Mode::Sample, nfe: 16, ..of("sample", "sample 128×4, batch 64, NFE 16", &step) },
        Case {
            mode: Mode::Sample,
            nfe: 5,
            width: 96,
            loops: 12,
            mixing: Mixing::Messages,
            ..of("solve", "Sudoku solver, batch 64, NFE 5", &sudoku)
        },
        of("latent", "Sudoku preset without latent, again", &sudoku),
        Case { latent: true, ..of("latent", "Sudoku preset, with latent", &sudoku) },
        Case { mode: Mode::Product, ..of("product", "product 5184×128×512", &step) },
    ];
    for batch in [1, 8, 64] {
        cases.push(Case { batch, ..of("scaling", &format!("step 128×4, batch {batch}"), &step) });
    }
    for seq in [16, 256] {
        cases.push(Case {
            seq,
            batch: 16,
            ..of("scaling", &format!("step 128×4, batch 16, seq {seq}"), &step)
        });
    }
    for width in [64, 256] {
        cases.push(Case { width, batch: 16, ..of("scaling", &format!("step {width}×4, batch 16"), &step) });
    }
    for threads in [1, 2] {
        let name = format!("step 128×4, batch 16, threads {threads}");
        cases.push(Case { batch: 16, threads: Some(threads), ..of("scaling", &name, &step) });
    }
    cases.extend(structure(&sudoku));
    cases.extend(lengths(&step));
    cases.extend(texts(&step));
    cases
}

/// The cost of structure, compared with the same network without it.
fn structure(sudoku: &Case) -> Vec<Case> {
    let of = |name: &str, case: &Case| Case { name: name.into(), group: "structure".into(), ..case.clone() };
    let next_to = |case: Case, twin: Case| Case { twin: Some(Box::new(twin)), ..case };
    let mut cases = Vec::new();
    for nfe in [1, 4] {
        let without = Case { mode: Mode::Sample, nfe, ..of("without parents", sudoku) };
        let with = Case { parents: true, ..of(&format!("sample Sudoku, NFE {nfe}, parents"), &without) };
        cases.push(next_to(with, without));
    }
    let with = Case { parents: true, ..of("Sudoku step, parents", sudoku) };
    cases.push(next_to(with, of("without parents", sudoku)));
    let messages = Case { mixing: Mixing::Messages, ..of("Sudoku step, messages", sudoku) };
    cases.push(next_to(messages, of("attention", sudoku)));
    cases
}

/// Texts generated in blocks of four, compared with PyTorch and with this program without a cache.
fn texts(step: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    for (batch, nfe) in [(1, 4), (16, 1), (16, 4)] {
        let sizes = Case { mode: Mode::Write, blocks: 64, batch, seq: 256, vocab: 27, nfe, ..step.clone() };
        let name = format!("write {batch} × 256 characters, NFE {nfe} a block of 4");
        cases.push(Case { name, group: "text".into(), ..sizes });
    }
    let last = cases[2].clone();
    let twin = Case { mode: Mode::Rewrite, name: "without a cache".into(), ..last.clone() };
    cases.push(Case { twin: Some(Box::new(twin)), ..last });
    cases
}

/// Training steps along chains of growing length.
fn lengths(step: &Case) -> Vec<Case> {
    let of = |mixing, seq| {
        let name = match mixing {
            Mixing::Attention => format!("step along a chain of {seq}, attention"),
            Mixing::Messages => format!("step along a chain of {seq}, messages"),
        };
        let sizes = Case { width: 64, layers: 2, batch: 4, seq, vocab: 10, ..step.clone() };
        Case { name, group: "length".into(), mixing, chain: true, ..sizes }
    };
    let both = |seq| [of(Mixing::Attention, seq), of(Mixing::Messages, seq)];
    [64, 256, 1024, 4096].into_iter().flat_map(both).collect()
}

impl Case {
    /// Whether the PyTorch worker implements this case.
    pub(super) fn has_peer(&self) -> bool {
        !self.latent && !self.chain && self.twin.is_none()
    }

    /// Floating-point operations of the matrix products in one run; `None` if sums along edges are
    /// a large part of the work.
    pub(super) fn flop(&self) -> Option<f64> {
        let writes = matches!(self.mode, Mode::Write | Mode::Rewrite);
        if self.chain || writes || self.mixing == Mixing::Messages {
            return None;
        }
        let (tokens, width) = ((self.batch * self.seq) as f64, self.width as f64);
        let per_token = match self.mode {
            Mode::Product => return Some(2.0 * tokens * width * 4.0 * width),
            // Weights of a block, and the two products of attention.
            _ => (self.layers * self.loops) as f64 * (12.0 * width * width + 2.0 * width * self.seq as f64),
        };
        let passes = if self.mode == Mode::Train { 6.0 } else { 2.0 * self.nfe as f64 };
        Some(passes * tokens * (per_token + width * self.vocab as f64))
    }
}
