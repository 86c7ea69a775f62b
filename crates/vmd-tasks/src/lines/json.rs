//! JSON validity.

use serde::de::IgnoredAny;

/// Whether `text` is one JSON value (RFC 8259), optionally surrounded by white space.
///
/// Numbers of any size, lone surrogates in escapes and values nested to any depth are valid syntax.
///
/// ```
/// assert!(vmd_tasks::lines::json_is_valid(r#" {"a": [1, 2.5e3, null]} "#));
/// assert!(!vmd_tasks::lines::json_is_valid("[1,]"));
/// assert!(!vmd_tasks::lines::json_is_valid("1 2"));
/// ```
pub fn json_is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
