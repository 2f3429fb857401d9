//! Chroma planes of a frame.
//!
//! Luma is never touched. Exact luma and exact CIE L* exclude each other: chroma planes are those of
//! the color that has the frame's L*, and beside the frame's own luma they give a color of slightly
//! another L*. Where that would leave the range of a display, chroma is reduced at constant hue.

use rayon::prelude::*;

use super::format::FrameFormat;
use crate::nn::engine::{Dot, Kernel, Task};
use crate::{ChromaMap, SamplesMut};

/// Rows of chroma that are painted together.
const BAND: usize = 32;

/// Paints the chroma planes of frames, on any thread.
#[derive(Clone, Debug)]
pub struct FramePainter {
    format: FrameFormat,
    lightness: Vec<f32>,
    saturation: f32,
}

impl FramePainter {
    /// For frames of a format, with chroma times `saturation`.
    pub fn new(format: FrameFormat, saturation: f32) -> Self {
        Self { format, lightness: format.lightness(), saturation }
    }

    /// The planes of blue and red differences (Cb and Cr), each of [`FrameFormat::chroma_size`], of
    /// a frame's luma; samples as luma's.
    ///
    /// # Panics
    ///
    /// When the length of `luma` is not that of a frame.
    pub fn paint(&self, map: &ChromaMap, luma: &[u8]) -> [Vec<u8>; 2] {
        let format = &self.format;
        assert_eq!(luma.len(), format.luma_bytes());
        let (width, height) = format.chroma_size();
        let painter = map.painter(width, height, self.saturation);
        let plane = width as usize * height as usize * format.sample_bytes();
        let mut planes = [vec![0; plane], vec![0; plane]];
        let band = BAND * width as usize * format.sample_bytes();
        let kernel = Kernel::best::<f32>();
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
            let Buffers { rgb, luma, .. } = buffers;
            kernel.run(Differences { format, rgb, luma, blue, red });
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
                match (format.sample_bytes(), columns) {
                    (1, 1) => add::<1, 1>(bytes, means),
                    (1, _) => add::<1, 2>(bytes, means),
                    (_, 1) => add::<2, 1>(bytes, means),
                    (_, _) => add::<2, 2>(bytes, means),
                }
            }
            let share = 1.0 / (columns * lines) as f32;
            for mean in means {
                *mean *= share;
            }
        }
    }
}

/// Adds the samples of a row to what each sample of chroma has under it; beyond an odd last column it is
/// repeated.
fn add<const BYTES: usize, const COLUMNS: usize>(row: &[u8], sums: &mut [f32]) {
    let sample = |at: usize| {
        if BYTES == 1 {
            f32::from(row[at])
        } else {
            f32::from(u16::from_le_bytes([row[2 * at], row[2 * at + 1]]))
        }
    };
    let whole = row.len() / (BYTES * COLUMNS);
    let (whole, rest) = sums.split_at_mut(whole);
    for (x, sum) in whole.iter_mut().enumerate() {
        for column in 0..COLUMNS {
            *sum += sample(COLUMNS * x + column);
        }
    }
    if let [last] = rest {
        *last += COLUMNS as f32 * sample(row.len() / BYTES - 1);
    }
}

/// Samples that are calculated together.
const TOGETHER: usize = 16;

/// Cb and Cr of painted colors.
struct Differences<'a> {
    format: &'a FrameFormat,
    rgb: &'a [u16],
    /// 0 to 1.
    luma: &'a [f32],
    blue: &'a mut [u8],
    red: &'a mut [u8],
}

impl Task for Differences<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { format, rgb, luma, blue, red } = self;
        let step = format.sample_bytes();
        let mut first = 0;
        while first < luma.len() {
            let count = TOGETHER.min(luma.len() - first);
            let mut colors = [[0.0; TOGETHER]; 4];
            for i in 0..count {
                let at = 3 * (first + i);
                colors[0][i] = f32::from(rgb[at]);
                colors[1][i] = f32::from(rgb[at + 1]);
                colors[2][i] = f32::from(rgb[at + 2]);
                colors[3][i] = luma[first + i];
            }
            let [cb, cr] = differences(format, &colors);
            let places = first * step..(first + count) * step;
            store(step, &cb[..count], &mut blue[places.clone()]);
            store(step, &cr[..count], &mut red[places]);
            first += count;
        }
    }
}

/// The numbers of Cb and Cr of red, green and blue (0 to 65535) beside a luma (0 to 1).
#[inline(always)]
fn differences(format: &FrameFormat, colors: &[[f32; TOGETHER]; 4]) -> [[u16; TOGETHER]; 2] {
    let [of_red, of_blue] = format.matrix.weights();
    let of_green = 1.0 - of_red - of_blue;
    let (neutral, span) = format.chroma_range();
    let largest = format.largest();
    let [red, green, blue, luma] = colors;
    let mut codes = [[0; TOGETHER]; 2];
    for i in 0..TOGETHER {
        let (r, g, b) = (red[i] / 65535.0, green[i] / 65535.0, blue[i] / 65535.0);
        let own = of_red * r + of_green * g + of_blue * b;
        let (r, g, b) = (r - own, g - own, b - own);
        // As much of it as stays within the display's range beside the frame's luma.
        let (most, least) = (r.max(g).max(b).max(1e-6), r.min(g).min(b).min(-1e-6));
        let share = ((1.0 - luma[i]) / most).min(luma[i] / -least).min(1.0);
        let cb = neutral + span * (share * b / (2.0 * (1.0 - of_blue))) + 0.5;
        let cr = neutral + span * (share * r / (2.0 * (1.0 - of_red))) + 0.5;
        codes[0][i] = cb.clamp(0.0, largest) as u16;
        codes[1][i] = cr.clamp(0.0, largest) as u16;
    }
    codes
}

/// Writes numbers as samples of one byte or two.
#[inline(always)]
fn store(step: usize, codes: &[u16], samples: &mut [u8]) {
    if step == 1 {
        for i in 0..codes.len() {
            samples[i] = codes[i] as u8;
        }
    } else {
        for i in 0..codes.len() {
            let [low, high] = codes[i].to_le_bytes();
            samples[2 * i] = low;
            samples[2 * i + 1] = high;
        }
    }
}
