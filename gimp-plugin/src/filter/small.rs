//! A layer's pixels, made smaller.

use polychromify_image::resample::Resampler;

use super::bands::bands;
use crate::host::{LayerInfo, Pixels};

/// A picture in linear sRGB, pixel by pixel.
pub(super) struct Small {
    /// Columns and rows.
    pub(super) size: (usize, usize),
    pub(super) linear: Vec<f32>,
}

impl Small {
    /// Reads a layer, with its sides times `scale`, but not larger than it is.
    pub(super) fn read<P: Pixels>(layer: &LayerInfo, pixels: &mut P, scale: f64) -> Self {
        let mut shrinking = Shrinking::new((layer.width, layer.height), scale);
        let mut band = Vec::new();
        for (y, rows) in bands(layer.width, layer.height) {
            band.resize(3 * rows as usize * layer.width as usize, 0.0);
            pixels.read_linear(y, false, &mut band);
            shrinking.push_rows(&band);
        }
        shrinking.finish()
    }

    /// The same picture, smaller again.
    pub(super) fn shrunk(&self, scale: f64) -> Self {
        let mut shrinking = Shrinking::new((self.size.0 as u32, self.size.1 as u32), scale);
        shrinking.push_rows(&self.linear);
        shrinking.finish()
    }
}

/// A picture that is made smaller while it is read.
pub(super) struct Shrinking {
    width: usize,
    size: (usize, usize),
    resamplers: [Resampler; 3],
    planes: [Vec<f32>; 3],
    channel: Vec<f32>,
}

impl Shrinking {
    /// From a size to one whose sides are `scale` times as long, at most as long and at least 1.
    pub(super) fn new((width, height): (u32, u32), scale: f64) -> Self {
        let scaled = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as usize).max(1);
        let (from, size) = ((width as usize, height as usize), (scaled(width), scaled(height)));
        let resamplers = [(); 3].map(|()| Resampler::new(from, size));
        Self { width: from.0, size, resamplers, planes: Default::default(), channel: Vec::new() }
    }

    /// Adds whole rows of linear sRGB; rows come in order from the top.
    pub(super) fn push_rows(&mut self, linear: &[f32]) {
        for row in linear.chunks_exact(3 * self.width) {
            let planes = self.resamplers.iter_mut().zip(&mut self.planes);
            for (c, (resampler, plane)) in planes.enumerate() {
                self.channel.clear();
                self.channel.extend(row.chunks_exact(3).map(|pixel| pixel[c]));
                resampler.push_row(&self.channel, &mut |row| plane.extend_from_slice(row));
            }
        }
    }

    /// The small picture, once all rows are there.
    pub(super) fn finish(self) -> Small {
        let [red, green, blue] = &self.planes;
        let pixels = red.iter().zip(green).zip(blue);
        Small { size: self.size, linear: pixels.flat_map(|((r, g), b)| [*r, *g, *b]).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_shrunk_by_its_mean_and_never_enlarged() {
        let mut shrinking = Shrinking::new((4, 2), 0.5);
        let row = [[0.0, 0.2, 0.4], [1.0, 0.2, 0.4], [0.5, 0.2, 0.4], [0.5, 0.2, 0.4]];
        shrinking.push_rows([row, row].concat().as_flattened());
        let small = shrinking.finish();
        assert_eq!(small.size, (2, 1));
        for (found, wanted) in small.linear.iter().zip([0.5, 0.2, 0.4, 0.5, 0.2, 0.4]) {
            assert!((found - wanted).abs() < 0.13, "{:?}", small.linear);
        }
        assert_eq!(small.shrunk(3.0).size, (2, 1));
    }
}
