//! What is timed.

use serde::{Deserialize, Serialize};
use vmd::nn::Precision;

/// Kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// A whole training step.
    Train,
    /// One evaluation of the denoiser.
    Infer,
    /// A sampling run from nothing: `nfe` evaluations, random positions, values drawn in double precision.
    Sample,
    /// One matrix product, `[batch·seq, width]` by `[width, 4·width]`.
    Product,
}

/// One piece of work, the same for both sides.
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
    /// Heads along rows, columns and boxes of a Sudoku, as in the preset; no positions then.
    pub(super) edges: bool,
    /// With the preset's latent and its posterior network.
    pub(super) latent: bool,
    pub(super) batch: usize,
    pub(super) seq: usize,
    pub(super) vocab: usize,
    pub(super) threads: Option<usize>,
    /// Evaluations of a sampling run.
    pub(super) nfe: usize,
    pub(super) precision: Precision,
}

/// Names of the groups, in the order in which they run.
pub(super) const GROUPS: [&str; 7] = ["step", "sudoku", "infer", "sample", "latent", "product", "scaling"];

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
        ..step
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
    cases
}

impl Case {
    /// Floating-point operations of the matrix products in one run.
    pub(super) fn flop(&self) -> f64 {
        let (tokens, width) = ((self.batch * self.seq) as f64, self.width as f64);
        let per_token = match self.mode {
            Mode::Product => return 2.0 * tokens * width * 4.0 * width,
            // Weights of a block, and the two products of attention.
            _ => (self.layers * self.loops) as f64 * (12.0 * width * width + 2.0 * width * self.seq as f64),
        };
        let passes = if self.mode == Mode::Train { 6.0 } else { 2.0 * self.nfe as f64 };
        passes * tokens * (per_token + width * self.vocab as f64)
    }
}
