//! How many jobs run at a time, and what each may take.

use std::num::NonZero;
use std::thread;

use polychromify_core::Limits;

/// Most pixels of a scan. The largest archive scans have a few hundred megapixels; a file that
/// claims more than this is refused before it takes hours.
const MOST_PIXELS: u64 = 4_000_000_000;

/// Memory of all jobs together where none is set, and the least of each: a JPEG of 85 megapixels in
/// color is held by it, however many cores there are.
const LEAST_MEMORY: u64 = 1 << 30;
const LEAST_SHARE: u64 = 256 << 20;

/// Photographs in work at the same time: as asked for, or one a core.
pub(crate) fn workers(jobs: Option<NonZero<u16>>) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    jobs.map_or_else(cores, |jobs| jobs.get().into())
}

/// Bounds for each of several jobs that share `memory` bytes; `None`: by [`LEAST_MEMORY`] and
/// [`LEAST_SHARE`].
pub(crate) fn of_each(memory: Option<u64>, workers: usize) -> Limits {
    let workers = workers.max(1) as u64;
    let share =
        memory.map_or_else(|| (LEAST_MEMORY / workers).max(LEAST_SHARE), |all| all / workers);
    Limits::new(MOST_PIXELS, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_jobs_have_room_for_a_large_jpeg_each_unless_memory_is_set() {
        assert_eq!(of_each(None, 2).memory, 512 << 20);
        assert_eq!(of_each(None, 64).memory, 256 << 20);
        assert_eq!(of_each(Some(1 << 30), 64).memory, 16 << 20);
    }
}
