//! A layer's weights in integers: as a weights file holds them, and checked.
//!
//! A result is `clamp((sum of weight * activation + bias) >> shift, range)`, for each output channel.
//! The steps of what goes in and of what comes out are part of the weights, and so is a power of two,
//! the greatest with which neither a weight nor a sum leaves its bits.

use super::plan::{BINS, Kind, Layer, Plan, STEM};
use crate::nn::ops::integer::MOST_SHIFT;
use crate::nn::weights::{Integers, Numbers};

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
            file.i16(&hints_name(layer.kind), outputs * PLANES * area)?
        } else {
            Vec::new()
        };
        let Numbers::U8(shift) = file.get(&name("shift"), outputs)?.into_owned() else {
            return Err(format!("tensor `{}` is not of u8", name("shift")));
        };
        let Numbers::I32(bias) = file.get(&name("bias"), outputs)?.into_owned() else {
            return Err(format!("tensor `{}` is not of i32", name("bias")));
        };
        let range = range(file, layer)?;
        let weight = file.i16(&name("weight"), outputs * inputs * area)?;
        Ok(Self { weight, hints, bias, shift, range })
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
    /// When a sum could leave them or a shift is too great.
    pub(super) fn check(
        &self,
        plan: &Plan,
        layer: &Layer,
        ranges: &[[i16; 2]],
    ) -> Result<(), String> {
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

/// Least and greatest result of a layer.
///
/// # Errors
///
/// When the tensor is missing or of another type or length, or 0 is not within.
pub(super) fn range(file: &Integers, layer: &Layer) -> Result<[i16; 2], String> {
    let range = file.i16(&format!("{}.range", layer.name), 2)?;
    let [least, greatest] = [range[0], range[1]];
    if least > 0 || greatest < 0 {
        return Err(format!("`{}.range` is {least} to {greatest}, without 0", layer.name));
    }
    Ok([least, greatest])
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

/// The greatest size of a sum over inputs within their ranges, all of which hold 0.
pub(super) fn greatest_sum(
    weights: &[i16],
    hints: &[i16],
    inputs: &[[i16; 2]],
    area: usize,
) -> i64 {
    let (mut above, mut below) = (0_i64, 0_i64);
    let mut add = |weights: &[i16], range: [i16; 2]| {
        let [least, greatest] = range.map(i64::from);
        // So many that 32 bits hold their sum.
        for weights in weights.chunks(1 << 15) {
            let sum =
                |part: fn(i16) -> i16| weights.iter().map(|&w| i32::from(part(w))).sum::<i32>();
            let (positive, negative) = (i64::from(sum(|w| w.max(0))), i64::from(sum(|w| w.min(0))));
            above += positive * greatest + negative * least;
            below += positive * least + negative * greatest;
        }
    };
    let mut rest = weights;
    for inputs in inputs.chunk_by(|one, other| one == other) {
        let (weights, others) = rest.split_at(inputs.len() * area);
        add(weights, inputs[0]);
        rest = others;
    }
    add(hints, [-GREATEST_HINT, GREATEST_HINT]);
    above.max(-below)
}

/// Whether the sums of up to 2x2 neighbors of 3x3 weights have 16 bits, as they have where the input
/// is enlarged.
pub(super) fn doubled_weights_fit(weights: &[i16]) -> bool {
    weights.as_chunks::<9>().0.iter().all(|weights| {
        let all: i32 = weights.iter().map(|&weight| i32::from(weight).abs()).sum();
        all <= i32::from(i16::MAX)
            || (0..4).all(|parity| {
                doubled(weights, parity).iter().all(|&sum| i16::try_from(sum).is_ok())
            })
    })
}

/// The 2x2 weights that 3x3 weights are for a picture of half the size, each of whose pixels is
/// repeated: for results of one parity of rows and columns, `parity / 2` and `parity % 2`. They begin
/// one pixel before the result's for parity 0, and at it for 1.
pub(super) fn doubled(weights: &[i16; 9], parity: usize) -> [i32; 4] {
    // Pixels -1, 0 and 1 of the large picture are -1, 0 and 0 of the small one for even results, and
    // 0, 0 and 1 for odd ones.
    let cells = |[before, at, after]: [i32; 3], odd: usize| {
        if odd == 0 { [before, at + after] } else { [before + at, after] }
    };
    let [down, right] = [parity / 2, parity % 2];
    let row = |y: usize| cells([0, 1, 2].map(|x| i32::from(weights[3 * y + x])), right);
    let [above, at, below] = [row(0), row(1), row(2)];
    let [left, right] = [0, 1].map(|x| cells([above[x], at[x], below[x]], down));
    [left[0], right[0], left[1], right[1]]
}
