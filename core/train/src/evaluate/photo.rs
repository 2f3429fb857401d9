//! A photograph as it is measured: small, in sRGB and in CIE Lab.

use polychromify_image::color::lab::{Lab, planes_from_srgb8};

/// A square photograph in 8-bit sRGB and in planes of CIE Lab.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Interleaved sRGB.
    pub rgb: Vec<u8>,
    /// L*, 0..=100: what a network sees.
    pub l: Vec<f32>,
    /// a* of the photograph.
    pub a: Vec<f32>,
    /// b* of the photograph.
    pub b: Vec<f32>,
    /// Width and height in pixels.
    pub side: usize,
}

impl Photo {
    /// Takes interleaved 8-bit sRGB of `side` x `side` pixels.
    ///
    /// # Panics
    ///
    /// When the length does not fit.
    pub fn new(rgb: Vec<u8>, side: usize) -> Self {
        assert_eq!(rgb.len(), 3 * side * side);
        let plane = || vec![0.0; side * side];
        let (mut l, mut a, mut b) = (plane(), plane(), plane());
        planes_from_srgb8(&rgb, &mut l, &mut a, &mut b);
        Self { rgb, l, a, b, side }
    }

    /// The photograph's lightness with other chroma, as interleaved sRGB: colors outside the gamut
    /// are clipped, and rounded to 8 bit.
    pub fn colored(&self, a: &[f32], b: &[f32]) -> Vec<u8> {
        let pixels = self.l.iter().zip(a).zip(b);
        pixels
            .flat_map(|((&l, &a), &b)| Lab { l, a, b }.to_srgb_clipped())
            .map(|v| (255.0 * v).round() as u8)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_chroma_gives_the_photograph_back() {
        let rgb: Vec<u8> = (0..=255).flat_map(|i: u8| [i, i.wrapping_mul(3), 255 - i]).collect();
        let photo = Photo::new(rgb.clone(), 16);
        assert_eq!(photo.colored(&photo.a, &photo.b), rgb);
    }
}
