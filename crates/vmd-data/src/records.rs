//! Records with rules inside: orders as JSON and shipments as rows of a table, made without end and checked exactly.
//!
//! Every rule ties fields that a model which fills them in independently cannot keep consistent.

mod orders;
mod shipments;

pub use orders::{MAX_ORDER, order_is_consistent, order_json};
pub use shipments::{SHIPMENT_COLUMNS, shipment_is_consistent, shipment_row};
