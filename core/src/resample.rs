//! Streaming antialiased resampling of rows, for thumbnails and access copies.

/// Shrinks (or enlarges) rows of f32 with an antialiased triangle filter; rows go in in order.
pub struct Resampler {}

impl Resampler {
    /// From `(width, height)` to another `(width, height)`.
    pub fn new(_from: (usize, usize), _to: (usize, usize)) -> Self {
        unimplemented!()
    }

    /// Adds one row; calls `sink(row)` for each finished row of the result, in order.
    pub fn push_row(&mut self, _row: &[f32], _sink: &mut dyn FnMut(&[f32])) {
        unimplemented!()
    }
}
