//! Lab conversions over whole rows.

use std::marker::PhantomData;
use std::sync::LazyLock;

use pulp::{Simd, WithSimd};

use super::gamut::{HALVINGS, halve, in_gamut};
use super::space::{self, Encoder, Primaries, RgbSpace};
use super::{Lab, lightness_from_luminance, linear_to_srgb, srgb_to_linear};
use crate::{SamplesMut, isa};

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

/// Turns planes of `(L*, a*, b*)` into linear red, green and blue of a space in place, chroma
/// reduced into its gamut at constant lightness and hue.
///
/// # Panics
///
/// When the lengths differ.
pub fn chroma_rows_to_linear(space: RgbSpace, l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
    assert!(a.len() == l.len() && b.len() == l.len());
    match space {
        RgbSpace::Srgb => LabToLinear::<space::Srgb>::run(l, a, b),
        RgbSpace::AdobeRgb => LabToLinear::<space::AdobeRgb>::run(l, a, b),
        RgbSpace::DisplayP3 => LabToLinear::<space::DisplayP3>::run(l, a, b),
        RgbSpace::ProPhoto => LabToLinear::<space::ProPhoto>::run(l, a, b),
    }
}

/// Encodes planes of linear red, green and blue of a space, 0..=1, to interleaved samples; the
/// planes are used up.
///
/// # Panics
///
/// When the lengths do not fit.
pub fn encode_rows(
    space: RgbSpace,
    red: &mut [f32],
    green: &mut [f32],
    blue: &mut [f32],
    rgb: SamplesMut<'_>,
) {
    assert!(green.len() == red.len() && blue.len() == red.len());
    let encoder = Encoder::of(space);
    for plane in [&mut *red, &mut *green, &mut *blue] {
        match encoder {
            None => isa::arch().dispatch(EncodeInPlace(plane)),
            Some(encoder) => encoder.encode(plane),
        }
    }
    let planes = [&*red, &*green, &*blue];
    match rgb {
        SamplesMut::Eight(rgb) => isa::arch().dispatch(Interleave8 { planes, rgb }),
        SamplesMut::Sixteen(rgb) => interleave(planes, rgb, code_16),
        SamplesMut::Float(rgb) => interleave(planes, rgb, |v| v),
    }
}

fn interleave<S>([r, g, b]: [&[f32]; 3], rgb: &mut [S], sample: impl Fn(f32) -> S) {
    assert_eq!(rgb.len(), 3 * r.len());
    for (((pixel, &r), &g), &b) in rgb.chunks_exact_mut(3).zip(r).zip(g).zip(b) {
        pixel[0] = sample(r);
        pixel[1] = sample(g);
        pixel[2] = sample(b);
    }
}

/// The integer that is nearest to a number from 0 on that is less than 2^22: 2^23 added leaves no bits
/// for a fraction, and the integer in the lowest. A cast, which has to expect every number, takes
/// four times as long.
#[inline(always)]
fn nearest(v: f32) -> u32 {
    (v + 8_388_608.0).to_bits() & 0x3f_ffff
}

#[inline(always)]
fn code_8(v: f32) -> u8 {
    nearest(v * 255.0) as u8
}

#[inline(always)]
fn code_16(v: f32) -> u16 {
    nearest(v * 65535.0) as u16
}

#[inline(always)]
fn luminance([r, g, b]: [f32; 3]) -> f32 {
    let m = super::TO_XYZ[1];
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

struct EncodeInPlace<'a>(&'a mut [f32]);

impl WithSimd for EncodeInPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for v in self.0 {
            *v = linear_to_srgb(*v);
        }
    }
}

/// Encoded planes to 8-bit pixels.
struct Interleave8<'a> {
    planes: [&'a [f32]; 3],
    rgb: &'a mut [u8],
}

impl WithSimd for Interleave8<'_> {
    type Output = ();

    /// A block's pixels become words first, and four words three, written at once.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let ([r, g, b], rgb) = (self.planes.map(<[f32]>::as_chunks::<BLOCK>), self.rgb);
        let (whole, rest) = rgb.split_at_mut(3 * BLOCK * r.0.len());
        let blocks = r.0.iter().zip(g.0).zip(b.0);
        for (((r, g), b), rgb) in blocks.zip(whole.chunks_exact_mut(3 * BLOCK)) {
            let mut words = [0; BLOCK];
            for (i, word) in words.iter_mut().enumerate() {
                let [r, g, b] = [r[i], g[i], b[i]].map(|v| u32::from(code_8(v)));
                *word = r | g << 8 | b << 16;
            }
            for (bytes, w) in rgb.as_chunks_mut::<12>().0.iter_mut().zip(words.as_chunks::<4>().0) {
                let packed = [w[0] | w[1] << 24, w[1] >> 8 | w[2] << 16, w[2] >> 16 | w[3] << 8];
                bytes.as_chunks_mut::<4>().0.copy_from_slice(&packed.map(u32::to_le_bytes));
            }
        }
        interleave([r.1, g.1, b.1], rest, code_8);
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

struct LabToLinear<'a, P> {
    l: &'a mut [f32],
    a: &'a mut [f32],
    b: &'a mut [f32],
    space: PhantomData<P>,
}

impl<'a, P: Primaries> LabToLinear<'a, P> {
    fn run(l: &'a mut [f32], a: &'a mut [f32], b: &'a mut [f32]) {
        isa::arch().dispatch(Self { l, a, b, space: PhantomData });
    }
}

/// Pixels mapped together: enough for the widest vectors.
const BLOCK: usize = 32;

impl<P: Primaries> WithSimd for LabToLinear<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { l, a, b, .. } = self;
        let mut outside = Outside::default();
        for start in (0..l.len()).step_by(BLOCK) {
            let end = l.len().min(start + BLOCK);
            // Whole blocks are copied as what they are; a length that is not known is a call.
            let block = |plane: &[f32]| {
                if let Some(whole) = plane[start..].first_chunk() {
                    return *whole;
                }
                let mut padded = [0.0; BLOCK];
                padded[..end - start].copy_from_slice(&plane[start..]);
                padded
            };
            let lab = [block(l), block(a), block(b)];
            let (rgb, fits) = to_linear_block::<P>(&lab);
            for (plane, values) in [&mut *l, &mut *a, &mut *b].into_iter().zip(&rgb) {
                match plane[start..].first_chunk_mut() {
                    Some(whole) => *whole = *values,
                    None => plane[start..].copy_from_slice(&values[..end - start]),
                }
            }
            if fits.iter().fold(1, |all, fits| all & fits) != 0 {
                continue;
            }
            for i in (0..end - start).filter(|&i| fits[i] == 0) {
                if outside.push(start + i, lab.map(|plane| plane[i])) == BLOCK {
                    outside.fit::<P>([&mut *l, &mut *a, &mut *b]);
                }
            }
        }
        outside.fit::<P>([l, a, b]);
    }
}

/// Linear red, green and blue of a block, each in 0..=1, and where that is the color asked for. No
/// branches, so that it is a few vector instructions.
#[inline(always)]
fn to_linear_block<P: Primaries>(
    [l, a, b]: &[[f32; BLOCK]; 3],
) -> ([[f32; BLOCK]; 3], [u32; BLOCK]) {
    let (mut rgb, mut fits) = ([[0.0_f32; BLOCK]; 3], [0_u32; BLOCK]);
    for i in 0..BLOCK {
        let linear = Lab { l: l[i], a: a[i], b: b[i] }.to_linear_of::<P>();
        fits[i] = u32::from(in_gamut(linear));
        [rgb[0][i], rgb[1][i], rgb[2][i]] = linear.map(|v| v.clamp(0.0, 1.0));
    }
    (rgb, fits)
}

/// Pixels outside of the gamut, collected so that a block of them is mapped at once.
struct Outside {
    lab: [[f32; BLOCK]; 3],
    /// Where they are in the planes.
    places: [usize; BLOCK],
    count: usize,
}

impl Default for Outside {
    fn default() -> Self {
        Self { lab: [[0.0; BLOCK]; 3], places: [0; BLOCK], count: 0 }
    }
}

impl Outside {
    /// Adds one, and tells how many there are now.
    #[inline(always)]
    fn push(&mut self, place: usize, lab: [f32; 3]) -> usize {
        for (plane, value) in self.lab.iter_mut().zip(lab) {
            plane[self.count] = value;
        }
        self.places[self.count] = place;
        self.count += 1;
        self.count
    }

    /// [`fit_chroma_in`](super::gamut::fit_chroma_in) step by step for the block, into the planes: the
    /// same arithmetic, so the same colors.
    #[inline(always)]
    fn fit<P: Primaries>(&mut self, planes: [&mut [f32]; 3]) {
        let [l, a, b] = &mut self.lab;
        let (mut inside, mut outside) = ([0.0_f32; BLOCK], [1.0_f32; BLOCK]);
        for _ in 0..HALVINGS {
            for i in 0..BLOCK {
                let lab = Lab { l: l[i], a: a[i], b: b[i] };
                (inside[i], outside[i]) = halve::<P>(lab, inside[i], outside[i]);
            }
        }
        for i in 0..BLOCK {
            (a[i], b[i]) = (a[i] * inside[i], b[i] * inside[i]);
        }
        let (rgb, _) = to_linear_block::<P>(&self.lab);
        for (plane, values) in planes.into_iter().zip(&rgb) {
            for (&place, &value) in self.places[..self.count].iter().zip(values) {
                plane[place] = value;
            }
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::fit_chroma;

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
