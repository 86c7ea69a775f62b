//! Lines of a file, one sequence each: code, JSON.

mod json;
mod orders;
#[cfg(feature = "train")]
mod recipe;
mod task;

pub use json::json_is_valid;
pub use orders::{MAX_ORDER, order_is_consistent, order_json};
pub use task::{LinesConfig, LinesTask, Syntax};
