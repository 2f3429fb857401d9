//! What a network sees of a work image.

use crate::colorize::borders::Rectangle;
use crate::colorize::hints::HintRegion;
use crate::colorize::thumbnail::WorkImage;
use crate::nn::model::CHROMA_SCALE;

/// What a network sees of a work image: the photograph in a frame of whole strides.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) image: &'a WorkImage,
    pub(super) area: Rectangle,
    /// Width and height, padded.
    pub(super) size: (usize, usize),
}

impl<'a> Frame<'a> {
    pub(super) fn new(image: &'a WorkImage, stride: usize) -> Self {
        let area = image.picture();
        let padded = |side: usize| side.next_multiple_of(stride);
        Self { image, area, size: (padded(area.width()), padded(area.height())) }
    }

    /// Its last column and row repeated.
    pub(super) fn lightness(&self) -> Vec<f32> {
        let Self { image, area, size: (width, height) } = self;
        (0..width * height)
            .map(|i| {
                let x = (area.left + i % width).min(area.right - 1);
                let y = (area.top + i / width).min(area.bottom - 1);
                image.lightness[y * image.width + x]
            })
            .collect()
    }

    /// Planes of `(a, b) / 128` and of the mask; where hints overlap, the last one counts.
    pub(super) fn hints(&self, regions: &[HintRegion]) -> Vec<f32> {
        let Self { image, area, size: (width, height) } = self;
        let plane = width * height;
        let mut planes = vec![0.0; 3 * plane];
        for region in regions {
            for i in &region.pixels {
                let (x, y) = (i % image.width, i / image.width);
                if (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y) {
                    let i = (y - area.top) * width + x - area.left;
                    planes[i] = region.chroma[0] / CHROMA_SCALE;
                    planes[plane + i] = region.chroma[1] / CHROMA_SCALE;
                    planes[2 * plane + i] = 1.0;
                }
            }
        }
        planes
    }
}
