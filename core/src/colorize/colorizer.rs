//! Thumbnail in, chroma map out: the one neural step.

mod alternatives;
mod doubt;
mod frame;

use std::sync::Arc;

use candle_core::Tensor;

use crate::colorize::hints::{HintRegion, Mixing, spread};
use crate::colorize::thumbnail::WorkImage;
use crate::nn::engine::{Prepared, with_prepared};
use crate::nn::model::{self, CHROMA_SCALE, Mode, Network};
use crate::nn::ops::with_precision;
use crate::nn::weights::tensors;
use crate::{Arithmetic, ChromaMap, Device, Error, Hints, Reference, Result, Weights};
use alternatives::Cells;
pub use doubt::Doubts;
use frame::Frame;

/// How far hints are spread where the network takes them as input, as a share of the reach that
/// they have where it does not.
const REACH_BESIDE_NETWORK: f32 = 1.0;

/// A network with its weights on a device; one serves all threads.
pub struct Colorizer {
    network: Box<dyn Network>,
    device: Device,
    work_area: usize,
    arithmetic: Arithmetic,
    prepared: Arc<Prepared>,
}

impl Colorizer {
    /// Builds the network that the weights name, on the device, with the arithmetic of
    /// [`Arithmetic::default_for`].
    ///
    /// # Errors
    ///
    /// When the weights do not fit their network, or the device fails.
    pub fn open(weights: &Weights, device: &Device) -> Result<Self> {
        Self::open_in(weights, device, Arithmetic::default_for(weights, device))
    }

    /// The same with another arithmetic. Integers are calculated on the CPU, whatever the device.
    ///
    /// # Errors
    ///
    /// When the weights do not fit their network, hold no integers that are asked for, or the device
    /// fails.
    pub fn open_in(weights: &Weights, device: &Device, arithmetic: Arithmetic) -> Result<Self> {
        let network = model::open_in(weights, device, arithmetic)?;
        // Integers need none of the tensors, and so they are not read for this either.
        let prepared = if arithmetic == Arithmetic::Integers {
            Prepared::default()
        } else {
            Prepared::new(tensors(weights).values())
        };
        let device =
            if arithmetic == Arithmetic::Integers { Device::host() } else { device.clone() };
        Ok(Self {
            network,
            device,
            work_area: weights.work_area(),
            arithmetic,
            prepared: Arc::new(prepared),
        })
    }

    /// What predictions are calculated in.
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Most pixels of a thumbnail, as the weights ask for.
    pub fn work_area(&self) -> usize {
        self.work_area
    }

    /// Whether [`Colorizer::predict_other`] can be asked.
    pub fn has_alternatives(&self) -> bool {
        self.network.takes_hints() && self.network.bin_centers().is_some()
    }

    /// Predicts chroma for a thumbnail, with the hints. The network sees what lies within the
    /// scan's borders; they stay neutral.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn predict(&self, image: &WorkImage, hints: &Hints) -> Result<ChromaMap> {
        self.predict_like(image, hints, None)
    }

    /// The same, corrected by what a reference in colors shows.
    ///
    /// # Errors
    ///
    /// When the device fails.
    pub fn predict_like(
        &self,
        image: &WorkImage,
        hints: &Hints,
        reference: Option<&Reference>,
    ) -> Result<ChromaMap> {
        let frame = Frame::new(image, self.network.stride());
        let regions = hints.regions(image);
        self.predict_in(&frame, &regions, (&regions, hints.mixing()), reference)
    }

    /// Another plausible coloring: 1 for the second most likely, 2 for the third.
    ///
    /// Where the network is of two minds on a part of the picture, that part gets its other color,
    /// and the network sees the rest anew with it. `None` where it has no further one.
    ///
    /// # Errors
    ///
    /// When the network has no color bins to tell its doubts by, or the device fails.
    pub fn predict_other(
        &self,
        image: &WorkImage,
        hints: &Hints,
        reference: Option<&Reference>,
        which: usize,
    ) -> Result<Option<ChromaMap>> {
        let frame = Frame::new(image, self.network.stride());
        let regions = hints.regions(image);
        let planes = self.planes(&frame, &regions)?;
        let x = self.lightness(&frame)?;
        let heads = self.infer(|| self.network.heads(&x, planes.as_ref(), Mode::Infer))?;
        let centers = self.network.bin_centers().filter(|_| self.network.takes_hints());
        let (Some(bins), Some(centers)) = (heads.bins, centers) else {
            return Err(Error::NoAlternatives);
        };
        let shares = bins.to_vec2::<f32>()?.iter().map(|row| shares(row)).collect();
        let chroma = self.predict_in(&frame, &regions, (&regions, hints.mixing()), None)?;
        let cells = Cells::new(&frame, chroma.chroma(), shares, &centers);
        let Some(mut seen) = cells.alternatives().into_iter().nth(which.saturating_sub(1)) else {
            return Ok(None);
        };
        seen.extend(regions.iter().cloned()); // where both are, the user's count
        self.predict_in(&frame, &seen, (&regions, hints.mixing()), reference).map(Some)
    }

    fn infer<T>(&self, work: impl FnOnce() -> T) -> T {
        with_prepared(&self.prepared, || with_precision(self.arithmetic.into(), work))
    }

    /// With hints that the network sees, and those that the user gave, which are spread too.
    fn predict_in(
        &self,
        frame: &Frame<'_>,
        seen: &[HintRegion],
        (given, mixing): (&[HintRegion], Mixing),
        reference: Option<&Reference>,
    ) -> Result<ChromaMap> {
        let Frame { image, area, .. } = *frame;
        let planes = self.planes(frame, seen)?;
        let x = self.lightness(frame)?;
        let y = self.infer(|| self.network.forward(&x, planes.as_ref(), Mode::Infer))?; // (1, 2, H, W)
        let planes = y.squeeze(0)?.to_vec3::<f32>()?;
        let (width, height) = image.size();
        let mut chroma: Vec<[f32; 2]> = (0..width * height)
            .map(|i| {
                let x = (i % width).clamp(area.left, area.right - 1) - area.left;
                let y = (i / width).clamp(area.top, area.bottom - 1) - area.top;
                [planes[0][y][x] * CHROMA_SCALE, planes[1][y][x] * CHROMA_SCALE]
            })
            .collect();
        if let Some(reference) = reference {
            reference.correct(image, &mut chroma);
        }
        let share = if self.network.takes_hints() { REACH_BESIDE_NETWORK } else { 1.0 };
        spread(image, given, mixing, share, &mut chroma);
        Ok(ChromaMap::new(image, &chroma))
    }

    /// `(1, 1, H, W)`.
    fn lightness(&self, frame: &Frame<'_>) -> Result<Tensor> {
        let (width, height) = frame.size;
        Ok(Tensor::from_vec(frame.lightness(), (1, 1, height, width), &self.device.inner)?)
    }

    /// Hints as the network takes them, `(1, 3, H, W)`; `None` if there are none, or it does not.
    fn planes(&self, frame: &Frame<'_>, regions: &[HintRegion]) -> Result<Option<Tensor>> {
        if regions.is_empty() || !self.network.takes_hints() {
            return Ok(None);
        }
        let (width, height) = frame.size;
        let planes = frame.hints(regions);
        Ok(Some(Tensor::from_vec(planes, (1, 3, height, width), &self.device.inner)?))
    }
}

/// How likely each bin is, by its logit. Like all that follows from the network, the exponential is
/// the same on every machine: a library of the system may choose another by the processor.
fn shares(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let mut shares: Vec<f32> = logits.iter().map(|logit| libm::expf(logit - most)).collect();
    let all: f32 = shares.iter().sum();
    for share in &mut shares {
        *share /= all;
    }
    shares
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
        let frame = Frame { size: (4, 3), ..Frame::new(&image, 1) };
        assert_eq!(frame.lightness(), [1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0, 4.0, 3.0, 4.0, 4.0, 4.0]);
    }

    /// A small network with pseudo-random weights, whose chroma depends on all that it sees.
    fn colorizer() -> Colorizer {
        let device = Device::open(crate::nn::device::DeviceChoice::Cpu).unwrap();
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
    fn weights_are_prepared_once_and_give_the_same_colors() {
        let device = Device::open(crate::nn::device::DeviceChoice::Cpu).unwrap();
        let weights = Weights::default_weights().unwrap();
        let colorizer = Colorizer::open_in(&weights, &device, Arithmetic::Bf16).unwrap();
        let image = image(&|x, y| 50.0 + 40.0 * (x as f32 / 9.0).sin() * (y as f32 / 7.0).cos());
        let predict = || colorizer.predict(&image, &Hints::default()).unwrap().chroma().to_vec();
        let first = predict();
        let packed = colorizer.prepared.layers();
        assert!(first == predict());
        assert_eq!(colorizer.prepared.layers(), packed);
        #[cfg(target_arch = "x86_64")]
        assert!(packed > 30 || !is_x86_feature_detected!("avx512f"), "{packed} weights");

        let x = colorizer.lightness(&Frame::new(&image, colorizer.network.stride())).unwrap();
        let plain = with_precision(colorizer.arithmetic.into(), || {
            colorizer.network.forward(&x, None, Mode::Infer)
        });
        let plain = plain.unwrap().flatten_from(2).unwrap().to_vec3::<f32>().unwrap();
        let plain = plain[0][0].iter().zip(&plain[0][1]);
        let plain: Vec<_> = plain.map(|(a, b)| [a * CHROMA_SCALE, b * CHROMA_SCALE]).collect();
        assert!(first == plain, "what is prepared is not what is calculated anew");
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
