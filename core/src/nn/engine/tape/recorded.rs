//! What was recorded: values, operations with their parameters, and weights as the loops take them.

use candle_core::{Result, Tensor};

use crate::nn::engine::block::{self, Between, Layers};
use crate::nn::engine::features::Features;
use crate::nn::engine::head::{self, Patches};
use crate::nn::engine::norm::Normalized;
use crate::nn::engine::pack::Window;
use crate::nn::engine::pass::{Color, Residual};
use crate::nn::engine::values::{padded, values_of};
use crate::nn::engine::weights::{Filters, Part};

/// A parameter and its values.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) tensor: Tensor,
    pub(super) values: Vec<f32>,
}

impl Parameter {
    pub(super) fn of(tensor: &Tensor) -> Result<Self> {
        Ok(Self { tensor: tensor.clone(), values: values_of(tensor)? })
    }

    pub(super) fn outputs(&self) -> usize {
        self.tensor.dims()[0]
    }

    /// Filled up with zeros to whole blocks.
    pub(super) fn padded(&self) -> Vec<f32> {
        padded(&self.values)
    }
}

/// A value, and what its activation lets through.
pub(super) struct Kept<E> {
    pub(super) features: Features<E>,
    /// Gradients count where it is within 0 and this; all do where there is no activation. What reads
    /// the value sees to it.
    pub(super) high: Option<f32>,
}

/// What was done.
pub(super) enum Operation<E> {
    Picture {
        patches: Vec<Patches>,
        weights: Vec<Parameter>,
        bias: Parameter,
        y: usize,
    },
    Convolution {
        x: usize,
        weight: Parameter,
        bias: Parameter,
        window: Window,
        y: usize,
    },
    Transposed {
        x: usize,
        weight: Parameter,
        bias: Parameter,
        y: usize,
    },
    Residual {
        x: usize,
        layers: Owned,
        between: Between<E>,
        y: usize,
    },
    Normed {
        inputs: Vec<Read<E>>,
        kernel: usize,
        before: Features<E>,
        norm: Normalized,
        weight: Parameter,
        bias: Parameter,
        y: usize,
    },
    Norm {
        x: usize,
        norm: Normalized,
        weight: Parameter,
        bias: Parameter,
        y: usize,
    },
    AddRelu {
        terms: [usize; 2],
        y: usize,
    },
    LeakyRelu {
        x: usize,
        slope: f32,
        y: usize,
    },
    EverySecond {
        x: usize,
        y: usize,
    },
    Doubled {
        x: usize,
        y: usize,
    },
    Rows {
        x: usize,
        weight: Parameter,
        bias: Parameter,
    },
    Chroma {
        x: usize,
        weight: Parameter,
        bias: Parameter,
        color: Color,
        planes: Vec<f32>,
    },
}

/// The parameters of a block.
pub(super) struct Owned {
    pub(super) expand: Option<[Parameter; 2]>,
    pub(super) depthwise: [Parameter; 2],
    pub(super) stride: usize,
    pub(super) project: [Parameter; 2],
    pub(super) residual: bool,
}

impl Owned {
    pub(super) fn of(layers: &Residual<'_>) -> Result<Self> {
        let both = |[weight, bias]: [&Tensor; 2]| -> Result<_> {
            Ok([Parameter::of(weight)?, Parameter::of(bias)?])
        };
        Ok(Self {
            expand: layers.expand.map(both).transpose()?,
            depthwise: both(layers.depthwise)?,
            stride: layers.stride,
            project: both(layers.project)?,
            residual: layers.residual,
        })
    }

    pub(super) fn layers(&self) -> Layers<'_> {
        fn dense([weight, bias]: &[Parameter; 2]) -> block::Dense<'_> {
            block::Dense { weights: &weight.values, bias: &bias.values }
        }
        Layers {
            expand: self.expand.as_ref().map(dense),
            depthwise: dense(&self.depthwise),
            kernel: self.depthwise[0].tensor.dims()[2],
            stride: self.stride,
            project: dense(&self.project),
            residual: self.residual,
        }
    }
}

/// An input of a convolution, and its weights.
pub(super) struct Read<E> {
    pub(super) from: Origin<E>,
    pub(super) weight: Parameter,
    pub(super) first: usize,
    pub(super) channels: usize,
    pub(super) scale: f32,
}

impl<E> Read<E> {
    pub(super) fn is_doubled(&self) -> bool {
        matches!(self.from, Origin::Value { doubled: true, .. })
    }
}

pub(super) enum Origin<E> {
    Value { index: usize, doubled: bool },
    Planes(Features<E>),
}

/// The weights of a convolution's inputs.
pub(super) fn filters<E>(inputs: &[Read<E>]) -> Filters<'_> {
    let parts = inputs.iter().map(|read| Part {
        weights: &read.weight.values,
        inputs: read.weight.tensor.dims()[1],
        first: read.first,
        channels: read.channels,
        scale: read.scale,
    });
    let weight = &inputs[0].weight;
    Filters { parts: parts.collect(), outputs: weight.outputs(), kernel: weight.tensor.dims()[2] }
}

/// The weights of a convolution of one input, `(Cout, Cin, K, K)`.
pub(super) fn whole(weight: &Parameter) -> Filters<'_> {
    Filters::whole(&weight.values, weight.tensor.dims())
}

/// The weights of patches, as those of 1x1 convolutions.
pub(super) fn of_patches<'a>(weights: &'a [Parameter], patches: &[Patches]) -> Filters<'a> {
    let values = weights.iter().map(|weight| &weight.values[..]);
    head::filters_of_patches(values, patches, weights[0].outputs())
}
