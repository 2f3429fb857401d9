//! The pixels that a strip of a convolution's result sees, padded and sorted so that the terms of
//! any pixel lie at the same offsets from it.

use std::ops::Range;

use super::avx512::LANES;
use super::geometry::Geometry;

/// Floats of a packed strip: a bit over half of the 1 MiB that a core has of second-level cache.
const CACHED: usize = 144 * 1024;

/// How the pixels of a strip of the result's rows are packed.
pub(super) struct Packing {
    /// First row of the strip, in the result.
    pub(super) start: usize,
    /// Rows of the strip, in the result.
    pub(super) rows: usize,
    /// Rows of the input that the strip sees, padding included.
    lines: usize,
    /// Columns of the input with the same remainder by the stride, padding included.
    pub(super) phase: usize,
    /// Floats a channel.
    pub(super) plane: usize,
}

impl Packing {
    pub(super) fn new(g: &Geometry, rows: Range<usize>) -> Self {
        let lines = (rows.len() - 1) * g.stride + (g.kernel_h - 1) * g.dilation + 1;
        let phase = g.columns + (g.kernel_w - 1) * g.dilation / g.stride;
        // An odd number of cache lines: powers of two would all fall on the same few cache sets.
        let plane = ((lines * g.stride * phase).div_ceil(LANES) | 1) * LANES;
        Self { start: rows.start, rows: rows.len(), lines, phase, plane }
    }

    /// Strips of rows that fit the cache, of a size that depends on the geometry alone.
    pub(super) fn strips(g: &Geometry) -> impl Iterator<Item = Range<usize>> + Clone + use<> {
        let line = Self::new(g, 0..1).line(g) * g.inputs;
        let overlap = (g.kernel_h - 1) * g.dilation;
        let cached = (CACHED / line).saturating_sub(overlap) / g.stride;
        // Enough strips that many cores share one picture.
        let strip = cached.clamp(1, (g.rows / 16).max(4)).min(g.rows);
        // Even strips: 5 rows are better cut into 3 and 2 than into 4 and 1.
        let strip = g.rows.div_ceil(g.rows.div_ceil(strip));
        let rows = g.rows;
        (0..rows).step_by(strip).map(move |start| start..rows.min(start + strip))
    }

    /// Floats from one line of a channel to the next.
    pub(super) fn line(&self, g: &Geometry) -> usize {
        g.stride * self.phase
    }

    /// Floats of all.
    pub(super) fn len(&self, g: &Geometry) -> usize {
        g.inputs * self.plane
    }

    /// Rows and columns that the loops see: where rows follow each other without padding, they are
    /// one long row.
    pub(super) fn shape(&self, g: &Geometry) -> (usize, usize) {
        if g.pointwise() { (1, self.rows * g.columns) } else { (self.rows, g.columns) }
    }

    /// Where a pixel's terms lie, from where the pixel is: in the order of the weights.
    pub(super) fn offsets(&self, g: &Geometry) -> Vec<usize> {
        let mut offsets = Vec::with_capacity(g.depth());
        for channel in 0..g.inputs {
            for dy in 0..g.kernel_h {
                for dx in 0..g.kernel_w {
                    let column = dx * g.dilation;
                    offsets.push(
                        channel * self.plane
                            + dy * g.dilation * self.line(g)
                            + column % g.stride * self.phase
                            + column / g.stride,
                    );
                }
            }
        }
        offsets
    }

    /// Fills `packed`; `read(to, channel, start)` writes the pixels from index `start` of a channel
    /// on, `stride` apart.
    pub(super) fn pack<T: Copy + Default>(
        &self,
        g: &Geometry,
        packed: &mut [T],
        mut read: impl FnMut(&mut [T], usize, usize),
    ) {
        let zero = T::default();
        for (channel, packed) in packed.chunks_exact_mut(self.plane).enumerate() {
            let (lines, rest) = packed.split_at_mut(self.lines * self.line(g));
            rest.fill(zero);
            for (line, packed) in lines.chunks_exact_mut(self.line(g)).enumerate() {
                let y = (self.start * g.stride + line).checked_sub(g.top).filter(|&y| y < g.height);
                let Some(y) = y else {
                    packed.fill(zero);
                    continue;
                };
                for (phase, packed) in packed.chunks_exact_mut(self.phase).enumerate() {
                    // Entry `i` is column `i * stride + phase - left`, which has to be in 0..width.
                    let start = g.left.saturating_sub(phase).div_ceil(g.stride).min(self.phase);
                    let end = (g.width + g.left).saturating_sub(phase).div_ceil(g.stride);
                    let end = end.clamp(start, self.phase);
                    packed[..start].fill(zero);
                    packed[end..].fill(zero);
                    if start < end {
                        let x = start * g.stride + phase - g.left;
                        read(&mut packed[start..end], channel, y * g.width + x);
                    }
                }
            }
        }
    }
}
