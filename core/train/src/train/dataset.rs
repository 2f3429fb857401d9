//! Photographs of a cache as batches of lightness and chroma, in a seeded order.

use std::collections::HashMap;

use candle_core::Device;
use polychromify_core::Result;
use polychromify_core::internals::model::CHROMA_SCALE;
use polychromify_image::color::lab;
use rand::Rng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::augment::{Variation, Window, resample};
use super::batch::{Batch, Planes};
use super::cache::Cache;
use super::recipe::Recipe;
use crate::seed::stream;

/// The photographs of some splits, kept as 8-bit sRGB: a batch is converted when it is asked for,
/// which takes a few milliseconds and saves 7/8 of the memory.
#[derive(Debug)]
pub(crate) struct Dataset {
    size: usize,
    samples: Vec<u8>,
    /// One for each photograph.
    traits: Vec<Traits>,
}

/// What is known of a photograph beside its samples.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// How often it is drawn, beside one of weight 1.
    weight: f64,
    /// Width over height before it was squeezed.
    aspect: f32,
}

/// A photograph of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Position in the data set.
    pub(crate) photo: usize,
    /// Whether it is mirrored left to right.
    pub(crate) flip: bool,
    /// Seed of the crop and of the other variations of a recipe.
    pub(crate) variation: Option<u64>,
}

impl Dataset {
    /// Reads the photographs that belong to one of `splits`, or so many of them.
    pub(crate) fn read(cache: &Cache, splits: &[String], limit: Option<usize>) -> Result<Self> {
        let (samples, photos) = cache.samples(splits, limit)?;
        let traits = photos.into_iter().map(|photo| Traits {
            weight: photo.weight,
            aspect: photo.width as f32 / photo.height as f32,
        });
        Ok(Self { size: cache.index().size, samples, traits: traits.collect() })
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
        (0..self.len()).map(|photo| Item { photo, flip: false, variation: None }).collect()
    }

    /// Pictures of an epoch: as many as are asked for, or each photograph once.
    pub(crate) fn epoch_length(&self, pictures: Option<usize>) -> usize {
        pictures.unwrap_or(self.len())
    }

    /// The photographs of an epoch of `pictures`, each as often as its weight says.
    ///
    /// A systematic draw (Madow 1949, <https://doi.org/10.1214/aoms/1177729988>): over the
    /// photographs in random order, lengths in proportion to the weights are laid end to end, and
    /// the one is taken that lies at each whole number plus one random offset. So the number of times
    /// that a photograph is drawn differs from what its weight says by less than one.
    fn drawn(&self, seed: u64, epoch: usize, pictures: usize) -> Vec<Item> {
        let mut random = stream(seed, &format!("draw/{epoch}"));
        let mut photos = self.in_order();
        photos.shuffle(&mut random);
        let offset: f64 = random.random();
        let all: f64 = self.traits.iter().map(|traits| traits.weight).sum();
        let mut items: Vec<Item> = Vec::with_capacity(pictures);
        let mut end = 0.0;
        for item in &photos {
            end += self.traits[item.photo].weight * pictures as f64 / all;
            while items.len() < pictures && items.len() as f64 + offset < end {
                items.push(*item);
            }
        }
        // Rounding may have left the end just below the last whole number.
        items.resize(pictures, photos[photos.len() - 1]);
        items
    }

    /// The photographs of an epoch (0, 1, ..) in its order, each mirrored or not with equal chances if
    /// `flip` is set: all of them once, or `pictures` drawn by their weights where that is asked for
    /// or they have weights.
    pub(crate) fn shuffled(
        &self,
        seed: u64,
        epoch: usize,
        flip: bool,
        pictures: Option<usize>,
    ) -> Vec<Item> {
        let alike = self.traits.iter().all(|traits| traits.weight == self.traits[0].weight);
        let mut items = match pictures {
            None if alike => self.in_order(),
            _ => self.drawn(seed, epoch, self.epoch_length(pictures)),
        };
        items.shuffle(&mut stream(seed, &format!("order/{epoch}")));
        if flip {
            let mut flips = stream(seed, &format!("flip/{epoch}"));
            for item in &mut items {
                item.flip = flips.random();
            }
        }
        items
    }

    /// The same, each photograph varied.
    pub(crate) fn varied(
        &self,
        seed: u64,
        epoch: usize,
        flip: bool,
        pictures: Option<usize>,
    ) -> Vec<Item> {
        let mut items = self.shuffled(seed, epoch, flip, pictures);
        let mut seeds = stream(seed, &format!("variation/{epoch}"));
        for item in &mut items {
            item.variation = Some(seeds.random());
        }
        items
    }

    /// A batch on a device.
    pub(crate) fn batch(
        &self,
        items: &[Item],
        recipe: Option<&Recipe>,
        device: &Device,
    ) -> Result<Batch> {
        self.planes_of(items, recipe).batch(device)
    }

    /// A batch at the recipe's size, or at the photographs' own.
    pub(crate) fn planes_of(&self, items: &[Item], recipe: Option<&Recipe>) -> Planes {
        let size = recipe.map_or(self.size, |recipe| recipe.size);
        let (count, area) = (items.len(), size * size);
        let mut lightness = vec![0.0; count * area];
        let mut chroma = vec![0.0; count * 2 * area];
        let hinted = recipe.is_some_and(|recipe| recipe.hinted > 0.0);
        let planes = lightness.par_chunks_mut(area).zip(chroma.par_chunks_mut(2 * area));
        let hints = planes.zip(items).map(|((lightness, chroma), item)| {
            let variation = item.variation.zip(recipe);
            let mut variation = variation.map(|(seed, recipe)| {
                Variation::draw(seed, recipe, self.traits[item.photo].aspect)
            });
            let window = variation.as_ref().map_or(Window::WHOLE, |variation| variation.window);
            self.planes(item.photo, window, size, lightness, chroma);
            if let Some(variation) = &mut variation {
                variation.change(size, lightness, chroma);
            }
            for value in &mut *chroma {
                *value /= CHROMA_SCALE;
            }
            if item.flip {
                lightness
                    .chunks_mut(size)
                    .chain(chroma.chunks_mut(size))
                    .for_each(<[f32]>::reverse);
            }
            let mut hints = vec![0.0; if hinted { 3 * area } else { 0 }];
            if let (Some(variation), true) = (&mut variation, hinted) {
                variation.hint(size, chroma, &mut hints);
            }
            hints
        });
        let hints: Vec<Vec<f32>> = hints.collect();
        Planes { count, size, lightness, chroma, hints: hinted.then(|| hints.concat()) }
    }

    /// How many pixels of all photographs round to each cell of a grid over `(a, b)`; of each
    /// photograph one pixel in nine is looked at.
    pub(crate) fn color_counts(&self, grid: f32) -> HashMap<(i32, i32), usize> {
        let size = self.size.div_ceil(3);
        let count = |mut counts: HashMap<_, usize>, photo: usize| {
            let mut lightness = vec![0.0; size * size];
            let mut chroma = vec![0.0; 2 * size * size];
            self.planes(photo, Window::WHOLE, size, &mut lightness, &mut chroma);
            let (a, b) = chroma.split_at(size * size);
            for (a, b) in a.iter().zip(b) {
                let cell = ((a / grid).round() as i32, (b / grid).round() as i32);
                *counts.entry(cell).or_default() += 1;
            }
            counts
        };
        let join = |mut all: HashMap<_, usize>, part: HashMap<_, usize>| {
            for (cell, count) in part {
                *all.entry(cell).or_default() += count;
            }
            all
        };
        (0..self.len()).into_par_iter().fold(HashMap::new, count).reduce(HashMap::new, join)
    }

    /// Photographs of `size` x `size` pixels, interleaved sRGB.
    #[cfg(test)]
    pub(crate) fn for_tests(size: usize, samples: Vec<u8>) -> Self {
        let traits = vec![Traits { weight: 1.0, aspect: 1.0 }; samples.len() / (3 * size * size)];
        Self { size, samples, traits }
    }

    /// Mean `[a, b]` over all pixels, in -128..=127.
    pub(crate) fn mean_chroma(&self) -> [f32; 2] {
        let area = self.size * self.size;
        let photo_sums = |photo: usize| {
            let mut lightness = vec![0.0; area];
            let mut chroma = vec![0.0; 2 * area];
            self.planes(photo, Window::WHOLE, self.size, &mut lightness, &mut chroma);
            let sum = |plane: &[f32]| plane.iter().map(|&value| f64::from(value)).sum::<f64>();
            [sum(&chroma[..area]), sum(&chroma[area..])]
        };
        let sums: Vec<[f64; 2]> = (0..self.len()).into_par_iter().map(photo_sums).collect();
        let pixels = (self.len() * area) as f64;
        [0, 1].map(|c| (sums.iter().map(|sum| sum[c]).sum::<f64>() / pixels) as f32)
    }

    /// L* of a photograph's part, and its a* followed by its b*, at `size` x `size` pixels.
    fn planes(
        &self,
        photo: usize,
        window: Window,
        size: usize,
        lightness: &mut [f32],
        chroma: &mut [f32],
    ) {
        let bytes = 3 * self.size * self.size;
        let samples = &self.samples[photo * bytes..][..bytes];
        let (a, b) = chroma.split_at_mut(size * size);
        if window == Window::WHOLE && size == self.size {
            lab::planes_from_srgb8(samples, lightness, a, b);
            return;
        }
        let mut picture = vec![0; 3 * size * size];
        resample(samples, self.size, window, &mut picture, size);
        lab::planes_from_srgb8(&picture, lightness, a, b);
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::*;

    /// Two photographs of 2x2 pixels: all red, and white beside black.
    fn dataset() -> Dataset {
        let red = [255, 0, 0].repeat(4);
        let halves = [255, 255, 255, 0, 0, 0].repeat(2);
        Dataset::for_tests(2, [red, halves].concat())
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_batch_is_lightness_and_scaled_chroma() {
        let Batch { lightness, chroma, hints } =
            dataset().batch(&dataset().in_order(), None, &Device::Cpu).unwrap();
        assert!(hints.is_none());
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
        let item = |flip| Item { photo: 1, flip, variation: None };
        let Batch { lightness, .. } =
            dataset().batch(&[item(false), item(true)], None, &Device::Cpu).unwrap();
        let rounded: Vec<f32> = values(&lightness).iter().map(|value| value.round()).collect();
        assert_eq!(rounded, [100.0, 0.0, 100.0, 0.0, 0.0, 100.0, 0.0, 100.0]);
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_alone_and_misses_no_photograph() {
        let dataset = Dataset::for_tests(1, vec![0; 3 * 50]);
        let order = dataset.shuffled(1, 0, true, None);
        assert_eq!(order, dataset.shuffled(1, 0, true, None));
        assert_ne!(order, dataset.shuffled(1, 1, true, None));
        assert_ne!(order, dataset.shuffled(2, 0, true, None));
        let mut photos: Vec<usize> = order.iter().map(|item| item.photo).collect();
        photos.sort_unstable();
        assert_eq!(photos, (0..50).collect::<Vec<_>>());
        let flipped = order.iter().filter(|item| item.flip).count();
        assert!((10..40).contains(&flipped), "{flipped} of 50");
    }

    #[test]
    fn photographs_are_drawn_as_often_as_their_weights_say() {
        let mut dataset = Dataset::for_tests(1, vec![0; 3 * 4]);
        for (traits, weight) in dataset.traits.iter_mut().zip([1.0, 2.5, 0.5, 4.0]) {
            traits.weight = weight;
        }
        let counts = |epoch, pictures| {
            let mut counts = [0; 4];
            let order = dataset.shuffled(7, epoch, false, pictures);
            for item in &order {
                counts[item.photo] += 1;
            }
            counts
        };
        assert_eq!(counts(0, Some(16)), [2, 5, 1, 8]);
        assert_eq!(counts(0, None).iter().sum::<i32>(), 4);
        let mut sums = [0; 4];
        for epoch in 0..200 {
            let drawn = counts(epoch, Some(3));
            assert_eq!(drawn.iter().sum::<i32>(), 3);
            sums.iter_mut().zip(drawn).for_each(|(sum, count)| *sum += count);
        }
        for (sum, weight) in sums.into_iter().zip([1.0, 2.5, 0.5, 4.0]) {
            assert!((f64::from(sum) - 75.0 * weight).abs() < 20.0, "{sums:?}");
        }
    }

    #[test]
    fn mean_chroma_is_over_all_pixels() {
        let [a, b] = dataset().mean_chroma();
        assert!((a - 40.05).abs() < 0.01 && (b - 33.60).abs() < 0.01, "{a} {b}");
    }
}
