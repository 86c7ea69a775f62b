//! Observation and outcome of a training run.

use crate::MetricRecord;

/// Receives the metrics of a run.
pub trait Observer {
    /// A record was written to the metrics.
    fn on_record(&mut self, record: &MetricRecord);
}

/// Ignores all metrics.
impl Observer for () {
    fn on_record(&mut self, _record: &MetricRecord) {}
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All steps were completed.
    Finished,
    /// The run was stopped on request. If it has a folder, a checkpoint was saved after this step.
    Interrupted {
        /// Steps done.
        step: u64,
    },
}
