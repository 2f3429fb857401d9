//! Hints as a work image shows them.

use polychromify_image::color::lab::Lab;

/// Pixels of a work image that are told one color.
#[derive(Clone, Debug)]
pub(crate) struct HintRegion {
    /// `(a, b)`, in -128..=127.
    pub(crate) chroma: [f32; 2],
    /// By index, row by row.
    pub(crate) pixels: Vec<usize>,
}

/// `(a, b)` of an sRGB color, 0..=255.
pub(crate) fn chroma_of(rgb: [u8; 3]) -> [f32; 2] {
    let color = Lab::from_srgb(rgb.map(|v| f32::from(v) / 255.0));
    [color.a, color.b]
}
