//! Chroma planes of a frame.
//!
//! Luma is never touched. Exact luma and exact CIE L* exclude each other: chroma planes are those of
//! the color that has the frame's L*, and beside the frame's own luma they give a color of slightly
//! another L*. Where that would leave the range of a display, chroma is reduced at constant hue.

use std::sync::Arc;

use rayon::prelude::*;

use super::format::{FrameFormat, samples};
use crate::{ChromaMap, SamplesMut};

/// Rows of chroma that are painted together.
const BAND: usize = 32;

/// Paints the chroma planes of one frame, on any thread.
#[derive(Debug)]
pub struct FramePainter {
    pub(super) format: FrameFormat,
    pub(super) lightness: Arc<Vec<f32>>,
    pub(super) map: ChromaMap,
    pub(super) saturation: f32,
}

impl FramePainter {
    /// The chroma of the frame at work size.
    pub fn chroma(&self) -> &ChromaMap {
        &self.map
    }

    /// The planes of blue and red differences (Cb and Cr), each of [`FrameFormat::chroma_size`], of
    /// a frame's luma; samples as luma's.
    ///
    /// # Panics
    ///
    /// When the length of `luma` is not that of a frame.
    pub fn paint(&self, luma: &[u8]) -> [Vec<u8>; 2] {
        let format = &self.format;
        assert_eq!(luma.len(), format.luma_bytes());
        let (width, height) = format.chroma_size();
        let painter = self.map.painter(width, height, self.saturation);
        let plane = width as usize * height as usize * format.sample_bytes();
        let mut planes = [vec![0; plane], vec![0; plane]];
        let band = BAND * width as usize * format.sample_bytes();
        let [blue, red] = &mut planes;
        let bands = blue.par_chunks_mut(band).zip(red.par_chunks_mut(band)).enumerate();
        bands.for_each_init(Buffers::default, |buffers, (i, (blue, red))| {
            let first = i * BAND;
            let rows = blue.len() / (width as usize * format.sample_bytes());
            buffers.average(format, luma, first, rows);
            buffers.lightness.clear();
            let (black, range) = format.luma_range();
            for mean in &mut buffers.luma {
                let below = (*mean as usize).min(self.lightness.len() - 1);
                let above = (below + 1).min(self.lightness.len() - 1);
                let (low, high) = (self.lightness[below], self.lightness[above]);
                buffers.lightness.push(low + (*mean - below as f32) * (high - low));
                *mean = ((*mean - black) / range).clamp(0.0, 1.0);
            }
            buffers.rgb.resize(3 * buffers.luma.len(), 0);
            let rgb = SamplesMut::Sixteen(&mut buffers.rgb);
            painter.paint_rows(first as u32, &buffers.lightness, rgb);
            buffers.differences(format, blue, red);
        });
        planes
    }
}

/// Working memory of a band.
#[derive(Default)]
struct Buffers {
    /// Mean luma under each sample of chroma: first its number, then 0 to 1.
    luma: Vec<f32>,
    lightness: Vec<f32>,
    rgb: Vec<u16>,
}

impl Buffers {
    /// Means of luma over the cells of some rows of chroma.
    fn average(&mut self, format: &FrameFormat, luma: &[u8], first: usize, rows: usize) {
        let (columns, lines) = format.chroma.cell();
        let width = format.chroma_size().0 as usize;
        let row_bytes = luma.len() / format.height as usize;
        self.luma.clear();
        self.luma.resize(rows * width, 0.0);
        for (row, means) in self.luma.chunks_exact_mut(width).enumerate() {
            for line in 0..lines {
                // Beyond an odd last row it is repeated.
                let y = ((first + row) * lines + line).min(format.height as usize - 1);
                let bytes = &luma[y * row_bytes..][..row_bytes];
                let two = format.sample_bytes() == 2;
                for (x, sample) in samples(bytes, two).enumerate() {
                    means[x / columns] += sample as f32;
                }
                if !(format.width as usize).is_multiple_of(columns) {
                    let last = samples(bytes, two).last().unwrap_or_default();
                    means[width - 1] += last as f32;
                }
            }
            let share = 1.0 / (columns * lines) as f32;
            for mean in means {
                *mean *= share;
            }
        }
    }

    /// Cb and Cr of the painted colors.
    fn differences(&self, format: &FrameFormat, blue: &mut [u8], red: &mut [u8]) {
        let [of_red, of_blue] = format.matrix.weights();
        let (neutral, span) = format.chroma_range();
        let largest = format.largest();
        let code = |difference: f32| (neutral + span * difference + 0.5).clamp(0.0, largest) as u16;
        let step = format.sample_bytes();
        let places = blue.chunks_exact_mut(step).zip(red.chunks_exact_mut(step));
        let colors = self.rgb.chunks_exact(3).zip(&self.luma);
        for ((rgb, &luma), (blue, red)) in colors.zip(places) {
            let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(|sample| f32::from(sample) / 65535.0);
            let own = of_red * r + (1.0 - of_red - of_blue) * g + of_blue * b;
            // As much of it as stays within the display's range beside the frame's luma.
            let mut share = 1.0_f32;
            for difference in [r - own, g - own, b - own] {
                let room = if difference > 0.0 { 1.0 - luma } else { luma };
                if difference.abs() * share > room {
                    share = room / difference.abs();
                }
            }
            let cb = code(share * (b - own) / (2.0 * (1.0 - of_blue)));
            let cr = code(share * (r - own) / (2.0 * (1.0 - of_red)));
            if let ([blue], [red]) = (&mut *blue, &mut *red) {
                (*blue, *red) = (cb as u8, cr as u8);
            } else {
                blue.copy_from_slice(&cb.to_le_bytes());
                red.copy_from_slice(&cr.to_le_bytes());
            }
        }
    }
}
