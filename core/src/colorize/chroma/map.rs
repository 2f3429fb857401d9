//! Chroma at work size.

use crate::Orientation;
use crate::colorize::thumbnail::WorkImage;

/// Chroma at work size together with the lightness that guides its upsampling, in the scan's
/// stored orientation.
#[derive(Clone, Debug)]
pub struct ChromaMap {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) lightness: Vec<f32>,
    /// a* and b* of each pixel.
    pub(super) chroma: Vec<[f32; 2]>,
    /// Whether each pixel is of the picture and not of a scan border.
    pub(super) picture: Vec<bool>,
}

impl ChromaMap {
    /// From upright chroma (a*, b*) of each pixel of a work image; scan borders become neutral.
    ///
    /// # Panics
    ///
    /// When the lengths differ.
    pub fn new(image: &WorkImage, upright_chroma: &[[f32; 2]]) -> Self {
        assert_eq!(upright_chroma.len(), image.lightness.len());
        let orientation: Orientation = image.orientation;
        let (width, height) = orientation.upright_size(image.size());
        let (mut lightness, mut chroma, mut picture) = (Vec::new(), Vec::new(), Vec::new());
        for y in 0..height {
            for x in 0..width {
                let (u, v) = orientation.to_upright((x, y), (width, height));
                let held =
                    image.borders.as_ref().is_none_or(|borders| borders.hold_picture_at(u, v));
                lightness.push(image.lightness[v * image.width + u]);
                chroma.push(if held { upright_chroma[v * image.width + u] } else { [0.0; 2] });
                picture.push(held);
            }
        }
        Self { width, height, lightness, chroma, picture }
    }

    /// Width and height in pixels, as stored.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// a* and b* of each pixel, row by row, as stored.
    pub fn chroma(&self) -> &[[f32; 2]] {
        &self.chroma
    }
}
