//! Metrics, one JSON object per line.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vmd_model::BoundEstimate;
use vmd_model::files::write_atomically;

use crate::TrainError;

/// One line of `metrics.jsonl`. All losses are nats per sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MetricRecord {
    /// A training step.
    Train {
        /// Steps done.
        step: u64,
        /// `recon + kl_weight · kl`, as trained.
        loss: f64,
        /// Reconstruction part.
        recon: f64,
        /// KL part, weight 1; absent without a latent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kl: Option<f64>,
        /// Weight of the KL in this step.
        kl_weight: f64,
        /// Global norm of the gradients before clipping.
        gradient_norm: f64,
        /// Learning rate of this step.
        learning_rate: f64,
        /// Seconds spent training so far, over all sessions of the run.
        seconds: f64,
    },
    /// A validation of the averaged weights.
    Validation {
        /// Steps done.
        step: u64,
        /// The bound and the diagnostics of the latent.
        #[serde(flatten)]
        estimate: BoundEstimate,
    },
}

impl MetricRecord {
    /// Steps done at the time of the record.
    pub fn step(&self) -> u64 {
        match self {
            Self::Train { step, .. } | Self::Validation { step, .. } => *step,
        }
    }
}

/// Reads a metrics file. A truncated last line is ignored.
///
/// # Errors
///
/// [`TrainError::File`] if the file cannot be read.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricRecord>, TrainError> {
    let text = std::fs::read_to_string(path).map_err(TrainError::io("read", path))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Appends to `metrics.jsonl`.
#[derive(Debug)]
pub(crate) struct MetricsWriter {
    path: PathBuf,
    file: File,
}

impl MetricsWriter {
    /// Opens the file and removes all records after `step`, the last checkpoint of a killed run.
    pub(crate) fn open(path: &Path, step: u64) -> Result<Self, TrainError> {
        if path.exists() {
            let kept: Vec<MetricRecord> =
                read_metrics(path)?.into_iter().filter(|record| record.step() <= step).collect();
            write_atomically(path, lines(&kept).as_bytes())?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(TrainError::io("open", path))?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    pub(crate) fn write(&mut self, record: &MetricRecord) -> Result<(), TrainError> {
        let line = lines(std::slice::from_ref(record));
        self.file.write_all(line.as_bytes()).map_err(TrainError::io("write", &self.path))
    }
}

fn lines(records: &[MetricRecord]) -> String {
    let line = |record| serde_json::to_string(record).expect("a record of numbers serialises") + "\n";
    records.iter().map(line).collect()
}
