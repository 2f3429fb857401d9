//! Rows of Lab to linear red, green and blue, a block of pixels at a time.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use crate::color::lab::Lab;
use crate::color::lab::gamut::{HALVINGS, halve, in_gamut};
use crate::color::lab::space::{self, Primaries, RgbSpace};
use crate::isa;

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

/// Planes of L*, a*, b* to linear red, green and blue of a space.
pub(super) struct LabToLinear<'a, P> {
    pub(super) l: &'a mut [f32],
    pub(super) a: &'a mut [f32],
    pub(super) b: &'a mut [f32],
    pub(super) space: PhantomData<P>,
}

impl<'a, P: Primaries> LabToLinear<'a, P> {
    fn run(l: &'a mut [f32], a: &'a mut [f32], b: &'a mut [f32]) {
        isa::arch().dispatch(Self { l, a, b, space: PhantomData });
    }
}

/// Pixels mapped together: enough for the widest vectors.
pub(super) const BLOCK: usize = 32;

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

    /// [`fit_chroma_in`](super::super::gamut::fit_chroma_in) step by step for the block, into the planes: the
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
