//! A memory allocator for programs that compute on the CPU.
#![expect(unsafe_code, reason = "an allocator hands out pointers")]
#![expect(clippy::cast_ptr_alignment, reason = "large blocks are aligned to 64")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mimalloc::MiMalloc;

/// Keeps large blocks when they are freed, and hands them out again: a training step needs the
/// same gigabytes as the one before, and mapping them afresh, page by page, takes as long as the
/// computation. Small blocks are mimalloc's.
///
/// ```
/// use polychromify_train::Allocator;
///
/// #[global_allocator]
/// static ALLOCATOR: Allocator = Allocator;
///
/// Allocator::keep(1 << 30);
/// ```
pub struct Allocator;

/// Bytes from which a block is large: a tensor's.
const LARGE: usize = 1 << 20;
/// Alignment of large blocks in bytes: a cache line.
const ALIGN: usize = 64;
/// Sizes of kept blocks from a power of two to the next.
const STEPS: usize = 8;
const CLASSES: usize = usize::BITS as usize * STEPS;

/// Most bytes to keep.
static LIMIT: AtomicUsize = AtomicUsize::new(256 << 20);
static KEPT: Mutex<Kept> = Mutex::new(Kept { bytes: 0, first: [ptr::null_mut(); CLASSES] });

/// Free blocks. The first word of each points to the next one of its class.
struct Kept {
    bytes: usize,
    first: [*mut u8; CLASSES],
}

// SAFETY: the blocks are free: nobody else has pointers to them.
unsafe impl Send for Kept {}

impl Allocator {
    /// Sets how many bytes of free large blocks are kept; 256 MiB at first. Training keeps all that
    /// a step needs, several gigabytes, so that no page is mapped twice.
    pub fn keep(bytes: usize) {
        LIMIT.store(bytes, Ordering::Relaxed);
    }
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= ALIGN && layout.size() <= isize::MAX as usize / 2
}

/// Class of a large block, and the size and alignment that all blocks of the class have.
fn class(layout: Layout) -> Option<(usize, Layout)> {
    let power = layout.size().ilog2() as usize;
    let step = (1 << power) / STEPS;
    let steps = layout.size().div_ceil(step); // STEPS..=2 * STEPS
    let block = Layout::from_size_align(steps * step, ALIGN).ok()?;
    Some((power * STEPS + steps - STEPS, block))
}

// SAFETY: blocks come from mimalloc or, if large, from the system, and go back to where they came
// from, which their layout alone decides; a kept block is handed out once, being taken off its
// list, and is as large and as aligned as its class, whose size is at least the layout's.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's promises are mimalloc's.
            return unsafe { MiMalloc.alloc(layout) };
        }
        let Some((class, block)) = class(layout) else { return ptr::null_mut() };
        {
            let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let first = kept.first[class];
            if !first.is_null() {
                // SAFETY: a kept block's first word points to the next one; it is aligned to 64.
                kept.first[class] = unsafe { first.cast::<*mut u8>().read() };
                kept.bytes -= block.size();
                return first;
            }
        }
        // SAFETY: the size is not 0.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !is_large(layout) {
            // SAFETY: mimalloc's, as its layout is the one it was allocated with.
            return unsafe { MiMalloc.dealloc(pointer, layout) };
        }
        let Some((class, block)) = class(layout) else { return };
        {
            let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if kept.bytes + block.size() <= LIMIT.load(Ordering::Relaxed) {
                // SAFETY: the block is free, larger than a word, and aligned to 64.
                unsafe { pointer.cast::<*mut u8>().write(kept.first[class]) };
                kept.first[class] = pointer;
                kept.bytes += block.size();
                return;
            }
        }
        // SAFETY: allocated by `System` with this layout.
        unsafe { System.dealloc(pointer, block) };
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size fits the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if !is_large(layout) && !is_large(new) {
            // SAFETY: mimalloc's.
            return unsafe { MiMalloc.realloc(pointer, layout, size) };
        }
        // SAFETY: the size is not 0, as the caller promises.
        let target = unsafe { self.alloc(new) };
        if !target.is_null() {
            // SAFETY: both blocks are that large, and distinct.
            unsafe { ptr::copy_nonoverlapping(pointer, target, layout.size().min(size)) };
            // SAFETY: the caller's block, given up.
            unsafe { self.dealloc(pointer, layout) };
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_at_most_an_eighth_larger_and_holds_no_larger_block() {
        for size in [LARGE, LARGE + 1, 3 * LARGE / 2, 2 * LARGE - 1, 2 * LARGE, 512 << 20] {
            let layout = Layout::from_size_align(size, 4).unwrap();
            let (index, block) = class(layout).unwrap();
            assert!(block.size() >= size && block.size() <= size + size / 8 + 1);
            let full = Layout::from_size_align(block.size(), 4).unwrap();
            assert_eq!(class(full).unwrap(), (index, block), "{size}");
        }
    }

    #[test]
    #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one story, one argument")]
    fn a_freed_block_is_handed_out_again() {
        // Sizes that no other test frees.
        let layout = Layout::from_size_align(77 << 20, 4).unwrap();
        let larger = Layout::from_size_align(99 << 20, 4).unwrap();
        // SAFETY: sizes are not 0, blocks are freed with their layouts, reads are in bounds.
        unsafe {
            let first = Allocator.alloc(layout);
            first.write_bytes(1, 64);
            Allocator.dealloc(first, layout);
            let second = Allocator.alloc_zeroed(layout);
            assert_eq!(first, second);
            assert_eq!(second.read(), 0);
            let third = Allocator.alloc(layout);
            assert_ne!(second, third);
            second.write(7);
            let moved = Allocator.realloc(second, layout, larger.size());
            assert_eq!(moved.read(), 7);
            Allocator.dealloc(moved, larger);
            Allocator.dealloc(third, layout);
        }
    }
}
