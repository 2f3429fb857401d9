//! Modern photographs in the tones and the palette of the first color film.
//!
//! Kodachromes of 1939 to 1944 (`color-train`) beside `people` and `more`, by `scripts/palette
//! CACHE`: mean L* 37 beside 49, 22 % of the pixels below L* 15 beside 12 %, the 98th percentile of a
//! photograph's L* 77 beside 88; mean chroma 11.8 beside 15.6, its 90th percentile 24 beside 36, its
//! 99th 42 beside 66; in the dark (L* below 15) a 90th percentile of chroma of 12 beside 17.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::film::{FLOOR, Picture};
use super::filters::ToneCurve;

/// Gamma of lightness: 1.3 turns a mean L* of 49 into one of 40.
const GAMMA: std::ops::Range<f32> = 1.05..1.55;
/// What white becomes.
const WHITE: std::ops::Range<f32> = 84.0..100.0;
/// Chroma at which the film shows half of it, as one over its units: c / (1 + c * SHOULDER).
const SHOULDER: std::ops::Range<f32> = 0.0..0.006;
/// Least L* of the dark in which color dies away, and the share of it that is left in black.
const SHADOW: f32 = 18.0;
const LEFT_IN_BLACK: std::ops::Range<f32> = 0.3..1.0;

/// Changes lightness and chroma together: a darker tone curve, chroma that follows it as it does when
/// a photograph is exposed less (both go with the cube root of light), loud colors held back, and
/// shadows nearly without color.
pub(crate) fn restrain(picture: &mut Picture<'_>, random: &mut ChaCha8Rng) {
    let gamma = random.random_range(GAMMA);
    let white = random.random_range(WHITE);
    let shoulder = random.random_range(SHOULDER);
    let left = random.random_range(LEFT_IN_BLACK);
    let curve = ToneCurve::new(|share| white * share.powf(gamma));
    curve.apply_with(picture.lightness, |i, before, after| {
        let (a, b) = (&mut picture.a[i], &mut picture.b[i]);
        let exposure = (after.max(FLOOR) / before.max(FLOOR)).min(1.0);
        let shadow = left + (1.0 - left) * (after / SHADOW).min(1.0);
        let chroma = (*a * *a + *b * *b).sqrt() * exposure;
        let factor = exposure * shadow / (1.0 + shoulder * chroma);
        *a *= factor;
        *b *= factor;
    });
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Lightness and `a` before and after, over seeds; `b` is 0.
    fn after(lightness: f32, a: f32) -> (f32, f32) {
        let mut sums = (0.0, 0.0);
        for seed in 0..200 {
            let (mut l, mut a, mut b) = ([lightness], [a], [0.0]);
            let mut picture = Picture { size: 1, lightness: &mut l, a: &mut a, b: &mut b };
            restrain(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
            assert!(l[0] <= lightness && b == [0.0]);
            sums = (sums.0 + l[0] / 200.0, sums.1 + a[0] / 200.0);
        }
        sums
    }

    #[test]
    fn the_middle_of_modern_photographs_becomes_that_of_kodachromes() {
        let (lightness, chroma) = after(49.0, 15.6);
        assert!((34.0..41.0).contains(&lightness) && (10.5..13.0).contains(&chroma));
    }

    #[test]
    fn loud_colors_lose_a_greater_share_and_blacks_nearly_all() {
        let share = |lightness, chroma| after(lightness, chroma).1 / chroma;
        assert!(share(49.0, 66.0) < 0.93 * share(49.0, 15.0));
        assert!(share(8.0, 15.0) < 0.8 * share(49.0, 15.0));
    }
}
