//! A pool of large buffers.

use std::mem::{MaybeUninit, size_of};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use burn::tensor::{AllocationProperty, Bytes};
use burn_std::{AccessError, AccessPolicy, AllocationController};
use rayon::prelude::*;

use super::{TASK, zeros};

/// Buffers of fewer values are not pooled.
const SMALLEST: usize = 1 << 12;

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), free_values: 0, used: 0, most_used: 0 });

/// Free buffers. Their total size never exceeds the largest total that was in use at one time.
struct Pool {
    free: Vec<Vec<f32>>,
    free_values: usize,
    used: usize,
    most_used: usize,
}

impl Pool {
    /// The smallest buffer of at least `n` and at most `2n` values.
    fn take(&mut self, n: usize) -> Option<Vec<f32>> {
        let fitting = self.free.iter().enumerate().filter(|(_, buffer)| (n..=2 * n).contains(&buffer.len()));
        // Of equally large buffers, the one returned last is the most likely to be in a cache.
        let found = fitting.rev().min_by_key(|(_, buffer)| buffer.len()).map(|(index, _)| index);
        let buffer = found.map(|index| self.free.remove(index));
        let len = buffer.as_ref().map_or(n, Vec::len);
        self.free_values -= if buffer.is_some() { len } else { 0 };
        self.used += len;
        self.most_used = self.most_used.max(self.used);
        buffer
    }

    /// Returns a buffer to the pool. The buffers that exceed the limit are returned to be freed.
    fn give(&mut self, buffer: Vec<f32>) -> Vec<Vec<f32>> {
        self.used -= buffer.len();
        self.free_values += buffer.len();
        self.free.push(buffer);
        let mut many = 0;
        while self.free_values > self.most_used {
            self.free_values -= self.free[many].len();
            many += 1;
        }
        self.free.drain(..many).collect()
    }
}

/// A buffer that returns to the pool when dropped. Fresh memory costs a page fault every few
/// kilobytes; in a training step these faults take longer than the computation.
#[derive(Debug)]
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    len: usize,
}

impl Scratch {
    /// `n` values with unspecified contents.
    pub(crate) fn take(n: usize) -> Self {
        if n < SMALLEST {
            return Self { buffer: vec![0.0; n], len: n };
        }
        let found = POOL.lock().unwrap_or_else(PoisonError::into_inner).take(n);
        Self { buffer: found.unwrap_or_else(|| zeros(n)), len: n }
    }

    /// `n` zeros.
    pub(crate) fn zeroed(n: usize) -> Self {
        let mut scratch = Self::take(n);
        scratch.fill(0.0);
        scratch
    }

    /// A copy of `values`, made by all threads.
    pub(crate) fn copy(values: &[f32]) -> Self {
        let mut scratch = Self::take(values.len());
        scratch
            .par_chunks_mut(TASK)
            .zip(values.par_chunks(TASK))
            .for_each(|(to, from)| to.copy_from_slice(from));
        scratch
    }

    /// The values as the memory of a tensor; they return to the pool when it is freed.
    #[expect(unsafe_code, reason = "no safe constructor returns the memory to the pool")]
    pub(crate) fn into_bytes(self) -> Bytes {
        let n = self.len * size_of::<f32>();
        // SAFETY: all of the buffer was written when it was made, and `memory` returns as many
        // bytes.
        unsafe { Bytes::from_controller(Box::new(self), n) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.buffer.len() >= SMALLEST {
            let buffer = std::mem::take(&mut self.buffer);
            // Buffers over the limit are freed after the lock is released.
            let _many = POOL.lock().unwrap_or_else(PoisonError::into_inner).give(buffer);
        }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}

impl AllocationController for Scratch {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    #[expect(unsafe_code, reason = "the trait's signature")]
    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let values: &mut [f32] = self;
        let (start, n) = (values.as_mut_ptr().cast(), size_of_val(values));
        // SAFETY: bytes need no alignment, any bytes are valid floats, and the caller writes only
        // initialised bytes.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, n) })
    }

    #[expect(unsafe_code, reason = "floats as bytes")]
    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let values: &[f32] = self;
        // SAFETY: bytes need no alignment, and those of floats are initialised.
        Ok(unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_serves_again_and_no_more_are_kept_than_were_in_use() {
        let mut pool = Pool { free: Vec::new(), free_values: 0, used: 0, most_used: 0 };
        assert!(pool.take(1000).is_none() && pool.take(100).is_none());
        assert!(pool.give(vec![1.0; 1000]).is_empty() && pool.give(vec![2.0; 100]).is_empty());
        assert!(pool.take(1001).is_none(), "too small");
        assert!(pool.take(450).is_none(), "larger than twice the size");
        assert_eq!(pool.take(600).map(|buffer| buffer.len()), Some(1000));
        assert_eq!((pool.used, pool.free_values, pool.most_used), (2451, 100, 2451));
        for n in [1000, 1001, 450] {
            pool.give(vec![0.0; n]);
        }
        assert_eq!((pool.used, pool.free_values), (0, 2451), "the oldest left");
    }

    #[test]
    fn a_tensor_returns_its_memory() {
        // A size that no other test requests.
        let n = 54_321;
        let mut scratch = Scratch::take(n);
        scratch.fill(3.0);
        let (address, bytes) = (scratch.as_ptr() as usize, scratch.into_bytes());
        assert_eq!(bytes.len(), 4 * n);
        assert_eq!(bytes[..4], 3f32.to_ne_bytes());
        drop(bytes);
        let again = Scratch::take(n);
        assert_eq!((again.as_ptr() as usize, again[n - 1]), (address, 3.0));
    }
}
