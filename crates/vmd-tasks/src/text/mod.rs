//! Windows of a text.

mod config;
mod evaluate;
#[cfg(feature = "train")]
mod recipe;
mod spans;
mod task;

pub use config::{Text8Config, TextConfig};
pub use evaluate::NGRAM_ORDER;
pub use spans::{SpanScore, infill_spans};
pub use task::TextTask;
