//! Rows of a CSV file, one token per value.

mod judge;
#[cfg(feature = "train")]
mod recipe;
mod shipments;
mod task;

pub use judge::{ColumnRule, TableJudge};
pub use shipments::{SHIPMENT_COLUMNS, shipment_is_consistent, shipment_row};
pub use task::{TableConfig, TableTask};
