//! The composed operations against candle's own.

mod pytorch;

use candle_core::{Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Activation, Conv, conv2d, upsample2x};

/// Input `(N, Cin, H, W)`, channels of the result, kernel, stride, dilation.
const CASES: &[([usize; 4], usize, usize, usize, usize)] = &[
    ([2, 3, 8, 8], 4, 3, 1, 1),
    ([1, 1, 7, 5], 2, 3, 1, 1),
    ([3, 2, 9, 6], 5, 1, 1, 1),
    ([2, 3, 8, 10], 4, 3, 2, 1),
    ([2, 3, 9, 7], 4, 3, 2, 1),
    ([1, 2, 6, 9], 3, 1, 2, 1),
    ([2, 2, 8, 7], 3, 2, 1, 1),
    ([1, 3, 11, 12], 2, 5, 2, 1),
    ([2, 2, 9, 8], 3, 3, 1, 2),
    ([1, 1, 1, 1], 1, 3, 1, 1),
    ([1, 20, 40, 50], 33, 3, 1, 1),
    ([2, 70, 33, 35], 65, 1, 1, 1),
    ([2, 64, 17, 70], 48, 3, 1, 1),
];

const ACTIVATIONS: [Activation; 4] =
    [Activation::None, Activation::Relu, Activation::Relu6, Activation::Tanh];

const NAMES: [&str; 4] = ["result", "input", "weight", "bias"];

struct Case {
    x: Var,
    weight: Var,
    bias: Var,
    /// The loss is the sum of the result times this.
    factor: Tensor,
}

fn random(rng: &mut ChaCha8Rng, shape: &[usize]) -> Tensor {
    let values: Vec<f32> =
        (0..shape.iter().product()).map(|_| rng.random_range(-1f32..1.)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

impl Case {
    fn new(x: [usize; 4], outputs: usize, kernel: usize, stride: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let var = |tensor| Var::from_tensor(&tensor).unwrap();
        let y = [x[0], outputs, x[2].div_ceil(stride), x[3].div_ceil(stride)];
        Self {
            x: var(random(&mut rng, &x)),
            weight: var(random(&mut rng, &[outputs, x[1], kernel, kernel])),
            bias: var(random(&mut rng, &[outputs])),
            factor: random(&mut rng, &y),
        }
    }

    /// The result and the gradients by input, weight and bias.
    fn run(&self, conv: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>) -> [Tensor; 4] {
        let y = conv(&self.x, &self.weight, &self.bias).unwrap();
        let loss = (&y * &self.factor).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let of = |var: &Var| gradients.get(var).unwrap().clone();
        [y, of(&self.x), of(&self.weight), of(&self.bias)]
    }
}

/// Candle's own convolution, padded as TensorFlow does.
fn stock(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    let mut padded = x.clone();
    for dim in [2, 3] {
        // tf.nn's "SAME" for a dimension: total padding, of which half, rounded down, before.
        let (size, kernel) = (x.dim(dim)?, (weight.dim(dim)? - 1) * conv.dilation + 1);
        let total = if size % conv.stride == 0 {
            kernel.saturating_sub(conv.stride)
        } else {
            kernel.saturating_sub(size % conv.stride)
        };
        padded = padded.pad_with_zeros(dim, total / 2, total - total / 2)?;
        // The gradient of candle's convolution fails where a stride leaves pixels over.
        let read = (size.div_ceil(conv.stride) - 1) * conv.stride + kernel;
        padded = padded.narrow(dim, 0, read)?;
    }
    let y = padded
        .conv2d(weight, 0, conv.stride, conv.dilation, 1)?
        .broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
    match conv.activation {
        Activation::None => Ok(y),
        Activation::Relu => y.relu(),
        Activation::Relu6 => y.clamp(0f32, 6f32),
        Activation::Tanh => y.tanh(),
    }
}

fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() <= 1e-4 * largest.max(1e-3), "{what}: {f}, expected {e}");
    }
}

fn assert_agrees(
    conv: impl Fn(&Tensor, &Tensor, &Tensor, Conv) -> Result<Tensor>,
    reference: impl Fn(&Tensor, &Tensor, &Tensor, Conv) -> Result<Tensor>,
) {
    for &(x, outputs, kernel, stride, dilation) in CASES {
        for activation in ACTIVATIONS {
            let settings = Conv { stride, dilation, activation, ..Conv::default() };
            let case = Case::new(x, outputs, kernel, stride);
            let found = case.run(|x, w, b| conv(x, w, b, settings));
            let expected = case.run(|x, w, b| reference(x, w, b, settings));
            for ((found, expected), name) in found.iter().zip(&expected).zip(NAMES) {
                let what = format!("{name} of {x:?} to {outputs}, kernel {kernel}, {settings:?}");
                assert_close(found, expected, &what);
            }
        }
    }
}

fn composed(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    conv2d(x, weight, Some(bias), conv)
}

#[test]
fn convolution_and_its_gradients_agree_with_stock() {
    assert_agrees(composed, stock);
}

#[test]
fn no_bias_is_a_bias_of_zero() {
    let case = Case::new([2, 3, 6, 5], 4, 3, 1);
    let conv = Conv::default();
    let zero = case.bias.zeros_like().unwrap();
    let expected = stock(&case.x, &case.weight, &zero, conv).unwrap();
    assert_close(&conv2d(&case.x, &case.weight, None, conv).unwrap(), &expected, "no bias");
}

#[test]
fn relu_has_no_gradient_at_zero() {
    let x = Var::zeros((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let weight = Tensor::ones((1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let conv = Conv { activation: Activation::Relu, ..Conv::default() };
    let y = conv2d(&x, &weight, None, conv).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    let gradient: Vec<f32> = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(gradient, [0.; 4]);
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let case = Case::new([1, 3, 4, 4], 2, 3, 1);
    let conv = Conv::default();
    assert!(conv2d(&case.x, &case.weight, Some(&case.weight), conv).is_err());
    assert!(conv2d(&case.x.narrow(1, 0, 2).unwrap(), &case.weight, None, conv).is_err());
    assert!(conv2d(&case.x, &case.weight, None, Conv { stride: 0, ..conv }).is_err());
}

#[test]
fn upsampling_and_its_gradient_agree_with_stock() {
    for shape in [[2, 3, 4, 6], [1, 1, 1, 1], [1, 2, 5, 3]] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let x = Var::from_tensor(&random(&mut rng, &shape)).unwrap();
        let (height, width) = (2 * shape[2], 2 * shape[3]);
        let factor = random(&mut rng, &[shape[0], shape[1], height, width]);
        let run = |y: Tensor| {
            let gradients = (&y * &factor).unwrap().sum_all().unwrap().backward().unwrap();
            (y, gradients.get(&x).unwrap().clone())
        };
        let expected = run(x.upsample_nearest2d(height, width).unwrap());
        let found = run(upsample2x(&x).unwrap());
        assert_close(&found.0, &expected.0, "result");
        assert_close(&found.1, &expected.1, "gradient");
    }
}
