//! Evaluators. Each returns [`Record`]s: one figure with everything needed to know what it is.
//!
//! Invariant: nothing here trains a network or prints, and no figure leaves without its settings.

mod chain;
mod exact;
mod grids;
mod infill;
mod interval;
mod plan;
mod record;
mod samples;
mod sudoku;
pub mod text;

pub use chain::{RevealChain, StepChain};
pub use exact::{ExactError, ExactResult, exact_synthetic};
pub use grids::{DigitTest, PuzzleQuality, make_puzzles, test_digits};
pub use infill::{InfillEntropy, InfillScore, InfillTask, evaluate_infill};
pub use interval::{mean_interval, wilson_interval};
pub use record::{Figure, Provenance, Record, SamplerLabel};
pub use samples::SampleCounts;
pub use sudoku::{Band, Group, SudokuEvaluation, SudokuRules, SudokuScore, evaluate_sudoku};
