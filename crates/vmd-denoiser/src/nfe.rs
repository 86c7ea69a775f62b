//! Counting network evaluations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts sequences that a denoiser has evaluated: a forward pass over a batch of `b` sequences
/// adds `b`.
///
/// The mean NFE of a sampling run is the difference of two readings divided by the number of
/// samples. The network increments the counter itself, so a sampler cannot under-report. Clones
/// share the count.
#[derive(Debug, Clone, Default)]
pub struct NfeCounter(Arc<AtomicU64>);

impl NfeCounter {
    /// Sequences evaluated so far.
    pub fn evaluated(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Records a forward pass over `batch` sequences; called by implementations of
    /// [`Denoiser`](crate::Denoiser).
    pub fn record(&self, batch: usize) {
        self.0.fetch_add(batch as u64, Ordering::Relaxed);
    }
}
