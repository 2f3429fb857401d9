//! Rows of linear red, green and blue to interleaved samples.

use pulp::{Simd, WithSimd};

use super::fit::BLOCK;
use crate::color::lab::linear_to_srgb;
use crate::color::lab::space::{Encoder, RgbSpace};
use crate::{SamplesMut, isa};

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
pub(super) fn code_8(v: f32) -> u8 {
    nearest(v * 255.0) as u8
}

#[inline(always)]
pub(super) fn code_16(v: f32) -> u16 {
    nearest(v * 65535.0) as u16
}

/// Linear values to those of sRGB.
pub(super) struct EncodeInPlace<'a>(pub(super) &'a mut [f32]);

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
pub(super) struct Interleave8<'a> {
    pub(super) planes: [&'a [f32]; 3],
    pub(super) rgb: &'a mut [u8],
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
