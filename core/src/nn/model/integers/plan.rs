//! Vivid as a list of layers: what calibration, a weights file and a prediction all follow.
//!
//! The names are those of the tensors that the layers are made of (`vivid.rs`).

use crate::nn::model::vivid::Config;
use crate::nn::ops::Activation;

/// Kernel, stride, expansion, channels and number of blocks of each stage of the encoder, as
/// `vivid/encoder.rs` has them.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];

/// Blocks whose results the decoder takes, and what they are multiplied by (`vivid.rs`).
const TAPS: [(usize, f64); 5] = [(0, 0.1), (2, 0.08), (4, 0.1), (10, 0.17), (15, 0.33)];

/// Channels of the stem.
pub(super) const STEM: usize = 32;

/// Color bins.
pub(super) const BINS: usize = 260;

/// Result of the stem, the first value.
pub(super) const STEM_VALUE: usize = 0;

/// A result of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) channels: usize,
    /// The picture's height and width over the value's.
    pub(super) division: usize,
    /// Zeros around it that its layers look at.
    pub(super) border: usize,
    /// Values of one group have one step, so that they can be added.
    pub(super) group: usize,
    /// Whether it ends at 6, which gives the step.
    pub(super) six: bool,
}

/// What a layer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 3x3 with stride 2, on lightness and hints.
    Stem,
    /// 1x1.
    Pointwise,
    /// Each channel by itself.
    Depthwise { kernel: usize, stride: usize },
    /// 3x3 on the first input at twice its size, the second, and hints; the step of the decoder.
    Joined(usize),
    /// 3x3 to the two channels of chroma.
    Chroma,
    /// 1x1 to the logits of the color bins.
    Bins,
}

/// What a layer reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) value: usize,
    /// What the network multiplies the value by.
    pub(super) factor: f64,
}

/// A layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// None for the stem, two for [`Kind::Joined`], else one.
    pub(super) sources: Vec<Source>,
    /// A value that is added to the result.
    pub(super) residual: Option<usize>,
    pub(super) activation: Activation,
    /// Whether batch norm is to be folded into the weights.
    pub(super) normed: bool,
    /// The value that it gives.
    pub(super) value: usize,
}

impl Layer {
    /// Height and width of the kernel.
    pub(super) fn kernel(&self) -> usize {
        match self.kind {
            Kind::Stem | Kind::Joined(_) | Kind::Chroma => 3,
            Kind::Pointwise | Kind::Bins => 1,
            Kind::Depthwise { kernel, .. } => kernel,
        }
    }
}

/// All layers in their order, and their values.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) layers: Vec<Layer>,
    pub(super) values: Vec<Value>,
    /// Whether hints are an input.
    pub(super) hints: bool,
}

impl Plan {
    /// Of the network with this configuration.
    pub(super) fn new(config: &Config) -> Self {
        let mut plan = Self { layers: Vec::new(), values: Vec::new(), hints: config.hints };
        let taps = plan.encoder();
        plan.decoder(config, taps);
        plan
    }

    /// The values that the decoder takes, the largest first.
    fn encoder(&mut self) -> Vec<Source> {
        let mut x = self.add("encoder.stem", Kind::Stem, &[], STEM, Activation::Relu6);
        let (mut taps, mut block) = (Vec::new(), 0);
        for (kernel, stride, expansion, outputs, count) in STAGES {
            for i in 0..count {
                let name = |part: &str| format!("encoder.blocks.{block}.{part}");
                let hidden = self.values[x].channels * expansion;
                let mut y = x;
                if expansion > 1 {
                    let kind = Kind::Pointwise;
                    y = self.add(&name("expand"), kind, &[y], hidden, Activation::Relu6);
                }
                let kind = Kind::Depthwise { kernel, stride: if i == 0 { stride } else { 1 } };
                y = self.add(&name("depthwise"), kind, &[y], hidden, Activation::Relu6);
                y = self.add(&name("project"), Kind::Pointwise, &[y], outputs, Activation::None);
                if i > 0 {
                    self.layers[y].residual = Some(x);
                    self.values[y].group = self.values[x].group;
                }
                x = y;
                if let Some(&(_, factor)) = TAPS.iter().find(|tap| tap.0 == block) {
                    taps.push(Source { value: x, factor });
                }
                block += 1;
            }
        }
        taps
    }

    fn decoder(&mut self, config: &Config, mut taps: Vec<Source>) {
        let [c16, c8, c4, c2] = config.decoder;
        let relu = Activation::Relu;
        let smallest = taps.pop().expect("five are taken");
        let mut x = self.add("top", Kind::Pointwise, &[smallest.value], c16, relu);
        self.layers[x].sources[0].factor = smallest.factor;
        for (step, channels) in [c16, c8, c4].into_iter().enumerate() {
            x = self.join(&format!("decoder.{step}"), step, x, taps.pop(), channels);
        }
        self.add("bins", Kind::Bins, &[x], BINS, Activation::None);
        x = self.add("reduce", Kind::Pointwise, &[x], c2, relu);
        x = self.join("fine", 3, x, taps.pop(), c2);
        self.add("chroma", Kind::Chroma, &[x], 2, Activation::Tanh);
        for layer in &mut self.layers {
            let Layer { name, .. } = &*layer;
            layer.normed = !name.starts_with("encoder") && name != "bins" && name != "chroma";
        }
    }

    fn join(&mut self, name: &str, step: usize, x: usize, tap: Option<Source>, to: usize) -> usize {
        let tap = tap.expect("one for each step");
        let y = self.add(name, Kind::Joined(step), &[x, tap.value], to, Activation::Relu);
        self.layers[y].sources[1].factor = tap.factor;
        y
    }

    /// Adds a layer and the value that it gives, both of one number.
    fn add(
        &mut self,
        name: &str,
        kind: Kind,
        sources: &[usize],
        channels: usize,
        activation: Activation,
    ) -> usize {
        let value = self.values.len();
        let border = match kind {
            Kind::Stem | Kind::Pointwise | Kind::Bins => 0,
            Kind::Depthwise { kernel, .. } => kernel / 2,
            Kind::Joined(_) | Kind::Chroma => 1,
        };
        for &source in sources {
            self.values[source].border = self.values[source].border.max(border);
        }
        let division = sources.first().map_or(1, |&source| self.values[source].division);
        let division = match kind {
            Kind::Stem => 2,
            Kind::Depthwise { stride, .. } => division * stride,
            Kind::Joined(_) => division / 2,
            Kind::Pointwise | Kind::Chroma | Kind::Bins => division,
        };
        let six = activation == Activation::Relu6;
        self.values.push(Value { channels, division, border: 0, group: value, six });
        let sources = sources.iter().map(|&value| Source { value, factor: 1. }).collect();
        let (name, residual) = (name.to_owned(), None);
        let layer = Layer { name, kind, sources, residual, activation, normed: false, value };
        self.layers.push(layer);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_sizes_at_which_the_decoder_joins_them() {
        let plan = Plan::new(&Config::default());
        for layer in &plan.layers {
            if let (Kind::Joined(_), [low, high]) = (layer.kind, layer.sources.as_slice()) {
                let [low, high] = [low, high].map(|source| plan.values[source.value].division);
                assert_eq!((low, high), (2 * high, plan.values[layer.value].division));
            }
        }
        assert_eq!(plan.layers.len(), 1 + (16 * 3 - 1) + 8);
    }
}
