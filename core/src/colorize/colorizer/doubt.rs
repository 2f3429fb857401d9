//! How unsure a network is of its colors, place by place.
//!
//! The bins tell how likely each color is in each block of 4x4 pixels. Where they are likely near their
//! mean alone, there is no doubt; where two colors far from each other are, it is great. That is what
//! the network believes, which is not always what is true.

use rayon::prelude::*;

use super::frame::Frame;
use super::{Colorizer, shares};
use crate::colorize::thumbnail::WorkImage;
use crate::nn::model::{BLOCK, Mode};
use crate::{Hints, Result};

/// Colors within this distance in ab are taken for one: two bins.
const NEAR: f32 = 20.0;

/// Blocks of which one is looked at, in each direction: doubts are smooth.
const EVERY: usize = 2;

/// How unsure a network is of its colors, place by place.
#[derive(Clone, Debug)]
pub struct Doubts {
    width: usize,
    values: Vec<f32>,
    mean: f32,
}

impl Doubts {
    /// Upright width and height in pixels: those of the work image.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.values.len() / self.width)
    }

    /// How likely each pixel has another color, 0..=1, upright, row by row; 0 on scan borders.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Their mean within scan borders.
    pub fn mean(&self) -> f32 {
        self.mean
    }
}

impl Colorizer {
    /// Whether [`Colorizer::doubts`] gives any.
    pub fn tells_doubts(&self) -> bool {
        self.network.bin_centers().is_some()
    }

    /// How unsure the network is of a thumbnail's colors with these hints. `None`: it does not tell.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn doubts(&self, image: &WorkImage, hints: &Hints) -> Result<Option<Doubts>> {
        let Some(centers) = self.network.bin_centers() else { return Ok(None) };
        let frame = Frame::new(image, self.network.stride());
        let planes = self.planes(&frame, &hints.regions(image))?;
        let x = self.lightness(&frame)?;
        let heads = self.infer(|| self.network.heads(&x, planes.as_ref(), Mode::Infer))?;
        let Some(bins) = heads.bins else { return Ok(None) };
        let (logits, count) = (bins.flatten_all()?.to_vec1::<f32>()?, centers.len());
        let columns = frame.size.0 / BLOCK;
        let grid = columns.div_ceil(EVERY);
        let rows = (frame.size.1 / BLOCK).div_ceil(EVERY);
        let looked_at: Vec<f32> = (0..grid * rows)
            .into_par_iter()
            .map(|i| {
                let block = i / grid * EVERY * columns + i % grid * EVERY;
                doubt(&shares(&logits[block * count..][..count]), &centers)
            })
            .collect();
        let mut values = vec![0.0; image.lightness.len()];
        let (area, step) = (frame.area, BLOCK * EVERY);
        let mut sum = 0.0;
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                let value = looked_at[(y - area.top) / step * grid + (x - area.left) / step];
                values[y * image.width + x] = value;
                sum += f64::from(value);
            }
        }
        let pixels = area.width() * area.height();
        Ok(Some(Doubts { width: image.width, values, mean: (sum / pixels as f64) as f32 }))
    }
}

/// How likely a color is that is not near the mean of all.
fn doubt(shares: &[f32], centers: &[[f32; 2]]) -> f32 {
    let likely = || shares.iter().zip(centers);
    let mean = [0, 1].map(|c| likely().map(|(share, center)| share * center[c]).sum::<f32>());
    let square = |center: &[f32; 2]| (center[0] - mean[0]).powi(2) + (center[1] - mean[1]).powi(2);
    let far = likely().filter(|(_, center)| square(center) > NEAR * NEAR);
    far.map(|(share, _)| share).sum::<f32>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTERS: [[f32; 2]; 3] = [[0.0, 0.0], [10.0, 0.0], [60.0, 0.0]];

    #[test]
    fn near_colors_are_no_doubt_and_far_ones_are() {
        assert_eq!(doubt(&[0.5, 0.5, 0.0], &CENTERS), 0.0);
        assert_eq!(doubt(&[0.5, 0.0, 0.5], &CENTERS), 1.0);
        assert!((doubt(&[0.9, 0.0, 0.1], &CENTERS) - 0.1).abs() < 1e-6);
    }
}
