//! The fast operations and the composed ones against candle's own.

mod pytorch;

use candle_core::{DType, Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::conv::FusedConv;
use super::depthwise::Depthwise;
use super::{
    Activation, Conv, Precision, composed, conv2d, depthwise2d, upsample2x, with_precision,
};

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

fn fast(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    conv2d(x, weight, Some(bias), conv)
}

fn portable(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    let precision = Precision::F32;
    x.apply_op3(weight, bias, FusedConv { conv, precision, constant: None, portable: true })
}

fn in_bf16(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    let precision = Precision::Bf16;
    x.apply_op3(weight, bias, FusedConv { conv, precision, constant: None, portable: false })
}

fn slow(x: &Tensor, weight: &Tensor, bias: &Tensor, conv: Conv) -> Result<Tensor> {
    composed::conv2d(x, weight, Some(bias), conv)
}

#[test]
fn fast_convolution_and_its_gradients_agree_with_stock() {
    assert_agrees(fast, stock);
}

#[test]
fn portable_convolution_and_its_gradients_agree_with_fast() {
    assert_agrees(portable, fast);
}

/// The values of a tensor rounded to bfloat16.
fn rounded(tensor: &Tensor) -> Tensor {
    tensor.to_dtype(DType::BF16).unwrap().to_dtype(DType::F32).unwrap()
}

#[test]
fn bf16_convolution_and_its_gradients_are_those_of_rounded_operands() {
    for &(x, outputs, kernel, stride, dilation) in CASES {
        // The gradient before `tanh` would be rounded once more.
        for activation in [Activation::None, Activation::Relu, Activation::Relu6] {
            let conv = Conv { stride, dilation, activation, ..Conv::default() };
            let mut case = Case::new(x, outputs, kernel, stride);
            case.x = Var::from_tensor(&rounded(&case.x)).unwrap();
            case.weight = Var::from_tensor(&rounded(&case.weight)).unwrap();
            case.factor = rounded(&case.factor);
            let found = case.run(|x, w, b| in_bf16(x, w, b, conv));
            let expected = case.run(|x, w, b| fast(x, w, b, conv));
            for ((found, expected), name) in found.iter().zip(&expected).zip(NAMES) {
                let what = format!("{name} of {x:?} to {outputs}, kernel {kernel}, {conv:?}");
                assert_close(found, expected, &what);
            }
        }
    }
}

#[test]
fn bf16_convolution_is_near_that_of_f32_and_away_from_it_where_the_processor_has_it() {
    let case = Case::new([2, 64, 17, 70], 48, 3, 1);
    let conv = Conv::default();
    let found = case.run(|x, w, b| in_bf16(x, w, b, conv));
    let expected = case.run(|x, w, b| fast(x, w, b, conv));
    for ((found, expected), name) in found.iter().zip(&expected).zip(NAMES) {
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        let error = (norm(&(found - expected).unwrap()) / norm(expected)).sqrt();
        // Each operand is off by 2^-9 of itself at most, and errors are independent.
        assert!(error < 0.004, "{name}: {error}");
        assert_eq!(
            error > 1e-5,
            Precision::Bf16.is_available() && name != "bias",
            "{name}: {error}"
        );
    }
}

#[test]
fn a_layer_that_sees_the_picture_is_f32_in_any_case() {
    for (channels, differs) in [(1, false), (4, false), (5, Precision::Bf16.is_available())] {
        let case = Case::new([1, channels, 9, 20], 8, 3, 1);
        let run = |precision| {
            let conv = || conv2d(&case.x, &case.weight, Some(&case.bias), Conv::default());
            let y = with_precision(precision, conv).unwrap();
            y.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(run(Precision::Bf16) != run(Precision::F32), differs, "{channels} channels");
    }
}

#[test]
fn composed_convolution_and_its_gradients_agree_with_fast() {
    assert_agrees(slow, fast);
}

#[test]
fn no_bias_is_a_bias_of_zero() {
    let case = Case::new([2, 3, 6, 5], 4, 3, 1);
    let conv = Conv::default();
    let zero = case.bias.zeros_like().unwrap();
    let expected = stock(&case.x, &case.weight, &zero, conv).unwrap();
    assert_close(&conv2d(&case.x, &case.weight, None, conv).unwrap(), &expected, "fast");
    assert_close(
        &composed::conv2d(&case.x, &case.weight, None, conv).unwrap(),
        &expected,
        "composed",
    );
}

#[test]
fn relu_has_no_gradient_at_zero() {
    let x = Var::zeros((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let weight = Tensor::ones((1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
    let conv = Conv { activation: Activation::Relu, ..Conv::default() };
    for y in [conv2d(&x, &weight, None, conv), composed::conv2d(&x, &weight, None, conv)] {
        let gradients = y.unwrap().sum_all().unwrap().backward().unwrap();
        let gradient: Vec<f32> =
            gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(gradient, [0.; 4]);
    }
}

#[test]
fn bits_depend_neither_on_the_run_nor_on_the_number_of_threads() {
    let bits = |conv: fn(&Tensor, &Tensor, &Tensor, Conv) -> _, threads: usize| -> Vec<u32> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let case = Case::new([5, 24, 40, 64], 40, 3, 1);
        let settings = Conv { activation: Activation::Relu, ..Conv::default() };
        let found = pool.install(|| case.run(|x, w, b| conv(x, w, b, settings)));
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        found.iter().flat_map(values).map(f32::to_bits).collect()
    };
    for (name, conv) in
        [("fast", fast as fn(&_, &_, &_, _) -> _), ("bf16", in_bf16), ("portable", portable)]
    {
        let once = bits(conv, 1);
        for threads in [1, 2, 3, 8] {
            assert!(bits(conv, threads) == once, "{name}, {threads} threads");
        }
    }
}

#[test]
fn depthwise_convolution_agrees_with_the_composed_one_however_it_is_computed() {
    let sizes = [[1, 4, 8, 8], [2, 3, 9, 7], [1, 2, 1, 1], [1, 5, 33, 70], [1, 1, 3, 130]];
    for (shape, kernel, stride) in
        sizes.iter().flat_map(|&shape| [(3, 1), (3, 2), (5, 1), (5, 2)].map(|(k, s)| (shape, k, s)))
    {
        let mut case = Case::new(shape, shape[1], kernel, stride);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let weight = random(&mut rng, &[shape[1], 1, kernel, kernel]);
        case.weight = Var::from_tensor(&weight).unwrap();
        for activation in ACTIVATIONS {
            let conv = Conv { stride, activation, ..Conv::default() };
            let what = format!("{shape:?}, kernel {kernel}, {conv:?}");
            let expected = case.run(|x, w, b| composed::depthwise2d(x, w, b, conv));
            let fast = case.run(|x, w, b| depthwise2d(x, w, b, conv));
            let portable =
                case.run(|x, w, b| x.apply_op3(w, b, Depthwise { conv, portable: true }));
            for (i, expected) in expected.iter().enumerate() {
                let what = format!("{what}, {}", NAMES[i]);
                assert_close(&fast[i], expected, &what);
                assert_close(&portable[i], expected, &format!("portable, {what}"));
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let x = Tensor::zeros((1, 2, 4, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    let weight = |channels, kernel| {
        x.zeros_like()
            .unwrap()
            .flatten_all()
            .unwrap()
            .narrow(0, 0, channels * kernel * kernel)
            .unwrap()
            .reshape((channels, 1, kernel, kernel))
            .unwrap()
    };
    let bias = x.zeros_like().unwrap().flatten_all().unwrap().narrow(0, 0, 2).unwrap();
    assert!(depthwise2d(&x, &weight(2, 3), &bias, Conv::default()).is_ok());
    assert!(depthwise2d(&x, &weight(3, 3), &bias, Conv::default()).is_err());
    assert!(depthwise2d(&x, &weight(2, 2), &bias, Conv::default()).is_err());
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
        for (name, y) in [("fast", upsample2x(&x)), ("composed", composed::upsample2x(&x))] {
            let found = run(y.unwrap());
            assert_close(&found.0, &expected.0, name);
            assert_close(&found.1, &expected.1, name);
        }
    }
}
