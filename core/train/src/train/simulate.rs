//! Hints as a user might give them, taken from what a photograph is.
//!
//! After Zhang, Zhu, Isola and others 2017, <https://arxiv.org/abs/1705.02999>, section 3.1: the
//! number of points is drawn from a geometric distribution with p = 1/8, their places from a
//! normal distribution about the center with a deviation of a quarter of the side, their sizes
//! evenly from 1 to 9 pixels; each shows the mean color of its square. In one of a hundred pictures
//! everything is shown.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

const MORE_POINTS: f64 = 7.0 / 8.0;
const EVERYTHING: f64 = 0.01;
const LARGEST: usize = 9;

/// Draws hints for a picture of `size` x `size` pixels: from `chroma`, two planes, to `hints`, the
/// same two where a hint is, and the mask.
pub(crate) fn simulate(random: &mut ChaCha8Rng, size: usize, chroma: &[f32], hints: &mut [f32]) {
    let area = size * size;
    if random.random_bool(EVERYTHING) {
        hints[..2 * area].copy_from_slice(chroma);
        hints[2 * area..].fill(1.0);
        return;
    }
    while random.random_bool(MORE_POINTS) {
        let mut place = || (size as f32 * (0.5 + 0.25 * normal(random))).max(0.0) as usize;
        let (x, y) = (place().min(size - 1), place().min(size - 1));
        point(size, [x, y], random.random_range(1..=LARGEST), chroma, hints);
    }
}

/// Shows the mean color of the square of `side` pixels about a pixel, as far as it lies within.
pub(crate) fn point(
    size: usize,
    [x, y]: [usize; 2],
    side: usize,
    chroma: &[f32],
    hints: &mut [f32],
) {
    let area = size * size;
    let span = |center: usize| {
        let first = center.saturating_sub(side / 2);
        first..(first + side).min(size)
    };
    let pixels = || span(y).flat_map(|y| span(x).map(move |x| y * size + x));
    let count = pixels().count() as f32;
    for plane in 0..2 {
        let mean = pixels().map(|i| chroma[plane * area + i]).sum::<f32>() / count;
        pixels().for_each(|i| hints[plane * area + i] = mean);
    }
    pixels().for_each(|i| hints[2 * area + i] = 1.0);
}

/// Twelve uniform draws less 6: nearly normal, of deviation 1.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn hints_show_what_is_there_and_nothing_elsewhere() {
        let size = 32;
        let area = size * size;
        // Even planes: a mean over any square is the color itself.
        let chroma = [vec![0.25; area], vec![-0.5; area]].concat();
        let (mut points, mut shown) = (0, 0);
        for seed in 0..300 {
            let mut hints = vec![0.0; 3 * area];
            simulate(&mut ChaCha8Rng::seed_from_u64(seed), size, &chroma, &mut hints);
            for i in 0..area {
                let mask = hints[2 * area + i];
                assert!(mask == 0.0 || mask == 1.0);
                assert_eq!([hints[i], hints[area + i]], [0.25 * mask, -0.5 * mask]);
            }
            let masked = hints[2 * area..].iter().sum::<f32>() as usize;
            points += usize::from(masked > 0);
            shown += usize::from(masked == area);
        }
        assert!((240..290).contains(&points), "{points} of 300 have hints");
        assert!((1..12).contains(&shown), "{shown} of 300 show everything");
    }

    #[test]
    fn a_point_is_the_mean_of_its_square() {
        let chroma: Vec<f32> = (0..32).map(|i| if i < 16 { i as f32 } else { 1.0 }).collect();
        let mut hints = vec![0.0; 48];
        point(4, [1, 1], 2, &chroma, &mut hints);
        let shown = [0, 1, 4, 5];
        for i in 0..16 {
            let expected = if shown.contains(&i) { [2.5, 1.0, 1.0] } else { [0.0; 3] };
            assert_eq!([hints[i], hints[16 + i], hints[32 + i]], expected, "{i}");
        }
    }
}
