//! The gradients of what was recorded, last operation first.

use candle_core::{Result, Tensor};

use super::recorded::{
    Kept, Operation, Origin, Owned, Parameter, Read, filters, of_patches, whole,
};
use super::{Gradients, Recorder, Tape};
use crate::nn::engine::block::{self, Between};
use crate::nn::engine::chroma;
use crate::nn::engine::conv::{Dense, Onward, convolve, input_gradient};
use crate::nn::engine::doubled;
use crate::nn::engine::features::{Features, View};
use crate::nn::engine::head::{self, Patches};
use crate::nn::engine::kernel::Kernel;
use crate::nn::engine::lanes::Element;
use crate::nn::engine::pack::Window;
use crate::nn::engine::pass::Pass;
use crate::nn::engine::planes::After;
use crate::nn::engine::pointwise::{self, Pair};
use crate::nn::engine::spread;
use crate::nn::engine::ways::Way;
use crate::nn::engine::weight_gradient::weight_gradients;
use crate::nn::engine::weights::{Packed, depth};
use crate::nn::ops::Activation;

/// Gradients of values, as far as they are known: before the value's activation.
type Flow<E> = [Option<Features<E>>];

impl<E: Element> Recorder for Tape<E> {
    fn backward(mut self: Box<Self>, chroma: &[f32], rows: &[f32]) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        let mut flow: Vec<Option<Features<E>>> = self.values.iter().map(|_| None).collect();
        while let Some(operation) = self.operations.pop() {
            self.step(operation, [chroma, rows], &mut flow, &mut gradients)?;
        }
        Ok(gradients)
    }

    fn pass(&mut self) -> &mut dyn Pass {
        self
    }
}

/// A layer that sees the picture, whose gradient nothing asks for.
fn picture(
    patches: &[Patches],
    weights: &[Parameter],
    bias: &Parameter,
    d_y: &Features<f32>,
    gradients: &mut Gradients,
) -> Result<()> {
    let sources: Vec<_> = patches.iter().map(Patches::view).collect();
    let (d_weights, d_bias) = weight_gradients(
        Kernel::best::<f32>(),
        &sources,
        Window::POINT,
        &of_patches(weights, patches),
        d_y.view(),
        d_y.images,
    );
    for (weight, d_weight) in weights.iter().zip(d_weights) {
        gradients.set(weight, d_weight)?;
    }
    gradients.set(bias, d_bias)
}

impl<E: Element> Tape<E> {
    /// Takes the gradients of an operation.
    fn step(
        &self,
        operation: Operation<E>,
        [chroma, rows]: [&[f32]; 2],
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let kernel = self.kernel;
        match operation {
            Operation::Picture { patches, weights, bias, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                let d_y = head::gated(kernel, &d_y, &self.values[y].features, self.values[y].high);
                picture(&patches, &weights, &bias, &d_y, gradients)
            }
            Operation::Convolution { x, weight, bias, window, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                self.convolution([&weight, &bias], window, d_y.view(), x, flow, gradients)
            }
            Operation::Transposed { x, weight, bias, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                self.transposed([&weight, &bias], &d_y, x, flow, gradients)
            }
            Operation::Residual { x, layers, between, y } => {
                let Some(d_y) = flow[y].take() else { return Ok(()) };
                self.residual(&layers, &between, &d_y, x, flow, gradients)
            }
            Operation::Normed { inputs, kernel: side, before, norm, weight, bias, y } => {
                let Some(mut d_y) = flow[y].take() else { return Ok(()) };
                let own = norm.backward(kernel, &before, &mut d_y, None);
                gradients.set_both([&weight, &bias], own)?;
                drop(before);
                self.joined(&inputs, side, &d_y, flow, gradients)
            }
            Operation::Norm { x, norm, weight, bias, y } => {
                let Some(mut d_y) = flow[y].take() else { return Ok(()) };
                let Kept { features, high } = &self.values[x];
                let own = norm.backward(kernel, features, &mut d_y, *high);
                self.add(flow, x, d_y);
                gradients.set_both([&weight, &bias], own)
            }
            Operation::AddRelu { .. }
            | Operation::LeakyRelu { .. }
            | Operation::EverySecond { .. }
            | Operation::Doubled { .. } => {
                self.pointwise(&operation, flow);
                Ok(())
            }
            Operation::Rows { x, weight, bias } => {
                let converted: Vec<E> = head::convert(kernel, rows);
                let blocks = whole(&weight).output_blocks();
                let d_y = head::rows(&converted, blocks, self.values[x].features.size());
                self.convolution([&weight, &bias], Window::POINT, d_y, x, flow, gradients)
            }
            Operation::Chroma { x, weight, bias, color, planes } => {
                let size = self.values[x].features.size();
                let planes = [&planes[..], &head::colors_gradient(chroma, size, color)];
                self.chroma([&weight, &bias], planes, x, flow, gradients)
            }
        }
    }

    /// What has no parameters.
    fn pointwise(&self, operation: &Operation<E>, flow: &mut Flow<E>) {
        let kernel = self.kernel;
        match *operation {
            Operation::AddRelu { terms: [first, second], y } => {
                let Some(d_y) = flow[y].take() else { return };
                self.give(flow, first, d_y.clone());
                self.give(flow, second, d_y);
            }
            Operation::LeakyRelu { x, slope, y } => {
                let Some(d_y) = flow[y].take() else { return };
                let result = &self.values[y].features;
                self.give(flow, x, pointwise::pairs(kernel, Pair::Leak(slope), &d_y, result));
            }
            Operation::EverySecond { x, y } => {
                let Some(d_y) = flow[y].take() else { return };
                self.give(flow, x, pointwise::every_second_gradient(&d_y));
            }
            Operation::Doubled { x, y } => {
                let Some(d_y) = flow[y].take() else { return };
                self.give(flow, x, pointwise::doubled_gradient(kernel, &d_y));
            }
            _ => {}
        }
    }

    /// The last layer, from its planes and their gradients.
    fn chroma(
        &self,
        [weight, bias]: [&Parameter; 2],
        [planes, d_planes]: [&[f32]; 2],
        x: usize,
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let features = &self.values[x].features;
        let (size, filters) = (features.size(), whole(weight));
        let (d_y, d_bias) = chroma::before_tanh::<E>(planes, d_planes, size);
        let d_weight = chroma::weight_gradient(self.kernel, features, &d_y, filters.kernel);
        gradients.set_both([weight, bias], (d_weight, d_bias))?;
        let window = Window::same(filters.kernel, 1, size);
        let plus = flow[x].take();
        let onward = self.onward(x, plus.as_ref());
        let (view, images) = (d_y.view(), d_y.images);
        flow[x] = Some(input_gradient(self.kernel, view, images, window, &filters, 0, onward));
        Ok(())
    }

    /// An inverted residual block.
    fn residual(
        &self,
        layers: &Owned,
        between: &Between<E>,
        d_y: &Features<E>,
        x: usize,
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let plus = flow[x].take();
        let read = &self.values[x].features;
        let (d_x, found) =
            block::backward(self.kernel, &layers.layers(), read, between, d_y, plus.as_ref());
        flow[x] = Some(d_x);
        let pairs = [
            layers.expand.as_ref().zip(found.expand),
            Some((&layers.depthwise, found.depthwise)),
            Some((&layers.project, found.project)),
        ];
        for (parameters, values) in pairs.into_iter().flatten() {
            for (parameter, values) in parameters.iter().zip(values) {
                gradients.set(parameter, values)?;
            }
        }
        Ok(())
    }

    /// What becomes of a value's gradient, to which `plus` is added.
    fn onward<'a>(&'a self, x: usize, plus: Option<&'a Features<E>>) -> Onward<'a, E> {
        let Kept { features, high } = &self.values[x];
        Onward { gate: high.map(|high| (features, high)), plus }
    }

    /// Adds a gradient by a value to what is known of it.
    fn give(&self, flow: &mut Flow<E>, x: usize, gradient: Features<E>) {
        let Kept { features, high } = &self.values[x];
        let gradient = match high {
            Some(high) => pointwise::pairs(self.kernel, Pair::Gate(*high), &gradient, features),
            None => gradient,
        };
        self.add(flow, x, gradient);
    }

    /// The same, of a gradient before the value's activation.
    fn add(&self, flow: &mut Flow<E>, x: usize, gradient: Features<E>) {
        flow[x] = Some(match flow[x].take() {
            Some(known) => pointwise::pairs(self.kernel, Pair::Sum, &known, &gradient),
            None => gradient,
        });
    }

    /// A convolution of one input.
    fn convolution(
        &self,
        [weight, bias]: [&Parameter; 2],
        window: Window,
        d_y: View<'_, E>,
        x: usize,
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let features = &self.values[x].features;
        let (images, filters, sources) = (features.images, whole(weight), [features.view()]);
        let way = Way::of::<E>(&window, &filters, features.size());
        let (mut d_weights, d_bias) =
            way.weight_gradients(self.kernel, &sources, window, &filters, d_y, images);
        gradients.set(weight, d_weights.swap_remove(0))?;
        gradients.set(bias, d_bias)?;
        let plus = flow[x].take();
        let onward = self.onward(x, plus.as_ref());
        flow[x] = Some(if window.stride == 1 {
            way.input_gradient(self.kernel, d_y, images, window, &filters, 0, onward)
        } else {
            let products = spread::products(self.kernel, &filters, 0, window);
            let after = After { plus: onward.plus(), gate: onward.gate(), ..After::default() };
            let channels = [filters.outputs, features.channels];
            spread::spread(self.kernel, d_y, images, &products, channels, after)
        });
        Ok(())
    }

    /// A transposed convolution: forward it does what a convolution's input gradient does, so its own
    /// input gradient is that convolution, and inputs and outputs change places in the weights'.
    fn transposed(
        &self,
        [weight, bias]: [&Parameter; 2],
        d_y: &Features<E>,
        x: usize,
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let (features, window) = (&self.values[x].features, spread::TRANSPOSED);
        let (filters, sources) = (whole(weight), [d_y.view()]);
        let (mut d_weights, _) = weight_gradients(
            self.kernel,
            &sources,
            window,
            &filters,
            features.view(),
            features.images,
        );
        gradients.set(weight, d_weights.swap_remove(0))?;
        gradients.set(bias, pointwise::channel_sums(self.kernel, d_y))?;
        let layer = Dense {
            weights: &Packed::forward(self.kernel, &filters),
            window,
            outputs: filters.outputs,
            depth: depth(d_y.channels),
            bias: None,
            activation: Activation::None,
        };
        let d_x = convolve(self.kernel, &sources, features.images, layer);
        self.give(flow, x, d_x);
        Ok(())
    }

    /// A convolution of several inputs.
    fn joined(
        &self,
        inputs: &[Read<E>],
        kernel: usize,
        d_y: &Features<E>,
        flow: &mut Flow<E>,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let filters = filters(inputs);
        let sources: Vec<_> = inputs.iter().map(|read| self.source(read)).collect();
        let window = Window::same(kernel, 1, d_y.size());
        let view = d_y.view();
        let way = Way::of::<E>(&window, &filters, d_y.size());
        let d_weights = if inputs[0].is_doubled() {
            doubled::weight_gradients(self.kernel, &sources, &filters, view, d_y.images)
        } else {
            way.weight_gradients(self.kernel, &sources, window, &filters, view, d_y.images).0
        };
        let mut whole: Vec<(&Parameter, Vec<f32>)> = Vec::new();
        for (read, d_weight) in inputs.iter().zip(d_weights) {
            let tensor: &Tensor = &read.weight.tensor;
            let index = whole.iter().position(|(other, _)| other.tensor.id() == tensor.id());
            let index = index.unwrap_or_else(|| {
                whole.push((&read.weight, vec![0.0; read.weight.values.len()]));
                whole.len() - 1
            });
            let taps = kernel * kernel;
            let rows = whole[index].1.chunks_exact_mut(tensor.dims()[1] * taps);
            for (row, part) in rows.zip(d_weight.chunks_exact(read.channels * taps)) {
                row[read.first * taps..][..part.len()].copy_from_slice(part);
            }
        }
        for (parameter, values) in whole {
            gradients.set(parameter, values)?;
        }
        for (part, read) in inputs.iter().enumerate() {
            let Origin::Value { index, .. } = read.from else { continue };
            let plus = flow[index].take();
            flow[index] = Some(if read.is_doubled() {
                assert!(
                    part == 0 && plus.is_none() && self.values[index].high.is_none(),
                    "a doubled input comes first, has no activation of its own, and is read once"
                );
                doubled::input_gradient(self.kernel, view, d_y.images, &filters)
            } else {
                let onward = self.onward(index, plus.as_ref());
                let way = way.of_part(part, &filters);
                way.input_gradient(self.kernel, view, d_y.images, window, &filters, part, onward)
            });
        }
        Ok(())
    }
}
