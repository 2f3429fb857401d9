//! Photographs as collections have them: lightness of old film, its scratches, its scan.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::filters::{ToneCurve, add_grain, blur, compress};

/// A picture that is made to look old: planes of `size` x `size` pixels.
#[derive(Debug)]
pub(crate) struct Picture<'a> {
    /// Height and width in pixels.
    pub(crate) size: usize,
    /// L*, 0..=100.
    pub(crate) lightness: &'a mut [f32],
    pub(crate) a: &'a mut [f32],
    pub(crate) b: &'a mut [f32],
}

/// Makes a photograph old, each change in some of the pictures: the emulsion's response to color, its
/// tone curve and fading, a soft lens, scratches and dust, the border of a scan, grain, and JPEG of
/// the web's first years. Chroma stays, but that it falls where the tone curve darkens (what is nearly
/// black is nearly gray: a loud truth there would teach red shadows), and that borders are gray.
pub(crate) fn age(picture: &mut Picture<'_>, random: &mut ChaCha8Rng) {
    let size = picture.size;
    if random.random_bool(0.5) {
        respond(picture, random);
    }
    if random.random_bool(0.75) {
        darken(picture, &tone(random));
    }
    if random.random_bool(0.3) {
        for _ in 0..random.random_range(1..=4) {
            blur(picture.lightness, size);
        }
    }
    if random.random_bool(0.15) {
        scratch(picture, random);
    }
    if random.random_bool(0.12) {
        frame(picture, random);
    }
    if random.random_bool(0.45) {
        // Fine grain is common, strong grain rare.
        let deviation = 1.0 + 7.0 * random.random::<f32>().powi(2);
        add_grain(picture.lightness, size, random.random(), deviation, random.random_range(0..=2));
    }
    if random.random_bool(0.25) {
        compress(picture.lightness, size, random.random_range(12..=50));
    }
}

/// Orthochromatic film is blind to red (positive a) and keen on blue (negative b); a filter before
/// panchromatic film does the reverse.
fn respond(picture: &mut Picture<'_>, random: &mut ChaCha8Rng) {
    let (red, blue) = (random.random_range(-0.1f32..0.3), random.random_range(-0.1f32..0.25));
    let chroma = picture.a.iter().zip(&*picture.b);
    for (l, (a, b)) in picture.lightness.iter_mut().zip(chroma) {
        *l = (*l - red * a - blue * b).clamp(0.0, 100.0);
    }
}

/// L* below which lightness is taken to be this when chroma follows it: a ratio to 0 says nothing.
pub(crate) const FLOOR: f32 = 2.0;

/// Puts lightness through a curve; chroma follows where it falls, as in a photograph that is exposed
/// less: both go with the cube root of light.
fn darken(picture: &mut Picture<'_>, curve: &ToneCurve) {
    curve.apply_with(picture.lightness, |i, before, after| {
        let exposure = (after.max(FLOOR) / before.max(FLOOR)).min(1.0);
        picture.a[i] *= exposure;
        picture.b[i] *= exposure;
    });
}

/// A gamma, an S or its reverse, and where black and white lie: faded to gray, or blocked up.
fn tone(random: &mut ChaCha8Rng) -> ToneCurve {
    let gamma = random.random_range(0.65f32.ln()..1.6f32.ln()).exp();
    let contrast = random.random_range(-0.4f32..0.8);
    let (black, white) = if random.random_bool(0.5) {
        (random.random_range(-10.0f32..22.0), random.random_range(75.0f32..112.0))
    } else {
        (0.0, 100.0)
    };
    ToneCurve::new(|share| {
        let share = share.powf(gamma);
        let steep = share * share * (3.0 - 2.0 * share);
        black + (white - black) * (share + (steep - share) * contrast)
    })
}

/// Lines along the film's way, and spots of dust, lighter or darker than what they lie on.
fn scratch(picture: &mut Picture<'_>, random: &mut ChaCha8Rng) {
    let size = picture.size;
    let mut touch = |x: usize, y: usize, change: f32| {
        if x < size && y < size {
            let l = &mut picture.lightness[y * size + x];
            *l = (*l + change).clamp(0.0, 100.0);
        }
    };
    for _ in 0..random.random_range(0..5) {
        let change = random.random_range(-40.0f32..60.0);
        let (from, to) = (random.random_range(0..size), random.random_range(0..size));
        let (start, slope) = (random.random_range(0..size), random.random_range(-0.06f32..0.06));
        let upright = random.random_bool(0.8);
        for along in from.min(to)..=from.max(to) {
            let across = (start as f32 + slope * along as f32) as usize;
            let (x, y) = if upright { (across, along) } else { (along, across) };
            touch(x, y, change);
        }
    }
    for _ in 0..random.random_range(0..25) {
        let change = random.random_range(-60.0f32..70.0);
        let (x, y) = (random.random_range(0..size), random.random_range(0..size));
        let side = random.random_range(1..=3);
        for place in 0..side * side {
            touch(x + place % side, y + place / side, change);
        }
    }
}

/// A border of paper, of a mount or of a black mask on some sides: gray, of even lightness.
fn frame(picture: &mut Picture<'_>, random: &mut ChaCha8Rng) {
    let size = picture.size;
    let shade = if random.random_bool(0.5) {
        random.random_range(82.0f32..100.0)
    } else {
        random.random_range(0.0f32..15.0)
    };
    let mut width = || {
        let widest = size as f32 * 0.1;
        if random.random_bool(0.6) { 1 + (random.random::<f32>() * widest) as usize } else { 0 }
    };
    let [left, right, top, bottom] = [width(), width(), width(), width()];
    for y in 0..size {
        for x in 0..size {
            if x < left || y < top || x + right >= size || y + bottom >= size {
                picture.lightness[y * size + x] = shade;
                picture.a[y * size + x] = 0.0;
                picture.b[y * size + x] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const SIZE: usize = 32;

    fn planes() -> [Vec<f32>; 3] {
        let ramp = (0..SIZE * SIZE).map(|i| (i % SIZE) as f32 * 3.0).collect();
        [ramp, vec![20.0; SIZE * SIZE], vec![-10.0; SIZE * SIZE]]
    }

    fn changed(change: impl Fn(&mut Picture<'_>, &mut ChaCha8Rng), seed: u64) -> [Vec<f32>; 3] {
        let [mut lightness, mut a, mut b] = planes();
        let mut picture = Picture { size: SIZE, lightness: &mut lightness, a: &mut a, b: &mut b };
        change(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
        [lightness, a, b]
    }

    #[test]
    fn old_pictures_keep_to_the_range_and_repeat() {
        for seed in 0..200 {
            let [lightness, a, b] = changed(age, seed);
            assert!(lightness.iter().all(|l| (0.0..=100.0).contains(l)), "{seed}");
            assert_eq!([lightness, a, b], changed(age, seed));
        }
    }

    #[test]
    fn the_hue_stays_chroma_never_grows_and_borders_are_gray() {
        let mut bordered = 0;
        for seed in 0..100 {
            let [_, a, b] = changed(age, seed);
            let fits =
                |(a, b): (&f32, &f32)| (0.0..=20.0).contains(a) && (a + 2.0 * b).abs() < 1e-4;
            assert!(a.iter().zip(&b).all(fits));
            bordered += usize::from(a.contains(&0.0));
        }
        assert!((3..25).contains(&bordered), "{bordered} of 100");
    }

    #[test]
    fn what_becomes_black_becomes_gray() {
        let curve = ToneCurve::new(|share| 100.0 * (share - 0.3));
        let [lightness, a, _] = changed(|picture, _| darken(picture, &curve), 0);
        let (black, light) = (5, SIZE - 1);
        assert_eq!(lightness[black], 0.0);
        assert!(a[black] < 3.0 && a[light] > 12.0, "{} {}", a[black], a[light]);
    }

    #[test]
    fn a_border_is_even_and_leaves_the_middle() {
        for seed in 0..20 {
            let [lightness, a, _] = changed(frame, seed);
            let middle = SIZE * SIZE / 2 + SIZE / 2;
            assert_eq!((lightness[middle], a[middle]), (48.0, 20.0));
            let shades: Vec<f32> =
                lightness.iter().zip(&a).filter(|(_, a)| **a == 0.0).map(|(l, _)| *l).collect();
            assert!(shades.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }
}
