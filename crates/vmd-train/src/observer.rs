//! What a run tells, and how it ends.

use crate::MetricRecord;

/// Told what happens during a run.
pub trait Observer {
    /// A record was written to the metrics.
    fn on_record(&mut self, record: &MetricRecord);
}

/// Ignores everything.
impl Observer for () {
    fn on_record(&mut self, _record: &MetricRecord) {}
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// It was asked to stop; a checkpoint was saved after this many steps.
    Interrupted {
        /// Steps done.
        step: u64,
    },
}
