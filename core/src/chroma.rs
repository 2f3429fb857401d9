//! A chroma map and how full-size rows are painted with it.

use crate::Orientation;

/// Interleaved RGB samples to be filled, sRGB-encoded.
pub enum SamplesMut<'a> {
    /// 0..=255.
    Eight(&'a mut [u8]),
    /// 0..=65535.
    Sixteen(&'a mut [u16]),
    /// 0..=1.
    Float(&'a mut [f32]),
}

/// Chroma at work size together with the lightness that guides its upsampling.
pub struct ChromaMap {}

impl ChromaMap {
    /// Prepares painting of pictures stored as `width` x `height`, with chroma times `saturation`.
    pub fn painter(&self, _width: u32, _height: u32, _saturation: f32) -> Painter {
        unimplemented!()
    }
}

/// Paints rows of one size of picture; `Sync`, rows in any order on any thread.
pub struct Painter {}

impl Painter {
    /// Paints whole rows from row `y` on: `lightness` is CIE L*, 0..=100.
    pub fn paint_rows(&self, _y: u32, _lightness: &[f32], _rgb: SamplesMut<'_>) {
        unimplemented!()
    }
}

#[expect(dead_code, reason = "skeleton")]
fn skeleton(_: Orientation) {}
