//! Frames in red, green and blue: their CIE L* stays, as that of photographs does.

use polychromify_image::color::lab::{lightness_from_linear, srgb_to_linear};
use rayon::prelude::*;

use crate::{ChromaMap, Orientation, SamplesMut, Thumbnail, WorkImage};

/// Rows that are worked on together.
const BAND: usize = 32;

/// What a film's frames in RGB are like: planes of green, blue and red, as sRGB displays show them, from 0
/// to the largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RgbFormat {
    /// Columns of pixels.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// Bits of a sample, 8 to 16. At 8 a sample is a byte, else two, the lower one first.
    pub depth: u8,
}

impl RgbFormat {
    /// Bytes of a frame.
    pub fn bytes(&self) -> usize {
        3 * self.plane_bytes()
    }

    /// How much CIE L* may differ between a frame and its colored one, by rounding: 0.5 in 8 bit, half
    /// of it for each further bit, and 0.02 from 13 bits on.
    pub fn tolerance(&self) -> f32 {
        (0.5 / f32::from(1_u16 << (self.depth - 8))).max(0.02)
    }

    fn plane_bytes(&self) -> usize {
        self.width as usize * self.height as usize * self.sample_bytes()
    }

    fn sample_bytes(&self) -> usize {
        if self.depth == 8 { 1 } else { 2 }
    }

    fn largest(&self) -> usize {
        (1 << self.depth) - 1
    }
}

/// Sees and paints frames in RGB, on any thread.
#[derive(Clone, Debug)]
pub struct RgbPainter {
    format: RgbFormat,
    saturation: f32,
    /// Linear value of each number.
    linear: Vec<f32>,
}

impl RgbPainter {
    /// For frames of a format, with chroma times `saturation`.
    pub fn new(format: RgbFormat, saturation: f32) -> Self {
        let largest = format.largest();
        let linear = (0..=largest).map(|code| srgb_to_linear(code as f32 / largest as f32));
        Self { format, saturation, linear: linear.collect() }
    }

    /// What its frames are like.
    pub fn format(&self) -> RgbFormat {
        self.format
    }

    /// CIE L* of each pixel of a frame. Numbers beyond the depth count as the largest.
    ///
    /// # Panics
    ///
    /// When the length is not that of a frame.
    pub fn lightness(&self, frame: &[u8]) -> Vec<f32> {
        assert_eq!(frame.len(), self.format.bytes());
        let step = self.format.sample_bytes();
        let [green, blue, red] = [0, 1, 2].map(|plane| {
            let bytes = self.format.plane_bytes();
            &frame[plane * bytes..(plane + 1) * bytes]
        });
        let band = BAND * self.format.width as usize;
        let mut lightness = vec![0.0; green.len() / step];
        lightness.par_chunks_mut(band).enumerate().for_each_init(
            Vec::new,
            |rgb, (i, lightness)| {
                let places = i * band * step..(i * band + lightness.len()) * step;
                let samples = |plane: &'_ [u8]| {
                    let samples = super::format::samples(&plane[places.clone()], step == 2);
                    samples.map(|code| self.linear[code.min(self.linear.len() - 1)]).collect()
                };
                let planes: [Vec<f32>; 3] = [samples(red), samples(green), samples(blue)];
                rgb.clear();
                rgb.extend((0..lightness.len()).flat_map(|at| [0, 1, 2].map(|c| planes[c][at])));
                lightness_from_linear(rgb, 3, lightness);
            },
        );
        lightness
    }

    /// The thumbnail of a frame, of at most `area` pixels.
    ///
    /// # Panics
    ///
    /// As [`RgbPainter::lightness`].
    pub fn view(&self, frame: &[u8], area: usize) -> WorkImage {
        let RgbFormat { width, height, .. } = self.format;
        let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, area);
        thumbnail.push_rows(0, &self.lightness(frame));
        thumbnail.finish_whole()
    }

    /// A frame of the same lightness with these colors.
    ///
    /// # Panics
    ///
    /// As [`RgbPainter::lightness`].
    pub fn paint(&self, map: &ChromaMap, frame: &[u8]) -> Vec<u8> {
        let RgbFormat { width, height, depth } = self.format;
        let lightness = self.lightness(frame);
        let painter = map.painter(width, height, self.saturation);
        if depth == 8 {
            let mut rgb = vec![0; 3 * lightness.len()];
            painter.paint_rows(0, &lightness, SamplesMut::Eight(&mut rgb));
            return planes(&rgb, |samples, plane| plane.copy_from_slice(&samples));
        }
        let mut rgb = vec![0_u16; 3 * lightness.len()];
        painter.paint_rows(0, &lightness, SamplesMut::Sixteen(&mut rgb));
        let largest = self.format.largest() as u32;
        planes(&rgb, |samples, plane| {
            for (sample, bytes) in samples.iter().zip(plane.chunks_exact_mut(2)) {
                let code = (u32::from(*sample) * largest + 32767) / 65535;
                bytes.copy_from_slice(&(code as u16).to_le_bytes());
            }
        })
    }
}

/// Planes of green, blue and red of interleaved pixels; `write` writes the samples of one.
fn planes<S: Copy + Send + Sync>(rgb: &[S], write: impl Fn(Vec<S>, &mut [u8]) + Sync) -> Vec<u8> {
    let mut frame = vec![0; size_of_val(rgb)];
    let plane = frame.len() / 3;
    frame.par_chunks_exact_mut(plane.max(1)).zip([1, 2, 0]).for_each(|(plane, channel)| {
        write(rgb.iter().skip(channel).step_by(3).copied().collect(), plane);
    });
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 61;
    const HEIGHT: usize = 47;

    fn noise(i: usize) -> f32 {
        ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
    }

    /// A frame of noise.
    fn frame(format: RgbFormat) -> Vec<u8> {
        let code = |i: usize| (noise(i) * format.largest() as f32) as u16;
        let codes = (0..3 * WIDTH * HEIGHT).map(code);
        if format.depth == 8 {
            codes.map(|code| code as u8).collect()
        } else {
            codes.flat_map(u16::to_le_bytes).collect()
        }
    }

    fn map(image: &WorkImage) -> ChromaMap {
        let (width, height) = image.size();
        let chroma = (0..width * height).map(|i| [100.0 * noise(i) - 50.0, 80.0 * noise(7 * i)]);
        ChromaMap::new(image, &chroma.collect::<Vec<_>>())
    }

    #[test]
    fn lightness_stays_at_every_depth() {
        for depth in [8, 9, 10, 12, 14, 16] {
            let format = RgbFormat { width: WIDTH as u32, height: HEIGHT as u32, depth };
            let (painter, frame) = (RgbPainter::new(format, 1.5), frame(format));
            let painted = painter.paint(&map(&painter.view(&frame, 400)), &frame);
            assert_ne!(painted, frame);
            let (expected, found) = (painter.lightness(&frame), painter.lightness(&painted));
            let differences = expected.iter().zip(&found).map(|(e, f)| (e - f).abs());
            let most = differences.fold(0.0, f32::max);
            assert!(most <= format.tolerance(), "{most} at {depth} bits");
        }
    }

    #[test]
    fn planes_are_green_blue_and_red() {
        let format = RgbFormat { width: 2, height: 1, depth: 8 };
        let painter = RgbPainter::new(format, 1.0);
        let lightness = painter.lightness(&[255, 0, 0, 255, 0, 0]);
        assert!((lightness[0] - 87.73).abs() < 0.01 && (lightness[1] - 32.3).abs() < 0.01);
        assert_eq!(
            planes(&[1_u8, 2, 3, 4, 5, 6], |s, p| p.copy_from_slice(&s)),
            [2, 5, 3, 6, 1, 4]
        );
    }
}
