//! Lab conversions over whole rows.

mod encode;
mod fit;

use std::sync::LazyLock;

use pulp::{Simd, WithSimd};

use super::{Lab, lightness_from_luminance, srgb_to_linear};
use crate::isa;
pub use encode::encode_rows;
pub use fit::chroma_rows_to_linear;

/// Linear value of each 8-bit sRGB code.
static LINEAR_8: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|code| srgb_to_linear(code as f32 / 255.0)));

/// Linear value of each 16-bit sRGB code.
static LINEAR_16: LazyLock<Vec<f32>> = LazyLock::new(|| {
    (0..=u16::MAX).map(|code| srgb_to_linear(f32::from(code) / 65535.0)).collect()
});

/// CIE L* (0..=100) of interleaved 8-bit sRGB; `lightness` has a third of the length.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn lightness_from_srgb8(rgb: &[u8], lightness: &mut [f32]) {
    assert_eq!(rgb.len(), 3 * lightness.len());
    let table = &*LINEAR_8;
    for (pixel, l) in rgb.chunks_exact(3).zip(&mut *lightness) {
        *l = luminance(std::array::from_fn(|c| table[usize::from(pixel[c])]));
    }
    isa::arch().dispatch(LightnessInPlace(lightness));
}

/// CIE L* (0..=100) of interleaved 16-bit sRGB; `lightness` has a third of the length.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn lightness_from_srgb16(rgb: &[u16], lightness: &mut [f32]) {
    assert_eq!(rgb.len(), 3 * lightness.len());
    let table = &LINEAR_16[..];
    for (pixel, l) in rgb.chunks_exact(3).zip(&mut *lightness) {
        *l = luminance(std::array::from_fn(|c| table[usize::from(pixel[c])]));
    }
    isa::arch().dispatch(LightnessInPlace(lightness));
}

/// CIE L*, clamped to 0..=100, of interleaved linear sRGB whose pixels have `channels` values, the
/// first three red, green and blue in any range; what is no number counts as black.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn lightness_from_linear(pixels: &[f32], channels: usize, lightness: &mut [f32]) {
    assert!(channels >= 3 && pixels.len() == channels * lightness.len());
    for (pixel, l) in pixels.chunks_exact(channels).zip(&mut *lightness) {
        let y = luminance([pixel[0], pixel[1], pixel[2]]);
        *l = if y.is_nan() { 0.0 } else { y.clamp(0.0, 1.0) };
    }
    isa::arch().dispatch(LightnessInPlace(lightness));
}

/// Planes of L*, a* and b* of interleaved 8-bit sRGB.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn planes_from_srgb8(rgb: &[u8], l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
    assert!(rgb.len() == 3 * l.len() && a.len() == l.len() && b.len() == l.len());
    let table = &*LINEAR_8;
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        l[i] = table[usize::from(pixel[0])];
        a[i] = table[usize::from(pixel[1])];
        b[i] = table[usize::from(pixel[2])];
    }
    isa::arch().dispatch(LinearToLab { l, a, b });
}

/// Holds lightness to 0..=100 and splits it into the node below it, of `nodes` that lie evenly over
/// the range, and the fraction of the way to the next; the node is at most `nodes - 2`.
///
/// # Panics
///
/// When the lengths differ.
pub fn nodes_of(lightness: &mut [f32], nodes: usize, below: &mut [u32], up: &mut [f32]) {
    assert!(below.len() == lightness.len() && up.len() == lightness.len());
    isa::arch().dispatch(NodesOf { lightness, last: nodes as f32 - 1.0, below, up });
}

/// Splits pairs of `(a*, b*)` times `factor` into planes.
///
/// # Panics
///
/// When the lengths differ.
pub fn split_chroma(chroma: &[[f32; 2]], factor: f32, a: &mut [f32], b: &mut [f32]) {
    assert!(a.len() == chroma.len() && b.len() == chroma.len());
    isa::arch().dispatch(SplitChroma { chroma, factor, a, b });
}

#[inline(always)]
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    let m = super::matrix::TO_XYZ[1];
    m[0] * r + m[1] * g + m[2] * b
}

/// Pairs of chroma to planes.
struct SplitChroma<'a> {
    chroma: &'a [[f32; 2]],
    factor: f32,
    a: &'a mut [f32],
    b: &'a mut [f32],
}

impl WithSimd for SplitChroma<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((chroma, a), b) in self.chroma.iter().zip(self.a).zip(self.b) {
            (*a, *b) = (chroma[0] * self.factor, chroma[1] * self.factor);
        }
    }
}

/// Relative luminance to L*.
struct LightnessInPlace<'a>(&'a mut [f32]);

impl WithSimd for LightnessInPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for v in self.0 {
            *v = lightness_from_luminance(*v);
        }
    }
}

/// Linear red, green, blue in the three planes to L*, a*, b*.
struct LinearToLab<'a> {
    l: &'a mut [f32],
    a: &'a mut [f32],
    b: &'a mut [f32],
}

impl WithSimd for LinearToLab<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((l, a), b) in self.l.iter_mut().zip(self.a).zip(self.b) {
            let lab = Lab::from_linear([*l, *a, *b]);
            (*l, *a, *b) = (lab.l, lab.a, lab.b);
        }
    }
}

struct NodesOf<'a> {
    lightness: &'a mut [f32],
    last: f32,
    below: &'a mut [u32],
    up: &'a mut [f32],
}

impl WithSimd for NodesOf<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((l, below), up) in self.lightness.iter_mut().zip(self.below).zip(self.up) {
            *l = l.clamp(0.0, 100.0);
            let position = (*l * (self.last / 100.0)).clamp(0.0, self.last);
            let node = position.floor().min(self.last - 1.0);
            (*below, *up) = (node as u32, position - node);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::encode::{EncodeInPlace, Interleave8, code_8, code_16};
    use super::fit::{BLOCK, LabToLinear};
    use super::*;
    use crate::SamplesMut;
    use crate::color::lab::fit_chroma;
    use crate::color::lab::space::{self, RgbSpace};

    fn codes_8() -> Vec<u8> {
        (0..3 * 4101_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[test]
    fn rows_give_what_single_pixels_give() {
        let rgb = codes_8();
        let n = rgb.len() / 3;
        let (mut l, mut a, mut b) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        planes_from_srgb8(&rgb, &mut l, &mut a, &mut b);
        let mut lightness = vec![0.0; n];
        lightness_from_srgb8(&rgb, &mut lightness);
        let wide: Vec<u16> = rgb.iter().map(|&v| u16::from(v) * 257).collect();
        let mut lightness_16 = vec![0.0; n];
        lightness_from_srgb16(&wide, &mut lightness_16);
        for i in 0..n {
            let pixel = std::array::from_fn(|c| f32::from(rgb[3 * i + c]) / 255.0);
            let lab = Lab::from_srgb(pixel);
            assert_eq!((l[i], a[i], b[i]), (lab.l, lab.a, lab.b));
            assert_eq!(lightness[i], lab.l);
            assert!((lightness_16[i] - lab.l).abs() < 1e-4);
        }
    }

    #[test]
    fn linear_light_has_the_lightness_of_its_srgb_codes() {
        let rgb = codes_8();
        let n = rgb.len() / 3;
        let (mut expected, mut found) = (vec![0.0; n], vec![0.0; n]);
        lightness_from_srgb8(&rgb, &mut expected);
        let linear = |code: &u8| srgb_to_linear(f32::from(*code) / 255.0);
        let pixels: Vec<f32> = rgb
            .chunks_exact(3)
            .flat_map(|p| [linear(&p[0]), linear(&p[1]), linear(&p[2]), 0.5])
            .collect();
        lightness_from_linear(&pixels, 4, &mut found);
        assert!(expected.iter().zip(&found).all(|(e, f)| (e - f).abs() < 1e-3));
    }

    #[test]
    fn linear_light_beyond_its_range_and_what_is_no_number_stay_in_0_to_100() {
        let mut found = [50.0; 4];
        let [white, black] = [[8.0; 3], [-1.0; 3]];
        let pixels = [white, black, [f32::NAN; 3], [f32::INFINITY, f32::NEG_INFINITY, 0.0]];
        lightness_from_linear(pixels.as_flattened(), 3, &mut found);
        assert_eq!(found, [100.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn eight_bit_colors_survive_the_way_through_lab() {
        let rgb = codes_8();
        let n = rgb.len() / 3;
        let (mut l, mut a, mut b) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        planes_from_srgb8(&rgb, &mut l, &mut a, &mut b);
        chroma_rows_to_linear(RgbSpace::Srgb, &mut l, &mut a, &mut b);
        let mut back = vec![0; rgb.len()];
        encode_rows(RgbSpace::Srgb, &mut l, &mut a, &mut b, SamplesMut::Eight(&mut back));
        assert_eq!(rgb, back);
    }

    #[test]
    fn codes_are_the_nearest() {
        for i in 0..=1_000_000_u32 {
            let v = i as f32 / 1e6;
            assert_eq!(u32::from(code_8(v)), (v * 255.0).round_ties_even() as u32);
            assert_eq!(u32::from(code_16(v)), (v * 65535.0).round_ties_even() as u32);
        }
    }

    #[test]
    fn every_16_bit_gray_comes_back_within_one_step() {
        let mut l: Vec<f32> = LINEAR_16.iter().map(|&y| lightness_from_luminance(y)).collect();
        let (mut a, mut b) = (vec![0.0; l.len()], vec![0.0; l.len()]);
        chroma_rows_to_linear(RgbSpace::Srgb, &mut l, &mut a, &mut b);
        let mut rgb = vec![0_u16; 3 * l.len()];
        encode_rows(RgbSpace::Srgb, &mut l, &mut a, &mut b, SamplesMut::Sixteen(&mut rgb));
        for (code, pixel) in rgb.chunks_exact(3).enumerate() {
            for &v in pixel {
                assert!(usize::from(v).abs_diff(code) <= 1, "{code} became {pixel:?}");
            }
        }
    }

    #[test]
    fn every_set_of_instructions_gives_equal_results() {
        let rgb = codes_8();
        let n = rgb.len() / 3;
        let results = isa::ALL.map(|isa| {
            let arch = isa::best_up_to(isa);
            let linear =
                |c: usize| rgb.chunks_exact(3).map(|p| LINEAR_8[usize::from(p[c])]).collect();
            let [mut l, mut a, mut b]: [Vec<f32>; 3] = [0, 1, 2].map(linear);
            let mut lightness = b.clone();
            arch.dispatch(LightnessInPlace(&mut lightness));
            arch.dispatch(LinearToLab { l: &mut l, a: &mut a, b: &mut b });
            let lab = [l.clone(), a.clone(), b.clone()];
            let (mut below, mut up) = (vec![0; n], vec![0.0; n]);
            arch.dispatch(NodesOf {
                lightness: &mut l,
                last: 15.0,
                below: &mut below,
                up: &mut up,
            });
            // Far outside of the gamut, many of them.
            let chroma: Vec<[f32; 2]> = a.iter().zip(&b).map(|(&a, &b)| [a, b]).collect();
            arch.dispatch(SplitChroma { chroma: &chroma, factor: 1.5, a: &mut a, b: &mut b });
            let space = PhantomData::<space::Srgb>;
            arch.dispatch(LabToLinear { l: &mut l, a: &mut a, b: &mut b, space });
            for plane in [&mut l, &mut a, &mut b] {
                arch.dispatch(EncodeInPlace(plane));
            }
            let mut codes = vec![0; 3 * n];
            arch.dispatch(Interleave8 { planes: [&l, &a, &b], rgb: &mut codes });
            (lightness, lab, below, up, [l, a, b], codes)
        });
        assert!(results.iter().all(|result| *result == results[0]));
    }

    #[test]
    fn lengths_that_are_no_multiple_of_the_block_are_mapped_like_the_rest() {
        let color = Lab { l: 60.0, a: 110.0, b: 20.0 };
        let (_, expected) = fit_chroma(color);
        for n in [1, 7, BLOCK, BLOCK + 1] {
            let (mut l, mut a, mut b) = (vec![color.l; n], vec![color.a; n], vec![color.b; n]);
            chroma_rows_to_linear(RgbSpace::Srgb, &mut l, &mut a, &mut b);
            assert!((0..n).all(|i| [l[i], a[i], b[i]] == expected), "{n} pixels");
        }
    }
}
