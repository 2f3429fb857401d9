//! The small upright picture of a scan's lightness that a network sees.

use crate::Orientation;

/// Collects rows of lightness into a thumbnail.
pub struct Thumbnail {}

impl Thumbnail {
    /// Starts a thumbnail of a picture stored as `width` x `height`, of at most `area` pixels.
    pub fn new(_width: u32, _height: u32, _orientation: Orientation, _area: usize) -> Self {
        unimplemented!()
    }

    /// Adds whole rows of CIE L* (0..=100), in order.
    pub fn push_rows(&mut self, _y: u32, _lightness: &[f32]) {
        unimplemented!()
    }

    /// The finished thumbnail.
    pub fn finish(self) -> WorkImage {
        unimplemented!()
    }
}

/// Lightness at work size, upright.
pub struct WorkImage {}
