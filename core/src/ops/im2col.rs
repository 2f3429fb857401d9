//! Pixels under the kernel as a matrix, and gradients back from it.
//!
//! The matrix of a strip of rows has one row for each input channel and kernel position (in the
//! order of the weights) and one column for each pixel of the result.

use std::ops::Range;

use super::geometry::Geometry;

/// Fills `matrix` from `image` `(Cin, H, W)` for the given rows of the result.
pub(super) fn gather(g: &Geometry, image: &[f32], rows: Range<usize>, matrix: &mut [f32]) {
    let lines = matrix.chunks_exact_mut(g.columns);
    for (line, place) in lines.zip(places(g, rows)) {
        let Some(place) = place else {
            line.fill(0.);
            continue;
        };
        line[..place.columns.start].fill(0.);
        line[place.columns.end..].fill(0.);
        let line = &mut line[place.columns];
        if g.stride == 1 {
            line.copy_from_slice(&image[place.start..place.start + line.len()]);
        } else {
            let pixels = image[place.start..].iter().step_by(g.stride);
            for (to, from) in line.iter_mut().zip(pixels) {
                *to = *from;
            }
        }
    }
}

/// Adds `matrix` to `image`: the transpose of [`gather`].
pub(super) fn scatter(g: &Geometry, matrix: &[f32], rows: Range<usize>, image: &mut [f32]) {
    let lines = matrix.chunks_exact(g.columns);
    for (line, place) in lines.zip(places(g, rows)) {
        let Some(place) = place else { continue };
        let line = &line[place.columns];
        if g.stride == 1 {
            let pixels = &mut image[place.start..place.start + line.len()];
            for (to, from) in pixels.iter_mut().zip(line) {
                *to += *from;
            }
        } else {
            let pixels = image[place.start..].iter_mut().step_by(g.stride);
            for (to, from) in pixels.zip(line) {
                *to += *from;
            }
        }
    }
}

/// Where the pixels of one line of the matrix lie in the image.
struct Place {
    /// Columns of the result whose pixel is not padding.
    columns: Range<usize>,
    /// Index in the image of the first of them.
    start: usize,
}

/// The places of the matrix's lines, in order; `None` where all is padding.
fn places(g: &Geometry, rows: Range<usize>) -> impl Iterator<Item = Option<Place>> {
    let g = *g;
    let kernel = move |channel| {
        (0..g.kernel_h).flat_map(move |dy| (0..g.kernel_w).map(move |dx| (channel, dy, dx)))
    };
    (0..g.inputs).flat_map(kernel).flat_map(move |(channel, dy, dx)| {
        rows.clone().map(move |row| {
            let y = (row * g.stride + dy * g.dilation).checked_sub(g.top)?;
            if y >= g.height {
                return None;
            }
            let shift = dx * g.dilation;
            // Column `c` sees pixel `c * stride + shift - left`, which has to be in 0..width.
            let start = g.left.saturating_sub(shift).div_ceil(g.stride);
            let end = (g.width + g.left).saturating_sub(shift).div_ceil(g.stride).min(g.columns);
            if start >= end {
                return None;
            }
            let x = start * g.stride + shift - g.left;
            Some(Place { columns: start..end, start: (channel * g.height + y) * g.width + x })
        })
    })
}
