//! Photographs of a cache as batches of lightness and chroma, in a seeded order.

use candle_core::{Device, Tensor};
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::cache::Cache;
use super::seed::stream;
use crate::{Result, lab};

/// What chroma is divided by: `(a, b) / 128` lies in -1..=1 (design document, "Task").
const CHROMA_SCALE: f32 = 128.0;

/// The photographs of some splits, kept as 8-bit sRGB: a batch is converted when it is asked for,
/// which takes a few milliseconds and saves 7/8 of the memory.
#[derive(Debug)]
pub(crate) struct Dataset {
    size: usize,
    samples: Vec<u8>,
}

/// A photograph of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Position in the data set.
    pub(crate) photo: usize,
    /// Whether it is mirrored left to right.
    pub(crate) flip: bool,
}

impl Dataset {
    /// Reads the photographs that belong to one of `splits`.
    pub(crate) fn read(cache: &Cache, splits: &[String]) -> Result<Self> {
        Ok(Self { size: cache.index().size, samples: cache.samples(splits)? })
    }

    /// How many photographs there are; at least 1.
    pub(crate) fn len(&self) -> usize {
        self.samples.len() / (3 * self.size * self.size)
    }

    /// Height and width of each photograph in pixels.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// All photographs as they are, in the cache's order.
    pub(crate) fn in_order(&self) -> Vec<Item> {
        (0..self.len()).map(|photo| Item { photo, flip: false }).collect()
    }

    /// All photographs in the order of an epoch (0, 1, ..), each mirrored or not with equal
    /// chances if `flip` is set.
    pub(crate) fn shuffled(&self, seed: u64, epoch: usize, flip: bool) -> Vec<Item> {
        let mut items = self.in_order();
        items.shuffle(&mut stream(seed, &format!("order/{epoch}")));
        if flip {
            let mut flips = stream(seed, &format!("flip/{epoch}"));
            for item in &mut items {
                item.flip = flips.random();
            }
        }
        items
    }

    /// Lightness `(N, 1, H, W)` in 0..=100 and chroma `(N, 2, H, W)`, which is `(a, b) / 128`.
    pub(crate) fn batch(&self, items: &[Item], device: &Device) -> Result<(Tensor, Tensor)> {
        let (count, size, area) = (items.len(), self.size, self.size * self.size);
        let mut lightness = vec![0.0; count * area];
        let mut chroma = vec![0.0; count * 2 * area];
        let planes = lightness.par_chunks_mut(area).zip(chroma.par_chunks_mut(2 * area));
        planes.zip(items).for_each(|((lightness, chroma), item)| {
            self.planes(item.photo, lightness, chroma);
            for value in &mut *chroma {
                *value /= CHROMA_SCALE;
            }
            if item.flip {
                lightness
                    .chunks_mut(size)
                    .chain(chroma.chunks_mut(size))
                    .for_each(<[f32]>::reverse);
            }
        });
        let lightness = Tensor::from_vec(lightness, (count, 1, size, size), device)?;
        let chroma = Tensor::from_vec(chroma, (count, 2, size, size), device)?;
        Ok((lightness, chroma))
    }

    /// Mean `[a, b]` over all pixels, in -128..=127.
    pub(crate) fn mean_chroma(&self) -> [f32; 2] {
        let area = self.size * self.size;
        let photo_sums = |photo: usize| {
            let mut lightness = vec![0.0; area];
            let mut chroma = vec![0.0; 2 * area];
            self.planes(photo, &mut lightness, &mut chroma);
            let sum = |plane: &[f32]| plane.iter().map(|&value| f64::from(value)).sum::<f64>();
            [sum(&chroma[..area]), sum(&chroma[area..])]
        };
        let sums: Vec<[f64; 2]> = (0..self.len()).into_par_iter().map(photo_sums).collect();
        let pixels = (self.len() * area) as f64;
        [0, 1].map(|c| (sums.iter().map(|sum| sum[c]).sum::<f64>() / pixels) as f32)
    }

    /// L* of a photograph, and its a* followed by its b*.
    fn planes(&self, photo: usize, lightness: &mut [f32], chroma: &mut [f32]) {
        let bytes = 3 * self.size * self.size;
        let (a, b) = chroma.split_at_mut(self.size * self.size);
        lab::planes_from_srgb8(&self.samples[photo * bytes..][..bytes], lightness, a, b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two photographs of 2x2 pixels: all red, and white beside black.
    fn dataset() -> Dataset {
        let red = [255, 0, 0].repeat(4);
        let halves = [255, 255, 255, 0, 0, 0].repeat(2);
        Dataset { size: 2, samples: [red, halves].concat() }
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_batch_is_lightness_and_scaled_chroma() {
        let (lightness, chroma) = dataset().batch(&dataset().in_order(), &Device::Cpu).unwrap();
        assert_eq!(lightness.dims(), [2, 1, 2, 2]);
        assert_eq!(chroma.dims(), [2, 2, 2, 2]);
        // sRGB red is L* 53.24, a* 80.09, b* 67.20 (D65, 2 degrees).
        let close = |found: f32, expected: f32| assert!((found - expected).abs() < 0.01, "{found}");
        close(values(&lightness)[0], 53.24);
        close(values(&chroma)[0] * 128.0, 80.09);
        close(values(&chroma)[4] * 128.0, 67.20);
        close(values(&lightness)[4], 100.0);
        close(values(&lightness)[5], 0.0);
    }

    #[test]
    fn a_flipped_photograph_is_mirrored_left_to_right() {
        let item = |flip| Item { photo: 1, flip };
        let (lightness, _) = dataset().batch(&[item(false), item(true)], &Device::Cpu).unwrap();
        let rounded: Vec<f32> = values(&lightness).iter().map(|value| value.round()).collect();
        assert_eq!(rounded, [100.0, 0.0, 100.0, 0.0, 0.0, 100.0, 0.0, 100.0]);
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_alone_and_misses_no_photograph() {
        let dataset = Dataset { size: 1, samples: vec![0; 3 * 50] };
        let order = dataset.shuffled(1, 0, true);
        assert_eq!(order, dataset.shuffled(1, 0, true));
        assert_ne!(order, dataset.shuffled(1, 1, true));
        assert_ne!(order, dataset.shuffled(2, 0, true));
        let mut photos: Vec<usize> = order.iter().map(|item| item.photo).collect();
        photos.sort_unstable();
        assert_eq!(photos, (0..50).collect::<Vec<_>>());
        let flipped = order.iter().filter(|item| item.flip).count();
        assert!((10..40).contains(&flipped), "{flipped} of 50");
    }

    #[test]
    fn mean_chroma_is_over_all_pixels() {
        let [a, b] = dataset().mean_chroma();
        assert!((a - 40.05).abs() < 0.01 && (b - 33.60).abs() < 0.01, "{a} {b}");
    }
}
