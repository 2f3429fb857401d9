//! How the samples of a film's frames are coded.

use polychromify_image::color::lab::{lightness_from_luminance, srgb_to_linear};

/// Which weights the luma has of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

impl Matrix {
    /// Weights of red and blue; green has the rest.
    pub(super) fn weights(self) -> [f32; 2] {
        match self {
            Self::Bt601 => [0.299, 0.114],
            Self::Bt709 => [0.2126, 0.0722],
            Self::Bt2020 => [0.2627, 0.0593],
        }
    }
}

/// How many samples of luma share one of each chroma plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChromaShape {
    /// Two by two.
    S420,
    /// Two side by side.
    S422,
    /// Each has its own.
    S444,
}

impl ChromaShape {
    /// Columns and rows of luma for one of chroma.
    pub(super) fn cell(self) -> (usize, usize) {
        match self {
            Self::S420 => (2, 2),
            Self::S422 => (2, 1),
            Self::S444 => (1, 1),
        }
    }
}

/// What a film's frames are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFormat {
    /// Columns of luma.
    pub width: u32,
    /// Rows of luma.
    pub height: u32,
    /// Bits of a sample, 8 to 16. At 8 a sample is a byte, else two, the lower one first.
    pub depth: u8,
    /// Whether black is 0 and white the largest number (`pc`), and not 16 and 235 of 8 bits (`tv`).
    pub full_range: bool,
    /// How chroma planes are made of red, green and blue.
    pub matrix: Matrix,
    /// Of the result.
    pub chroma: ChromaShape,
}

impl FrameFormat {
    /// Bytes of a frame's luma.
    pub fn luma_bytes(&self) -> usize {
        self.width as usize * self.height as usize * self.sample_bytes()
    }

    /// Columns and rows of a chroma plane.
    pub fn chroma_size(&self) -> (u32, u32) {
        let (columns, rows) = self.chroma.cell();
        (self.width.div_ceil(columns as u32), self.height.div_ceil(rows as u32))
    }

    pub(super) fn sample_bytes(&self) -> usize {
        if self.depth == 8 { 1 } else { 2 }
    }

    /// The number of black, and how far white lies above it.
    pub(super) fn luma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        if self.full_range { (0.0, self.largest()) } else { (16.0 * unit, 219.0 * unit) }
    }

    /// The number of no chroma, and how far the largest lies from the least.
    pub(super) fn chroma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        let span = if self.full_range { self.largest() } else { 224.0 * unit };
        (128.0 * unit, span)
    }

    pub(super) fn largest(&self) -> f32 {
        ((1_u32 << self.depth) - 1) as f32
    }

    /// CIE L* of each number that a sample may have, as of a gray pixel of an sRGB display. What is
    /// below black or above white counts as black or white.
    pub(super) fn lightness(&self) -> Vec<f32> {
        let (black, range) = self.luma_range();
        (0..1_u32 << self.depth)
            .map(|code| {
                let luma = ((code as f32 - black) / range).clamp(0.0, 1.0);
                lightness_from_luminance(srgb_to_linear(luma))
            })
            .collect()
    }
}

/// The samples of some bytes.
pub(super) fn samples(bytes: &[u8], two: bool) -> impl Iterator<Item = usize> + '_ {
    let step = if two { 2 } else { 1 };
    bytes.chunks_exact(step).map(move |sample| match sample {
        [low, high] => usize::from(u16::from_le_bytes([*low, *high])),
        [byte] => usize::from(*byte),
        _ => unreachable!("chunks of one or two"),
    })
}
