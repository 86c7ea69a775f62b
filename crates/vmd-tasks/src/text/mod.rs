//! Windows of a text.

mod spans;

pub use spans::{SpanScore, infill_spans};
