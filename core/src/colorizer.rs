//! Thumbnail in, chroma map out: the one neural step.

use candle_core::Tensor;

use crate::hints::spread;
use crate::model::{Mode, Network};
use crate::thumbnail::WorkImage;
use crate::{ChromaMap, Device, Hints, Result, Weights};

/// Networks predict `(a, b)` over this.
const CHROMA_SCALE: f32 = 128.0;

/// A network with its weights on a device; one serves all threads.
pub struct Colorizer {
    network: Box<dyn Network>,
    device: Device,
    work_area: usize,
}

impl Colorizer {
    /// Builds the network that the weights name, on the device.
    ///
    /// # Errors
    ///
    /// When the weights do not fit their network, or the device fails.
    pub fn open(weights: &Weights, device: &Device) -> Result<Self> {
        Ok(Self {
            network: weights.build(device)?,
            device: device.clone(),
            work_area: weights.work_area(),
        })
    }

    /// Most pixels of a thumbnail, as the weights ask for.
    pub fn work_area(&self) -> usize {
        self.work_area
    }

    /// Predicts chroma for a thumbnail, and blends in the hints.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn predict(&self, image: &WorkImage, hints: &Hints) -> Result<ChromaMap> {
        let (width, height) = image.size();
        let stride = self.network.stride();
        let padded = (width.next_multiple_of(stride), height.next_multiple_of(stride));
        let lightness = replicate_edges(image, padded);
        let x = Tensor::from_vec(lightness, (1, 1, padded.1, padded.0), &self.device.inner)?;
        let y = self.network.forward(&x, Mode::Infer)?; // (1, 2, H, W)
        let planes = y.squeeze(0)?.to_vec3::<f32>()?;
        let mut chroma: Vec<[f32; 2]> = (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                [planes[0][y][x] * CHROMA_SCALE, planes[1][y][x] * CHROMA_SCALE]
            })
            .collect();
        spread(image, hints, &mut chroma);
        Ok(ChromaMap::new(image, &chroma))
    }
}

/// The work image in a larger frame, its last column and row repeated.
fn replicate_edges(image: &WorkImage, (width, height): (usize, usize)) -> Vec<f32> {
    (0..width * height)
        .map(|i| {
            let x = (i % width).min(image.width - 1);
            let y = (i / width).min(image.height - 1);
            image.lightness[y * image.width + x]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Orientation, Thumbnail};

    #[test]
    fn frames_repeat_the_last_column_and_row() {
        let mut thumbnail = Thumbnail::new(2, 2, Orientation::Upright, 4);
        thumbnail.push_rows(0, &[1.0, 2.0, 3.0, 4.0]);
        let framed = replicate_edges(&thumbnail.finish(), (4, 3));
        assert_eq!(framed, [1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0, 3.0, 4.0, 4.0, 4.0]);
    }
}
