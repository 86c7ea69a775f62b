//! Large buffers that are used again.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

use super::zeros;

/// Buffers that are kept at the most; more would outlive a change of the batch size for nothing.
const KEPT: usize = 64;

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// A buffer from the pool, to which it returns. Fresh memory costs a page fault every few kilobytes, which for the hidden
/// layers of a training step is more than the work on them.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<f32>);

impl Scratch {
    /// `n` values, whichever they are.
    pub(crate) fn take(n: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = free.iter().rposition(|buffer| buffer.len() == n).map(|index| free.remove(index));
        drop(free);
        Self(found.unwrap_or_else(|| zeros(n)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if free.len() == KEPT {
            free.remove(0);
        }
        free.push(std::mem::take(&mut self.0));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
