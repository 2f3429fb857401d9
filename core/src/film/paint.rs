//! Chroma planes of a frame.
//!
//! Luma is never touched. Exact luma and exact CIE L* exclude each other: chroma planes are those of
//! the color that has the frame's L*, and beside the frame's own luma they give a color of slightly
//! another L*. Where that would leave the range of a display, both planes are reduced by the same factor.

use polychromify_image::color::lab::{Lab, linear_to_srgb};
use rayon::prelude::*;

use super::format::FrameFormat;
use crate::ChromaMap;
use crate::colorize::chroma::RowBuffers;
use crate::nn::engine::{Dot, Kernel, Task};

/// Rows of chroma that are painted together.
const BAND: usize = 32;

/// Paints the chroma planes of frames, on any thread.
#[derive(Clone, Debug)]
pub struct FramePainter {
    format: FrameFormat,
    /// CIE L* of each number that luma may have, and how much more the next one has.
    lightness: Vec<[f32; 2]>,
    saturation: f32,
}

impl FramePainter {
    /// For frames of a format, with chroma times `saturation`.
    pub fn new(format: FrameFormat, saturation: f32) -> Self {
        let lightness = format.lightness();
        let next = lightness.iter().skip(1).chain(lightness.last());
        let lightness = lightness.iter().zip(next).map(|(l, next)| [*l, next - l]).collect();
        Self { format, lightness, saturation }
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
        let (width, height) = (width as usize, height as usize);
        let plane = width * height * format.sample_bytes();
        let mut planes = [vec![0; plane], vec![0; plane]];
        let band = BAND * width * format.sample_bytes();
        let kernel = Kernel::best::<f32>();
        let [blue, red] = &mut planes;
        let bands = blue.par_chunks_mut(band).zip(red.par_chunks_mut(band)).enumerate();
        bands.for_each_init(Buffers::default, |buffers, (i, (blue, red))| {
            let first = i * BAND;
            let rows = blue.len() / (width * format.sample_bytes());
            buffers.average(format, luma, first, rows);
            let Buffers { luma, lightness, a, b, row } = buffers;
            for plane in [&mut *lightness, &mut *a, &mut *b] {
                plane.resize(luma.len(), 0.0);
            }
            let ((black, range), last) = (format.luma_range(), self.lightness.len() - 1);
            for (mean, lightness) in luma.iter_mut().zip(&mut *lightness) {
                let below = (*mean as usize).min(last);
                let [l, step] = self.lightness[below];
                *lightness = l + (*mean - below as f32) * step;
                *mean = ((*mean - black) * (1.0 / range)).clamp(0.0, 1.0);
            }
            let rows = lightness.chunks_exact_mut(width).zip(a.chunks_exact_mut(width));
            for (y, ((l, a), b)) in rows.zip(b.chunks_exact_mut(width)).enumerate() {
                painter.chroma_row(first + y, l, [a, b], row);
            }
            kernel.run(Differences { format, colors: [lightness, a, b, luma], blue, red });
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
    a: Vec<f32>,
    b: Vec<f32>,
    row: RowBuffers,
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
const TOGETHER: usize = 32;

/// Numbers of samples that are calculated together.
type Block = [f32; TOGETHER];

/// Cb and Cr of colors beside a luma.
struct Differences<'a> {
    format: &'a FrameFormat,
    /// L*, a*, b*, and luma from 0 to 1.
    colors: [&'a [f32]; 4],
    blue: &'a mut [u8],
    red: &'a mut [u8],
}

impl Task for Differences<'_> {
    const SHORT: bool = false;

    #[inline(always)]
    fn run<D: Dot>(self) {
        let Self { format, colors: [l, a, b, luma], blue, red } = self;
        let step = format.sample_bytes();
        let mut first = 0;
        while first < luma.len() {
            let count = TOGETHER.min(luma.len() - first);
            let lab = [block(l, first), block(a, first), block(b, first)];
            let [cb, cr] = differences(format, &lab, &block(luma, first));
            store(step, &cb, &mut blue[first * step..(first + count) * step]);
            store(step, &cr, &mut red[first * step..(first + count) * step]);
            first += count;
        }
    }
}

/// Numbers from a place on; beyond the last, zeros.
#[inline(always)]
fn block(plane: &[f32], first: usize) -> Block {
    if let Some(whole) = plane[first..].first_chunk() {
        return *whole;
    }
    let mut padded = [0.0; TOGETHER];
    padded[..plane.len() - first].copy_from_slice(&plane[first..]);
    padded
}

/// The numbers of Cb and Cr of colors beside a luma. Loops of few operations each, which are vector
/// instructions then.
#[inline(always)]
fn differences(format: &FrameFormat, [l, a, b]: &[Block; 3], luma: &Block) -> [[u32; TOGETHER]; 2] {
    let [of_red, of_blue] = format.matrix.weights();
    let of_green = 1.0 - of_red - of_blue;
    let mut rgb = [[0.0; TOGETHER]; 3];
    for i in 0..TOGETHER {
        // Outside of the display's range too, which is what the share below is for.
        let linear = Lab { l: l[i], a: a[i], b: b[i] }.to_linear();
        (rgb[0][i], rgb[1][i], rgb[2][i]) = (linear[0], linear[1], linear[2]);
    }
    for plane in &mut rgb {
        for v in plane {
            *v = linear_to_srgb(v.abs()).copysign(*v);
        }
    }
    let [red, green, blue] = rgb;
    let (mut cb, mut cr) = ([0.0; TOGETHER], [0.0; TOGETHER]);
    for i in 0..TOGETHER {
        let own = of_red * red[i] + of_green * green[i] + of_blue * blue[i];
        let (r, g, b) = (red[i] - own, green[i] - own, blue[i] - own);
        // As much of it as stays within the display's range beside the frame's luma.
        let (most, least) = (r.max(g).max(b).max(1e-6), r.min(g).min(b).min(-1e-6));
        let share = ((1.0 - luma[i]) / most).min(luma[i] / -least).min(1.0);
        (cb[i], cr[i]) = (share * b, share * r);
    }
    [code(format, &cb, 1.0 - of_blue), code(format, &cr, 1.0 - of_red)]
}

/// Samples of differences, of which the largest there is has the number `range`.
#[inline(always)]
fn code(format: &FrameFormat, differences: &Block, range: f32) -> [u32; TOGETHER] {
    let (neutral, span) = format.chroma_range();
    let (factor, largest) = (span / (2.0 * range), format.largest());
    let mut codes = [0; TOGETHER];
    for i in 0..TOGETHER {
        let number = (neutral + factor * differences[i]).clamp(0.0, largest);
        // The nearest integer: behind 2^23 there are no fractions. A cast, which has to expect every
        // number, is slow.
        codes[i] = (number + 8_388_608.0).to_bits() & 0x3f_ffff;
    }
    codes
}

/// Writes numbers as samples of one byte or two, as many as there is room for.
#[inline(always)]
fn store(step: usize, codes: &[u32; TOGETHER], samples: &mut [u8]) {
    if step == 1 {
        for i in 0..samples.len() {
            samples[i] = codes[i] as u8;
        }
    } else {
        for i in 0..samples.len() / 2 {
            let [low, high, ..] = codes[i].to_le_bytes();
            (samples[2 * i], samples[2 * i + 1]) = (low, high);
        }
    }
}
