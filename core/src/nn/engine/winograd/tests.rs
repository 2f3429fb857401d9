//! Against the direct way, and against candle's own convolution.
//!
//! How far results may be off: rounding errors of f32, 6e-8 each, that F(4x4, 3x3) enlarges by some
//! tens, since `B^T` and `A^T` multiply by up to 8 and cancel again. 3e-6 of a result's length is the most
//! that is found here, and a pixel that is missed at an edge, or counted twice, would be thousandths.

use candle_core::{Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::nn::engine::head::features_of;
use crate::nn::engine::tests::{distance, features, kernels};
use crate::nn::engine::ways::Way;
use crate::nn::engine::weights::Part;
use crate::nn::ops::Conv;

const TOLERANCE: f64 = 1e-5;

/// A convolution of made-up numbers, of sources of so many channels.
struct Case {
    sources: Vec<Features<f32>>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    d_y: Features<f32>,
    dilation: usize,
}

/// All that is calculated of it, one after another.
#[derive(PartialEq)]
struct Results {
    y: Vec<f32>,
    d_sources: Vec<Vec<f32>>,
    d_weights: Vec<Vec<f32>>,
    d_bias: Vec<f32>,
}

impl Case {
    fn new(
        images: usize,
        channels: &[usize],
        outputs: usize,
        size: [usize; 2],
        dilation: usize,
    ) -> Self {
        let source = |(i, &channels)| features(i as u64, images, channels, size);
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let mut numbers =
            |count: usize| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f32>>();
        Self {
            sources: channels.iter().enumerate().map(source).collect(),
            weights: numbers(outputs * channels.iter().sum::<usize>() * 9),
            bias: numbers(outputs.next_multiple_of(LANES)),
            d_y: features(8, images, outputs, size),
            dilation,
        }
    }

    /// One image and several; sizes of one tile, of parts of tiles, and of many tiles; channels that fill
    /// no blocks, and several panels; kernels whose pixels lie apart.
    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (images, size) in
            [(1, [1, 1]), (2, [3, 5]), (1, [4, 8]), (3, [13, 11]), (2, [24, 25]), (1, [70, 66])]
        {
            for dilation in 1..4 {
                for [inputs, outputs] in [[1, 1], [3, 70], [70, 5], [16, 32], [33, 17], [50, 64]] {
                    cases.push(Self::new(images, &[inputs], outputs, size, dilation));
                }
            }
        }
        cases.push(Self::new(2, &[20, 3, 33], 18, [9, 10], 1));
        cases.push(Self::new(1, &[5, 16], 40, [17, 6], 2));
        // More tiles, and more filters, than are held at once.
        cases.push(Self::new(9, &[64], 32, [32, 64], 1));
        cases.push(Self::new(2, &[520], 540, [8, 9], 1));
        cases
    }

    fn filters(&self) -> Filters<'_> {
        let inputs = self.sources.iter().map(|source| source.channels).sum();
        let mut first = 0;
        let part = |source: &Features<f32>| {
            first += source.channels;
            Part {
                weights: &self.weights[..],
                inputs,
                first: first - source.channels,
                channels: source.channels,
                scale: 1.0,
            }
        };
        let parts = self.sources.iter().map(part).collect();
        Filters { parts, outputs: self.d_y.channels, kernel: 3 }
    }

    fn window(&self) -> Window {
        Window::of(Conv { dilation: self.dilation, ..Conv::default() }, 3, self.d_y.size())
    }

    /// With bias and an activation; of gradients, what the source lets through and what comes from
    /// elsewhere.
    fn results(&self, kernel: Kernel, way: Way) -> Results {
        let (filters, window, images) = (self.filters(), self.window(), self.d_y.images);
        let views: Vec<_> = self.sources.iter().map(Features::view).collect();
        let layer = Layer {
            filters: &filters,
            window,
            bias: Some(&self.bias),
            activation: Activation::Relu,
        };
        let d_source = |(part, source)| {
            let onward = Onward { gate: Some((source, 0.5)), plus: Some(source) };
            let d_y = self.d_y.view();
            way.input_gradient(kernel, d_y, images, window, &filters, part, onward).values
        };
        let (d_weights, d_bias) =
            way.weight_gradients(kernel, &views, window, &filters, self.d_y.view(), images);
        Results {
            y: way.convolve(kernel, &views, images, layer).values,
            d_sources: self.sources.iter().enumerate().map(d_source).collect(),
            d_weights,
            d_bias,
        }
    }

    fn name(&self) -> String {
        let channels: Vec<_> = self.sources.iter().map(|source| source.channels).collect();
        let Features { images, channels: outputs, .. } = self.d_y;
        format!("{images} x {channels:?} to {outputs}, {:?}, {}", self.d_y.size(), self.dilation)
    }
}

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    let off = distance(found, expected, 0.0);
    assert!(off < TOLERANCE, "{what}: {off}");
}

#[test]
fn results_are_those_of_the_direct_way() {
    for case in Case::all() {
        let expected = case.results(Kernel::best::<f32>(), Way::Direct);
        for kernel in kernels::<f32>() {
            let found = case.results(kernel, Way::Winograd);
            let what = |part: &str| format!("{}, {kernel:?}: {part}", case.name());
            assert_near(&found.y, &expected.y, &what("results"));
            for (found, expected) in found.d_sources.iter().zip(&expected.d_sources) {
                assert_near(found, expected, &what("inputs"));
            }
            for (found, expected) in found.d_weights.iter().zip(&expected.d_weights) {
                assert_near(found, expected, &what("weights"));
            }
            assert_near(&found.d_bias, &expected.d_bias, &what("biases"));
        }
    }
}

fn noise(shape: [usize; 4], seed: u64) -> Tensor {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|_| random.random_range(-1f32..1.0));
    Tensor::from_iter(values, &Device::Cpu).unwrap().reshape(shape.to_vec()).unwrap()
}

#[test]
fn results_are_those_of_candle() {
    for (images, [inputs, outputs], [height, width], dilation) in
        [(2, [19, 35], [13, 10], 1), (1, [7, 70], [9, 21], 2), (3, [40, 4], [6, 5], 3)]
    {
        let x = Var::from_tensor(&noise([images, inputs, height, width], 1)).unwrap();
        let weight = Var::from_tensor(&noise([outputs, inputs, 3, 3], 2)).unwrap();
        let d_y = noise([images, outputs, height, width], 3);
        let y = x.conv2d(&weight, dilation, 1, dilation, 1).unwrap();
        let gradients = (&y * &d_y).unwrap().sum_all().unwrap().backward().unwrap();
        let expected = |tensor: &Tensor| features_of::<f32>(tensor).unwrap().values;

        let (values, d_y) = (features_of::<f32>(&x).unwrap(), features_of::<f32>(&d_y).unwrap());
        let weights: Vec<f32> = weight.flatten_all().unwrap().to_vec1().unwrap();
        let filters = Filters::whole(&weights, weight.dims());
        let conv = Conv { dilation, ..Conv::default() };
        let window = Window::of(conv, 3, [height, width]);
        let layer = Layer { filters: &filters, window, bias: None, activation: Activation::None };
        let (way, none) = (Way::Winograd, Onward { gate: None, plus: None });
        for kernel in kernels::<f32>() {
            let found = way.convolve(kernel, &[values.view()], images, layer).values;
            assert_near(&found, &expected(&y), "results");
            let found = way.input_gradient(kernel, d_y.view(), images, window, &filters, 0, none);
            assert_near(&found.values, &expected(gradients.get(&x).unwrap()), "inputs");
            let (views, d_y) = ([values.view()], d_y.view());
            let found = way.weight_gradients(kernel, &views, window, &filters, d_y, images).0;
            let expected = gradients.get(&weight).unwrap().flatten_all().unwrap();
            assert_near(&found[0], &expected.to_vec1().unwrap(), "weights");
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for case in Case::all() {
        let results = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| case.results(Kernel::best::<f32>(), Way::Winograd))
        };
        let one = results(1);
        assert!(one == results(2), "{}", case.name());
        assert!(one == results(5), "{}", case.name());
    }
}

/// A convolution is linear in its inputs and in its weights: what both gradients say of the sum of
/// `y * dY` is that sum itself.
#[test]
fn gradients_of_inputs_and_of_weights_say_the_same() {
    let case = Case::new(2, &[35], 50, [22, 19], 2);
    let (filters, window) = (case.filters(), case.window());
    let layer = Layer { filters: &filters, window, bias: None, activation: Activation::None };
    let product = |a: &[f32], b: &[f32]| -> f64 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    for kernel in kernels::<f32>() {
        let (way, views, d_y) = (Way::Winograd, [case.sources[0].view()], case.d_y.view());
        let y = way.convolve(kernel, &views, 2, layer).values;
        let none = Onward { gate: None, plus: None };
        let d_x = way.input_gradient(kernel, d_y, 2, window, &filters, 0, none).values;
        let d_weights = way.weight_gradients(kernel, &views, window, &filters, d_y, 2).0;
        let sum = product(&y, &case.d_y.values);
        let length = product(&y, &y).sqrt() * product(&case.d_y.values, &case.d_y.values).sqrt();
        for said in [product(&d_x, &case.sources[0].values), product(&d_weights[0], &case.weights)]
        {
            assert!((said - sum).abs() < 1e-6 * length, "{kernel:?}: {said}, {sum}");
        }
    }
}
