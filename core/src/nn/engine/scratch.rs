//! Memory that a task needs for a moment, kept by its thread for the next one.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local!(static KEPT: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) });

/// A buffer of values of 4 bytes, of any content at first.
pub(super) struct Scratch {
    buffer: Vec<f32>,
    len: usize,
}

impl Scratch {
    pub(super) fn new(len: usize) -> Self {
        let mut buffer = KEPT.with_borrow_mut(|kept| kept.pop().unwrap_or_default());
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
        Self { buffer, len }
    }

    /// With room for so many values of another kind.
    pub(super) fn of<T>(len: usize) -> Self {
        Self::new((len * size_of::<T>()).div_ceil(size_of::<f32>()))
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

impl Drop for Scratch {
    fn drop(&mut self) {
        // A thread that ends has no use for it.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            kept.push(std::mem::take(&mut self.buffer));
            // The next task takes the largest first.
            kept.sort_by_key(Vec::len);
        });
    }
}
