//! Small sets with known distributions, which allow exact measurement of the errors of few-step
//! samplers.

mod chain;
mod distribution;
mod evaluate;
mod exact;
mod graph;
mod grids;
mod infill;
mod plan;
#[cfg(feature = "train")]
mod recipe;
mod rules;
mod samples;
mod set;
mod source;
mod task;

pub use chain::{RevealChain, StepChain};
pub use exact::{ExactError, ExactResult, exact_synthetic};
pub use infill::{InfillEntropy, InfillScore, InfillTask, evaluate_infill};
pub use rules::broken_rules;
pub use samples::SampleCounts;
pub use set::{MAX_LENGTH, SyntheticSet, SyntheticSetError};
pub use source::{SyntheticSource, TrainingPart};
pub use task::{SyntheticConfig, SyntheticTask};
