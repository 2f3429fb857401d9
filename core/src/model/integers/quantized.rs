//! A layer's weights in integers: as a weights file holds them, and checked.
//!
//! A result is `clamp((sum of weight * activation + bias) >> shift, range)`, for each output channel.
//! The steps of what goes in and of what comes out are part of the weights, and so is a power of two,
//! the greatest with which neither a weight nor a sum leaves its bits.

use super::plan::{BINS, Kind, Layer, Plan, STEM};
use crate::ops::integer::MOST_SHIFT;
use crate::weights::{Integers, Numbers};

/// Greatest activation, of 13 bits and a sign: sums of 2,448 products leave 11 bits to weights.
pub(super) const GREATEST: i16 = 8191;

/// Steps of lightness to one of L*, and the L* of 0: that of `ImageNet`'s mean, at which the border
/// of a picture lies.
pub(super) const LIGHTNESS_STEPS: f32 = 256.;
pub(super) const LIGHTNESS_ZERO: f32 = 45.;
/// Greatest lightness in steps, 55 above 45.
pub(super) const GREATEST_LIGHTNESS: i16 = 55 * 256;

/// Greatest number of a plane of hints: `(a, b) / 128` of 1, and the mask.
pub(super) const GREATEST_HINT: i16 = 8192;

/// Planes of hints: `(a, b)` and the mask.
pub(super) const PLANES: usize = 3;

/// Steps of what chroma is the hyperbolic tangent of: up to 4.
pub(super) const CHROMA_STEPS: f32 = 8192.;

/// Sums stay below this, so that a residual can be added to one that is not shifted.
const MOST_SUM: i64 = (1 << 31) - (1 << 16);

/// Weights and bias of a layer.
#[derive(Clone, Debug)]
pub(super) struct Quantized {
    /// `(Cout, Cin, K, K)`.
    pub(super) weight: Vec<i16>,
    /// `(Cout, 3, 3, 3)`; empty where hints are no input.
    pub(super) hints: Vec<i16>,
    pub(super) bias: Vec<i32>,
    pub(super) shift: Vec<u8>,
    /// Least and greatest result.
    pub(super) range: [i16; 2],
}

/// Shapes of a layer's tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) outputs: usize,
    /// Channels that each output sees.
    pub(super) inputs: usize,
    pub(super) area: usize,
    /// Whether it has weights for hints.
    pub(super) hints: bool,
}

impl Shape {
    pub(super) fn of(plan: &Plan, layer: &Layer) -> Self {
        let channels = || layer.sources.iter().map(|source| plan.values[source.value].channels);
        let outputs = match layer.kind {
            Kind::Stem => STEM,
            Kind::Chroma => 2,
            Kind::Bins => BINS,
            _ => plan.values[layer.value].channels,
        };
        let inputs = match layer.kind {
            Kind::Stem | Kind::Depthwise { .. } => 1,
            _ => channels().sum(),
        };
        let hints = plan.hints && matches!(layer.kind, Kind::Stem | Kind::Joined(_));
        Self { outputs, inputs, area: layer.kernel().pow(2), hints }
    }
}

/// Name of the tensor of a layer's weights for hints.
pub(super) fn hints_name(kind: Kind) -> String {
    match kind {
        Kind::Joined(step) => format!("hints.decoder.{step}.weight"),
        _ => "hints.stem.weight".to_owned(),
    }
}

impl Quantized {
    /// The layer as a file has it: tensors `NAME.weight` and `NAME.range` of i16, `NAME.bias` of i32
    /// and `NAME.shift` of u8.
    ///
    /// # Errors
    ///
    /// When a tensor is missing or of another type or length.
    pub(super) fn read(file: &Integers, plan: &Plan, layer: &Layer) -> Result<Self, String> {
        let Shape { outputs, inputs, area, hints } = Shape::of(plan, layer);
        let name = |part: &str| format!("{}.{part}", layer.name);
        let hints = if hints {
            file.i16(&hints_name(layer.kind), outputs * PLANES * area)?.to_vec()
        } else {
            Vec::new()
        };
        let shift = match file.get(&name("shift"), outputs)? {
            Numbers::U8(shift) => shift.clone(),
            _ => return Err(format!("tensor `{}` is not of u8", name("shift"))),
        };
        let bias = match file.get(&name("bias"), outputs)? {
            Numbers::I32(bias) => bias.clone(),
            _ => return Err(format!("tensor `{}` is not of i32", name("bias"))),
        };
        let range = file.i16(&name("range"), 2)?;
        let weight = file.i16(&name("weight"), outputs * inputs * area)?.to_vec();
        Ok(Self { weight, hints, bias, shift, range: [range[0], range[1]] })
    }

    /// Adds the layer's tensors to a file.
    pub(super) fn write(self, file: &mut Integers, plan: &Plan, layer: &Layer) {
        let Shape { outputs, inputs, hints, .. } = Shape::of(plan, layer);
        let name = |part: &str| format!("{}.{part}", layer.name);
        let kernel = layer.kernel();
        let shape = vec![outputs, inputs, kernel, kernel];
        file.insert(name("weight"), shape, Numbers::I16(self.weight));
        file.insert(name("bias"), vec![outputs], Numbers::I32(self.bias));
        file.insert(name("shift"), vec![outputs], Numbers::U8(self.shift));
        file.insert(name("range"), vec![2], Numbers::I16(self.range.to_vec()));
        if hints {
            let shape = vec![outputs, PLANES, kernel, kernel];
            file.insert(hints_name(layer.kind), shape, Numbers::I16(self.hints));
        }
    }

    /// Whether all sums stay within 32 bits, for any picture.
    ///
    /// `ranges` are those of the values so far.
    ///
    /// # Errors
    ///
    /// When a sum could leave them, a shift is too great or the range is none.
    pub(super) fn check(
        &self,
        plan: &Plan,
        layer: &Layer,
        ranges: &[[i16; 2]],
    ) -> Result<(), String> {
        let [least, greatest] = self.range;
        if least > 0 || greatest < 0 {
            return Err(format!("`{}.range` is {least} to {greatest}, without 0", layer.name));
        }
        if self.shift.iter().any(|&shift| shift > MOST_SHIFT) {
            return Err(format!("`{}.shift` is above {MOST_SHIFT}", layer.name));
        }
        let shape = Shape::of(plan, layer);
        let inputs = input_ranges(plan, layer, ranges);
        let rows = self.weight.chunks_exact(shape.inputs * shape.area);
        for (output, weights) in rows.enumerate() {
            let hints = PLANES * shape.area * usize::from(shape.hints);
            let hints = &self.hints[output * hints..(output + 1) * hints];
            let most = greatest_sum(weights, hints, &inputs, shape.area);
            if most + i64::from(self.bias[output]).abs() >= MOST_SUM {
                return Err(format!("sums of `{}` could be longer than 32 bits", layer.name));
            }
            if matches!(layer.kind, Kind::Joined(_)) && !doubled_weights_fit(weights) {
                return Err(format!("weights of `{}` could be longer than 16 bits", layer.name));
            }
        }
        Ok(())
    }
}

/// Range of each channel that a layer's outputs see.
pub(super) fn input_ranges(plan: &Plan, layer: &Layer, ranges: &[[i16; 2]]) -> Vec<[i16; 2]> {
    match layer.kind {
        Kind::Stem => vec![[-GREATEST_LIGHTNESS, GREATEST_LIGHTNESS]],
        Kind::Depthwise { .. } => vec![ranges[layer.sources[0].value]],
        _ => {
            let of = |value: usize| vec![ranges[value]; plan.values[value].channels];
            layer.sources.iter().flat_map(|source| of(source.value)).collect()
        }
    }
}

/// The greatest size of a sum over inputs within their ranges.
pub(super) fn greatest_sum(
    weights: &[i16],
    hints: &[i16],
    inputs: &[[i16; 2]],
    area: usize,
) -> i64 {
    let (mut above, mut below) = (0_i64, 0_i64);
    let mut add = |weight: i16, [least, greatest]: [i16; 2]| {
        let ends = [least, greatest].map(|end| i64::from(weight) * i64::from(end));
        above += ends[0].max(ends[1]);
        below += ends[0].min(ends[1]);
    };
    for (weights, &range) in weights.chunks_exact(area).zip(inputs) {
        for &weight in weights {
            add(weight, range);
        }
    }
    for &weight in hints {
        add(weight, [-GREATEST_HINT, GREATEST_HINT]);
    }
    above.max(-below)
}

/// Whether the sums of up to 2x2 neighbors of 3x3 weights have 16 bits, as they have where the input
/// is enlarged.
pub(super) fn doubled_weights_fit(weights: &[i16]) -> bool {
    weights.chunks_exact(9).all(|weights| {
        (0..4).all(|parity| doubled(weights, parity).iter().all(|&sum| i16::try_from(sum).is_ok()))
    })
}

/// The 2x2 weights that 3x3 weights are for a picture of half the size, each of whose pixels is
/// repeated: for results of one parity of rows and columns, `parity / 2` and `parity % 2`. They begin
/// one pixel before the result's for parity 0, and at it for 1.
pub(super) fn doubled(weights: &[i16], parity: usize) -> [i32; 4] {
    // Pixels -1, 0 and 1 of the large picture are -1, 0 and 0 of the small one for even results, and
    // 0, 0 and 1 for odd ones.
    let cell = |tap: usize, odd: usize| (tap + 1 - odd) / 2;
    let mut sums = [0; 4];
    for (tap, &weight) in weights.iter().enumerate() {
        sums[2 * cell(tap / 3, parity / 2) + cell(tap % 3, parity % 2)] += i32::from(weight);
    }
    sums
}
