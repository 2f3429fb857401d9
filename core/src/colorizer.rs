//! Thumbnail in, chroma map out: the one neural step.

use candle_core::Tensor;

use crate::borders::Rectangle;
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

    /// Predicts chroma for a thumbnail, and blends in the hints. The network sees what lies within
    /// the scan's borders; they stay neutral.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn predict(&self, image: &WorkImage, hints: &Hints) -> Result<ChromaMap> {
        let (width, height) = image.size();
        let (stride, area) = (self.network.stride(), image.picture());
        let padded = [area.width(), area.height()].map(|side| side.next_multiple_of(stride));
        let lightness = replicate_edges(image, area, padded);
        let x = Tensor::from_vec(lightness, (1, 1, padded[1], padded[0]), &self.device.inner)?;
        let y = self.network.forward(&x, Mode::Infer)?; // (1, 2, H, W)
        let planes = y.squeeze(0)?.to_vec3::<f32>()?;
        let mut chroma: Vec<[f32; 2]> = (0..width * height)
            .map(|i| {
                let x = (i % width).clamp(area.left, area.right - 1) - area.left;
                let y = (i / width).clamp(area.top, area.bottom - 1) - area.top;
                [planes[0][y][x] * CHROMA_SCALE, planes[1][y][x] * CHROMA_SCALE]
            })
            .collect();
        spread(image, hints, &mut chroma);
        Ok(ChromaMap::new(image, &chroma))
    }
}

/// An area of the work image in a larger frame, its last column and row repeated.
fn replicate_edges(image: &WorkImage, area: Rectangle, [width, height]: [usize; 2]) -> Vec<f32> {
    (0..width * height)
        .map(|i| {
            let x = (area.left + i % width).min(area.right - 1);
            let y = (area.top + i / width).min(area.bottom - 1);
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
        let image = thumbnail.finish();
        let framed = replicate_edges(&image, image.picture(), [4, 3]);
        assert_eq!(framed, [1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0, 3.0, 4.0, 4.0, 4.0]);
    }

    /// A small network with pseudo-random weights, whose chroma depends on all that it sees.
    fn colorizer() -> Colorizer {
        let device = Device::open(crate::device::DeviceChoice::Cpu).unwrap();
        let asset = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/tiny.safetensors");
        Colorizer::open(&Weights::read(asset).unwrap(), &device).unwrap()
    }

    fn image(lightness: &dyn Fn(u32, u32) -> f32) -> WorkImage {
        let mut thumbnail = Thumbnail::new(96, 64, Orientation::Upright, 96 * 64);
        let pixels = (0..96 * 64).map(|i| lightness(i % 96, i / 96));
        thumbnail.push_rows(0, &pixels.collect::<Vec<f32>>());
        thumbnail.finish()
    }

    #[test]
    fn networks_do_not_see_scan_borders_and_they_stay_neutral() {
        let colorizer = colorizer();
        let inside = |x: u32, y: u32| (8..88).contains(&x) && (8..56).contains(&y);
        let shape = |x: u32, y: u32| 50.0 + 30.0 * (x as f32 / 7.0).sin() * (y as f32 / 9.0).cos();
        let framed = |border: f32| {
            let image = image(&|x, y| if inside(x, y) { shape(x, y) } else { border });
            colorizer.predict(&image, &Hints::default()).unwrap().chroma().to_vec()
        };
        let (white, black) = (framed(97.0), framed(2.0));
        assert!(white == black, "the border's tone shows in the colors");
        assert_eq!(white[3 * 96 + 3], [0.0; 2]);
        assert_ne!(white[30 * 96 + 40], [0.0; 2]);
    }

    #[test]
    fn a_border_that_is_kept_is_colored_as_all_else() {
        let image = image(&|x, y| if x.min(y) < 8 || x > 87 || y > 55 { 95.0 } else { 40.0 });
        assert!(image.borders().is_some());
        let image = image.without_borders();
        let chroma = colorizer().predict(&image, &Hints::default()).unwrap();
        assert_ne!(chroma.chroma()[0], [0.0; 2]);
    }
}
