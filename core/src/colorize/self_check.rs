//! Whether this processor's instructions predict what plain ones do.

use polychromify_image::isa::{self, Isa};

use crate::nn::arithmetic::Arithmetic;
use crate::nn::device::Device;
use crate::nn::engine::Kernel;
use crate::nn::ops::Instructions;
use crate::nn::weights::Weights;
use crate::{Colorizer, Hints, Orientation, Result, Thumbnail, WorkImage};

/// Width and height in pixels of the picture that is predicted.
const SIDE: u32 = 64;

/// What a set of instructions predicts, beside the plain one.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfCheck {
    /// Names of the loops that predict by it: in floating point, and in integers.
    pub loops: [String; 2],
    /// Largest difference of a* or b* from the prediction by the plain loops: 0 in integers, and in f32
    /// what other rounding makes of it.
    pub difference: f32,
}

impl SelfCheck {
    /// Predicts the colors of a made-up picture with each set of instructions that this processor has,
    /// the plain one first; the last one is what is chosen.
    ///
    /// Meanwhile the whole process uses no more than that set: nothing else should be predicted.
    ///
    /// # Errors
    ///
    /// As [`Colorizer::open_in`] and [`Colorizer::predict`].
    pub fn all(weights: &Weights, device: &Device, arithmetic: Arithmetic) -> Result<Vec<Self>> {
        let image = picture();
        let mut plain: Vec<[f32; 2]> = Vec::new();
        let mut checks: Vec<Self> = Vec::new();
        for instructions in isa::ALL {
            isa::limit(instructions);
            let loops =
                [format!("{:?}", Kernel::best::<f32>()), format!("{:?}", Instructions::best())];
            let map = Colorizer::open_in(weights, device, arithmetic)
                .and_then(|colorizer| colorizer.predict(&image, &Hints::default()));
            isa::limit(Isa::Avx512);
            let map = map?;
            if plain.is_empty() {
                plain = map.chroma().to_vec();
            }
            let pairs = plain.as_flattened().iter().zip(map.chroma().as_flattened());
            let difference = pairs.map(|(plain, found)| (plain - found).abs()).fold(0.0, f32::max);
            if checks.last().is_none_or(|before| before.loops != loops) {
                checks.push(Self { loops, difference });
            }
        }
        Ok(checks)
    }
}

/// Waves of light and dark.
fn picture() -> WorkImage {
    let wave = |i: u32| libm::sinf(i as f32 * 0.3);
    let pixel = |i: u32| 50.0 + 45.0 * wave(i % SIDE) * wave(7 + i / SIDE);
    let mut thumbnail = Thumbnail::new(SIDE, SIDE, Orientation::Upright, (SIDE * SIDE) as usize);
    thumbnail.push_rows(0, &(0..SIDE * SIDE).map(pixel).collect::<Vec<_>>());
    thumbnail.finish().without_borders()
}
