//! Vivid in integers: layers from a file's tensors, and a picture through them.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::plan::{Kind, Layer, Plan, STEM_VALUE};
use super::quantized::{self, PLANES, Quantized, Shape, doubled};
use crate::nn::ops::integer::{
    self, BLOCK, Dense, Depthwise, Input, Instructions, Planes, Rescale, Size, Store, Sums, Tap,
};
use crate::nn::weights::Integers;

/// Rows and columns of pixels whose chroma is calculated as one result of 16 channels: two channels
/// alone would leave most of a register empty.
pub(super) const PATCH: [usize; 2] = [2, 4];

/// All layers, in the order of the plan.
#[derive(Debug)]
pub(super) struct Layers {
    plan: Plan,
    steps: Vec<Step>,
    store: Store,
}

/// A layer as it is calculated.
#[derive(Debug)]
enum Step {
    /// Without hints and, if they are an input, with them.
    Stem(Dense, Option<Dense>),
    Dense(Dense),
    Depthwise(Depthwise),
    /// For each parity of rows and columns.
    Joined(Vec<Dense>, Hinted),
}

/// A joined layer with hints, prepared when there are some.
#[derive(Debug)]
struct Hinted {
    quantized: Quantized,
    layers: OnceLock<Vec<Dense>>,
}

/// What a picture gives.
#[derive(Debug)]
pub(super) struct Heads {
    /// Patches of chroma: `(1, H / 4, W / 8, 16)`.
    pub(super) chroma: Planes,
    /// Logits at a quarter of the size, if they were asked for.
    pub(super) bins: Option<Planes>,
}

/// What the network sees of a picture.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) height: usize,
    pub(super) width: usize,
    /// What lies under the stem's kernel, for each of its results `(H / 2, W / 2)`: 9 channels of
    /// lightness, and 27 of hints if there are any.
    pub(super) stem: &'a Planes,
    /// Hints at a 16th, an eighth, a quarter and half of the size.
    pub(super) hints: Option<&'a [Planes; 4]>,
}

impl Layers {
    /// # Errors
    ///
    /// When a tensor is missing, of another type or length, or sums could be too long.
    pub(super) fn new(plan: Plan, file: &Integers) -> Result<Self, String> {
        let ranges = plan.layers.iter().map(|layer| quantized::range(file, layer));
        let ranges = ranges.collect::<Result<Vec<_>, _>>()?;
        let step = |layer| {
            let quantized = Quantized::read(file, &plan, layer)?;
            quantized.check(&plan, layer, &ranges)?;
            Ok::<_, String>(Step::new(&plan, layer, quantized))
        };
        // By themselves: some are a hundred times as large as others.
        let steps = plan.layers.par_iter().with_max_len(1).map(step);
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { plan, steps, store: Store::default() })
    }

    /// Planes that hold nothing yet.
    pub(super) fn take(&self, size: Size) -> Planes {
        self.store.take(size)
    }

    /// Planes that are no longer needed.
    pub(super) fn give(&self, planes: Planes) {
        self.store.give(planes);
    }

    /// The heads of a picture; the bins only where they are wanted.
    pub(super) fn forward(&self, picture: &Picture<'_>, bins: bool) -> Heads {
        let instructions = Instructions::best();
        let mut values: Vec<Option<Planes>> = self.plan.layers.iter().map(|_| None).collect();
        let (mut chroma, mut logits) = (None, None);
        for (i, (layer, step)) in self.plan.layers.iter().zip(&self.steps).enumerate() {
            if layer.kind == Kind::Bins && !bins {
                continue;
            }
            let mut output = self.store.take(self.size(picture, layer));
            let value = |value: usize| values[value].as_ref().expect("it comes before");
            let source = |i: usize| value(layer.sources[i].value);
            match step {
                Step::Stem(plain, hinted) => {
                    let layer = hinted.as_ref().filter(|_| picture.hints.is_some());
                    let inputs = [Input::whole(picture.stem)];
                    let sums =
                        Sums { layer: layer.unwrap_or(plain), inputs: &inputs, origin: [0; 2] };
                    integer::dense(instructions, &[sums], None, &mut output, 1);
                }
                Step::Dense(dense) => {
                    let stride = if layer.kind == Kind::Chroma { PATCH } else { [1; 2] };
                    let inputs = [Input { planes: source(0), stride, origin: [0; 2] }];
                    let sums = Sums { layer: dense, inputs: &inputs, origin: [0; 2] };
                    integer::dense(
                        instructions,
                        &[sums],
                        layer.residual.map(value),
                        &mut output,
                        1,
                    );
                }
                Step::Depthwise(depthwise) => {
                    integer::depthwise(instructions, depthwise, source(0), &mut output);
                }
                Step::Joined(plain, hinted) => {
                    let Kind::Joined(step) = layer.kind else { unreachable!("by construction") };
                    let hints = picture.hints.map(|hints| &hints[step]);
                    let prepare = || joined(&self.plan, layer, &hinted.quantized, true);
                    let layers = match hints {
                        Some(_) => hinted.layers.get_or_init(prepare),
                        None => plain,
                    };
                    join(instructions, layers, [source(0), source(1)], hints, &mut output);
                }
            }
            match layer.kind {
                Kind::Chroma => chroma = Some(output),
                Kind::Bins => logits = Some(output),
                _ => values[layer.value] = Some(output),
            }
            self.release(&mut values, i);
        }
        Heads { chroma: chroma.expect("one layer gives it"), bins: logits }
    }

    /// Gives back the values that no layer after the `last` one takes.
    fn release(&self, values: &mut [Option<Planes>], last: usize) {
        let taken = |value: usize| {
            self.plan.layers[last + 1..].iter().any(|layer| {
                layer.residual == Some(value) || layer.sources.iter().any(|s| s.value == value)
            })
        };
        let layer = &self.plan.layers[last];
        let sources = layer.sources.iter().map(|source| source.value);
        for value in sources.chain(layer.residual) {
            if !taken(value)
                && let Some(planes) = values[value].take()
            {
                self.store.give(planes);
            }
        }
    }

    fn size(&self, picture: &Picture<'_>, layer: &Layer) -> Size {
        let value = self.plan.values[layer.value];
        let (mut height, mut width) =
            (picture.height / value.division, picture.width / value.division);
        let mut channels = Shape::of(&self.plan, layer).outputs;
        if layer.kind == Kind::Chroma {
            (height, width, channels) = (height / PATCH[0], width / PATCH[1], BLOCK);
        }
        Size { blocks: channels.div_ceil(BLOCK), height, width, border: value.border }
    }

    /// The size of what lies under the stem's kernel.
    pub(super) fn stem_size(&self, height: usize, width: usize, hints: bool) -> Size {
        let division = self.plan.values[STEM_VALUE].division;
        let channels = if hints { 9 * (1 + PLANES) } else { 9 };
        let blocks = channels.div_ceil(BLOCK);
        Size { blocks, height: height / division, width: width / division, border: 0 }
    }
}

/// Joins the small picture, enlarged, with the large one and hints.
fn join(
    instructions: Instructions,
    layers: &[Dense],
    [small, large]: [&Planes; 2],
    hints: Option<&Planes>,
    output: &mut Planes,
) {
    let inputs: Vec<Vec<Input<'_>>> = (0..4)
        .map(|parity| {
            let origin = [parity / 2, parity % 2];
            let every_second = |planes| Input { planes, stride: [2; 2], origin };
            let large = [Some(large), hints].into_iter().flatten().map(every_second);
            std::iter::once(Input::whole(small)).chain(large).collect()
        })
        .collect();
    let sums: Vec<Sums<'_>> = inputs
        .iter()
        .zip(layers)
        .enumerate()
        .map(|(parity, (inputs, layer))| Sums { layer, inputs, origin: [parity / 2, parity % 2] })
        .collect();
    integer::dense(instructions, &sums, None, output, 2);
}

impl Step {
    fn new(plan: &Plan, layer: &Layer, quantized: Quantized) -> Self {
        let Quantized { weight, hints, bias, shift, range } = &quantized;
        let Shape { inputs, .. } = Shape::of(plan, layer);
        let rescale = Rescale::new(bias, shift, *range);
        match layer.kind {
            Kind::Stem => {
                let one = vec![[0; 2]];
                let at = |output: usize, channel: usize| match channel.checked_sub(9) {
                    None => weight[output * 9 + channel],
                    Some(channel) => hints[output * 9 * PLANES + channel],
                };
                let dense = |channels| {
                    Dense::new(&[(channels, one.clone())], rescale.clone(), |o, _, _, c| at(o, c))
                };
                Self::Stem(dense(9), plan.hints.then(|| dense(9 * (1 + PLANES))))
            }
            Kind::Pointwise | Kind::Bins => {
                let inputs = &[(inputs, vec![[0; 2]])];
                Self::Dense(Dense::new(inputs, rescale, |o, _, _, c| weight[o * inputs[0].0 + c]))
            }
            Kind::Depthwise { kernel, stride } => {
                let at = |c: usize, y: usize, x: usize| weight[(c * kernel + y) * kernel + x];
                Self::Depthwise(Depthwise::new(kernel, stride, rescale, at))
            }
            Kind::Joined(_) => {
                let plain = joined(plan, layer, &quantized, false);
                Self::Joined(plain, Hinted { quantized, layers: OnceLock::new() })
            }
            Kind::Chroma => Self::Dense(chroma(&quantized, inputs)),
        }
    }
}

/// A layer that joins a small picture, enlarged, with a large one and, if they are asked for, hints:
/// for each parity of rows and columns.
fn joined(plan: &Plan, layer: &Layer, quantized: &Quantized, with_hints: bool) -> Vec<Dense> {
    let Quantized { weight, hints, bias, shift, range } = quantized;
    let Shape { inputs, area, .. } = Shape::of(plan, layer);
    let rescale = Rescale::new(bias, shift, *range);
    let [small, large] = [0, 1].map(|i| plan.values[layer.sources[i].value].channels);
    let of_parity = |parity: usize| {
        let mut sums = Vec::with_capacity(quantized.bias.len() * small);
        for row in weight.chunks_exact(inputs * area) {
            let kernels = row[..small * area].as_chunks().0.iter();
            // They fit, as was checked.
            sums.extend(kernels.map(|kernel| doubled(kernel, parity).map(|sum| sum as i16)));
        }
        let hints_size = with_hints.then(|| (PLANES, around()));
        let sizes: Vec<_> =
            [(small, near(parity)), (large, around())].into_iter().chain(hints_size).collect();
        Dense::new(&sizes, rescale.clone(), |output, input, tap, channel| match input {
            0 => sums[output * small + channel][tap],
            1 => weight[(output * inputs + small + channel) * area + tap],
            _ => hints[(output * PLANES + channel) * area + tap],
        })
    };
    (0..4).map(of_parity).collect()
}

/// The pixels of 3x3.
fn around() -> Vec<Tap> {
    (0..9).map(|i| [i / 3 - 1, i % 3 - 1]).collect()
}

/// The pixels of the small picture that results of a parity see.
fn near(parity: usize) -> Vec<Tap> {
    let (down, right) = ((parity / 2).cast_signed() - 1, (parity % 2).cast_signed() - 1);
    (0..4).map(|i| [down + i / 2, right + i % 2]).collect()
}

/// The layer of chroma for [`PATCH`]es of pixels: output `(4 y + x) 2 + c` is channel `c` of the
/// pixel in row `y` and column `x`.
fn chroma(quantized: &Quantized, inputs: usize) -> Dense {
    let weight = &quantized.weight;
    let [rows, columns] = PATCH;
    let all = |i: usize| i % 2;
    let bias: Vec<i32> = (0..BLOCK).map(|i| quantized.bias[all(i)]).collect();
    let shift: Vec<u8> = (0..BLOCK).map(|i| quantized.shift[all(i)]).collect();
    let rescale = Rescale::new(&bias, &shift, quantized.range);
    let width = columns + 2;
    let taps = (0..(rows + 2) * width)
        .map(|i| [(i / width).cast_signed() - 1, (i % width).cast_signed() - 1])
        .collect();
    Dense::new(&[(inputs, taps)], rescale, |output, _, tap, channel| {
        let (y, x) = (output / 2 / columns, output / 2 % columns);
        // What the pixel sees begins at it in the patch with its border.
        match ((tap / width).checked_sub(y), (tap % width).checked_sub(x)) {
            (Some(down @ 0..3), Some(right @ 0..3)) => {
                weight[((output % 2 * inputs + channel) * 3 + down) * 3 + right]
            }
            _ => 0,
        }
    })
}
