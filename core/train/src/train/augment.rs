//! Variety: crops, lightness as old film has it, and the palette of the first color film.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::film::{self, Picture};
use super::palette;
use super::recipe::Recipe;
use super::simulate::simulate;

/// The part of a square photograph that a picture shows, in shares of its side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Window {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };
}

/// What makes one picture of a photograph differ from another.
#[derive(Debug)]
pub(crate) struct Variation {
    pub(crate) window: Window,
    aged: bool,
    film: bool,
    restrained: bool,
    hinted: f64,
    random: ChaCha8Rng,
}

impl Variation {
    /// Draws a window of at least the recipe's area, of a shape within 4:5 and 5:4 of the whole's or,
    /// for the recipe's share of them, of the one that undoes the squeeze of a photograph of such an
    /// `aspect` (width over height); a quarter of the pictures shows everything.
    pub(crate) fn draw(seed: u64, recipe: &Recipe, aspect: f32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let window = if recipe.least_area >= 1.0 || random.random_bool(0.25) {
            Window::WHOLE
        } else {
            let area: f64 = random.random_range(recipe.least_area..1.0);
            let shape = random.random_range(0.8f64.ln()..1.25f64.ln()).exp().sqrt();
            // No draw where it changes nothing: older recipes keep their pictures.
            let upright = recipe.upright > 0.0 && random.random_bool(recipe.upright.min(1.0));
            let (width, height) = if upright {
                unsqueezed(area, f64::from(aspect), shape.sqrt())
            } else {
                let side = |length: f64| length.min(1.0) as f32;
                (side(area.sqrt() * shape), side(area.sqrt() / shape))
            };
            let left = random.random::<f32>() * (1.0 - width);
            let top = random.random::<f32>() * (1.0 - height);
            Window { left, top, width, height }
        };
        let aged = random.random_bool(recipe.aging.clamp(0.0, 1.0));
        let mut some = |share: f64| share > 0.0 && random.random_bool(share.min(1.0));
        let (film, restrained) = (some(recipe.film), some(recipe.restrained));
        Self { window, aged, film, restrained, hinted: recipe.hinted.clamp(0.0, 1.0), random }
    }

    /// Draws hints from chroma into the three planes of `hints`, in some of the pictures; after
    /// everything else.
    pub(crate) fn hint(&mut self, size: usize, chroma: &[f32], hints: &mut [f32]) {
        if self.random.random_bool(self.hinted) {
            simulate(&mut self.random, size, chroma, hints);
        }
    }

    /// Gives a picture the palette of the first color film, and makes it old, each in some of the
    /// pictures; `chroma` is the plane of `a` followed by that of `b`.
    pub(crate) fn change(&mut self, size: usize, lightness: &mut [f32], chroma: &mut [f32]) {
        let (a, b) = chroma.split_at_mut(size * size);
        self.age(lightness, a, b);
        let mut picture = Picture { size, lightness, a, b };
        if self.restrained {
            palette::restrain(&mut picture, &mut self.random);
        }
        if self.film {
            film::age(&mut picture, &mut self.random);
        }
    }

    /// Changes lightness, 0..=100, and leaves chroma: the emulsion's response to color, gamma,
    /// contrast, fading and grain, each in some of the pictures.
    fn age(&mut self, lightness: &mut [f32], a: &[f32], b: &[f32]) {
        if !self.aged {
            return;
        }
        let random = &mut self.random;
        if random.random_bool(0.4) {
            // Orthochromatic film is blind to red and keen on blue, a filter does the reverse.
            let share = random.random_range(-0.1f32..0.35);
            for ((l, a), b) in lightness.iter_mut().zip(a).zip(b) {
                *l -= share * (0.5 * a + 0.5 * b);
            }
        }
        let gamma = if random.random_bool(0.5) { random.random_range(0.75f32..1.35) } else { 1.0 };
        let (mut black, mut white) = (0.0, 100.0);
        if random.random_bool(0.5) {
            black = random.random_range(-8.0f32..15.0);
            white = random.random_range(85.0f32..108.0);
        }
        for l in &mut *lightness {
            let tone = (l.clamp(0.0, 100.0) / 100.0).powf(gamma);
            *l = (black + (white - black) * tone).clamp(0.0, 100.0);
        }
        if random.random_bool(0.3) {
            let grain = random.random_range(0.5f32..4.0);
            for l in lightness {
                // The sum of three uniform draws is nearly normal; its deviation is 0.5.
                let sum: f32 = (0..3).map(|_| random.random::<f32>() - 0.5).sum();
                *l = (*l + 2.0 * grain * sum).clamp(0.0, 100.0);
            }
        }
    }
}

/// Width and height of a window of an area, in shares of the sides of a photograph of such an
/// `aspect`, that has square pixels but for a factor; smaller where it would not fit.
fn unsqueezed(area: f64, aspect: f64, factor: f64) -> (f32, f32) {
    let ratio = (factor * factor / aspect).sqrt();
    let (width, height) = (area.sqrt() * ratio, area.sqrt() / ratio);
    let most = width.max(height).max(1.0);
    ((width / most) as f32, (height / most) as f32)
}

/// Shows a window of a photograph of `from` x `from` pixels on `to` x `to`, bilinear: interleaved
/// sRGB to the same.
pub(crate) fn resample(photo: &[u8], from: usize, window: Window, picture: &mut [u8], to: usize) {
    let taps = |start: f32, length: f32| -> Vec<(usize, usize, f32)> {
        let scale = length * from as f32 / to as f32;
        let tap = |i: usize| {
            let at = (start * from as f32 + (i as f32 + 0.5) * scale - 0.5)
                .clamp(0.0, (from - 1) as f32);
            let first = at as usize;
            (first, (first + 1).min(from - 1), at - first as f32)
        };
        (0..to).map(tap).collect()
    };
    let columns = taps(window.left, window.width);
    let rows = taps(window.top, window.height);
    for (row, (upper, lower, down)) in picture.chunks_exact_mut(3 * to).zip(rows) {
        let (upper, lower) = (&photo[3 * from * upper..], &photo[3 * from * lower..]);
        for (pixel, &(left, right, across)) in row.chunks_exact_mut(3).zip(&columns) {
            for (c, value) in pixel.iter_mut().enumerate() {
                let mix = |row: &[u8]| {
                    let (left, right) =
                        (f32::from(row[3 * left + c]), f32::from(row[3 * right + c]));
                    left + (right - left) * across
                };
                let (upper, lower) = (mix(upper), mix(lower));
                *value = (upper + (lower - upper) * down + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_window_at_the_same_size_is_the_photograph() {
        let photo: Vec<u8> = (0..5 * 5 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let mut picture = vec![0; photo.len()];
        resample(&photo, 5, Window::WHOLE, &mut picture, 5);
        assert_eq!(picture, photo);
    }

    #[test]
    fn a_window_shows_its_part() {
        let photo: Vec<u8> = (0..16u8).flat_map(|i| [10 * (i % 4), 10 * (i / 4), 7]).collect();
        let window = Window { left: 0.5, top: 0.25, width: 0.5, height: 0.5 };
        let mut picture = vec![0; 12];
        resample(&photo, 4, window, &mut picture, 2);
        assert_eq!(picture, [20, 10, 7, 30, 10, 7, 20, 20, 7, 30, 20, 7]);
    }

    #[test]
    fn an_upright_window_has_square_pixels_and_fits() {
        for area in [0.25, 0.6, 0.95] {
            for aspect in [0.6, 1.0, 1.5] {
                let (width, height) = unsqueezed(area, aspect, 1.0);
                assert!(width <= 1.0 && height <= 1.0);
                assert!((f64::from(width / height) * aspect - 1.0).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn variations_stay_within_the_photograph_and_repeat() {
        let recipe = Recipe::default();
        let mut aged = 0;
        for seed in 0..200 {
            let mut variation = Variation::draw(seed, &recipe, 1.0);
            let Window { left, top, width, height } = variation.window;
            assert!(left >= 0.0 && top >= 0.0 && left + width <= 1.0001 && top + height <= 1.0001);
            assert!(f64::from(width * height) > 0.79 * recipe.least_area);
            let original: Vec<f32> = (0..64).map(|i| i as f32 * 1.5).collect();
            let mut lightness = original.clone();
            variation.age(&mut lightness, &[20.0; 64], &[-10.0; 64]);
            assert!(lightness.iter().all(|l| (0.0..=100.0).contains(l)));
            aged += usize::from(lightness != original);
            let mut again = original.clone();
            Variation::draw(seed, &recipe, 1.0).age(&mut again, &[20.0; 64], &[-10.0; 64]);
            assert_eq!(lightness, again);
        }
        assert!((60..140).contains(&aged), "{aged} of 200");
    }
}
