//! Convolutions to measure, for `core/train/benches/engine.rs` and the example `compare`.

use half::bf16;

use super::conv::Onward;
use super::features::Features;
use super::kernel::Kernel;
use super::lanes::Element;
use super::pack::Window;
use super::ways::{Layer, Way};
use super::weights::Filters;
use crate::nn::ops::{Activation, Conv, Precision};

/// A convolution without bias, on all threads.
pub struct Trial {
    /// The forward pass, its weights made ready before.
    pub forward: Box<dyn Fn()>,
    /// The gradient of the input.
    pub input_gradient: Box<dyn Fn()>,
    /// The gradient of the weights.
    pub weight_gradient: Box<dyn Fn()>,
}

/// Of so many square pictures, channels in, channels out, with a square kernel.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Pictures.
    pub images: usize,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Distance of the pixels under it.
    pub dilation: usize,
    /// Rows and columns of a picture.
    pub side: usize,
}

impl Shape {
    /// Multiplications and additions of a forward pass; of each gradient as many.
    pub fn operations(&self) -> f64 {
        let pixels = self.images * self.side * self.side;
        2.0 * (pixels * self.inputs * self.outputs * self.kernel * self.kernel) as f64
    }

    /// Made-up numbers of this shape.
    pub fn trial(self, precision: Precision, winograd: bool) -> Trial {
        let way = if winograd { Way::Winograd } else { Way::Direct };
        match precision {
            Precision::F32 => trial::<f32>(self, way),
            Precision::Bf16 => trial::<bf16>(self, way),
        }
    }
}

fn trial<E: Element>(shape: Shape, way: Way) -> Trial {
    let Shape { images, inputs, outputs, kernel: side_of_kernel, dilation, side } = shape;
    let kernel = Kernel::best::<E>();
    let features = |channels: usize, step: usize| {
        let mut features = Features::<E>::zeros(images, channels, [side, side]);
        for (i, value) in features.values.iter_mut().enumerate() {
            *value = E::from_f32((i % step) as f32 / step as f32 - 0.5);
        }
        features
    };
    let dims = [outputs, inputs, side_of_kernel, side_of_kernel];
    let weights: Vec<f32> =
        (0..dims.iter().product()).map(|i| (i % 101) as f32 / 101.0 - 0.5).collect();
    let conv = Conv { dilation, ..Conv::default() };
    let window = Window::of(conv, side_of_kernel, [side, side]);
    let (x, of_forward) = (features(inputs, 17), weights.clone());
    let forward = move || {
        let layer = Layer {
            filters: &Filters::whole(&of_forward, &dims),
            window,
            bias: None,
            activation: Activation::None,
        };
        drop(way.convolve::<E>(kernel, &[x.view()], images, layer));
    };
    let (d_y, of_input) = (features(outputs, 13), weights.clone());
    let input = move || {
        let (filters, onward) =
            (Filters::whole(&of_input, &dims), Onward { gate: None, plus: None });
        drop(way.input_gradient(kernel, d_y.view(), images, window, &filters, 0, onward));
    };
    let (x, d_y) = (features(inputs, 17), features(outputs, 13));
    let weight = move || {
        let filters = Filters::whole(&weights, &dims);
        drop(way.weight_gradients(kernel, &[x.view()], window, &filters, d_y.view(), images));
    };
    Trial {
        forward: Box::new(forward),
        input_gradient: Box::new(input),
        weight_gradient: Box::new(weight),
    }
}
