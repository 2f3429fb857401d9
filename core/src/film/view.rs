//! A frame as the network and the eye for motion see it.

use std::sync::Arc;

use super::format::FrameFormat;
use crate::{Orientation, Thumbnail, WorkImage};

/// Makes thumbnails of frames, on any thread.
#[derive(Clone, Debug)]
pub struct Viewer {
    format: FrameFormat,
    area: usize,
    lightness: Arc<Vec<f32>>,
}

impl Viewer {
    /// For thumbnails of at most `area` pixels.
    pub fn new(format: FrameFormat, area: usize) -> Self {
        Self { format, area, lightness: Arc::new(format.lightness()) }
    }

    /// The thumbnail of a frame's luma: rows without padding, each sample as [`FrameFormat::depth`]
    /// says. Numbers beyond the depth count as the largest.
    ///
    /// # Panics
    ///
    /// When the length is not that of a frame.
    pub fn view(&self, luma: &[u8]) -> WorkImage {
        let FrameFormat { width, height, .. } = self.format;
        assert_eq!(luma.len(), self.format.luma_bytes());
        let mut thumbnail = Thumbnail::new(width, height, Orientation::Upright, self.area);
        let last = self.lightness.len() - 1;
        let mut row = Vec::with_capacity(width as usize);
        for (y, bytes) in luma.chunks_exact(luma.len() / height as usize).enumerate() {
            row.clear();
            if self.format.depth == 8 {
                row.extend(bytes.iter().map(|&byte| self.lightness[usize::from(byte)]));
            } else {
                let samples = super::format::samples(bytes, true);
                row.extend(samples.map(|code| self.lightness[code.min(last)]));
            }
            thumbnail.push_rows(y as u32, &row);
        }
        thumbnail.finish_whole() // a shot has borders, by all its frames
    }
}
