//! The operations that networks made for `PyTorch` need, against candle's own.

use super::*;
use crate::nn::ops::{
    Padding, add_relu, conv_transpose2x, every_second, leaky_relu, upsample_bilinear,
};

#[test]
fn symmetric_padding_agrees_with_stock_for_strides_and_dilations() {
    let stock = |x: &Tensor, w: &Tensor, b: &Tensor, conv: Conv| {
        let padding = conv.dilation;
        // The gradient of candle's convolution fails where a stride leaves pixels over.
        let mut x = x.clone();
        for dim in [2, 3] {
            let read =
                (x.dim(dim)?.div_ceil(conv.stride) - 1) * conv.stride + 2 * conv.dilation + 1;
            x = x.pad_with_zeros(dim, padding, padding)?.narrow(dim, 0, read)?;
        }
        x.conv2d(w, 0, conv.stride, conv.dilation, 1)?
            .broadcast_add(&b.reshape((1, (), 1, 1))?)?
            .relu()
    };
    for (shape, outputs, stride, dilation) in
        [([2, 3, 8, 8], 4, 2, 1), ([1, 20, 10, 18], 33, 2, 1), ([2, 5, 9, 12], 3, 1, 2)]
    {
        let padding = Padding::Before([dilation; 2]);
        let conv = Conv { stride, dilation, padding, activation: Activation::Relu };
        let case = Case::new(shape, outputs, 3, stride);
        let expected = case.run(|x, w, b| stock(x, w, b, conv));
        let found = case.run(|x, w, b| composed(x, w, b, conv));
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(found, expected, &format!("{shape:?}, {conv:?}"));
        }
    }
    let case = Case::new([1, 2, 4, 4], 2, 3, 1);
    let conv = Conv { padding: Padding::Before([1, 3]), ..Conv::default() };
    assert!(conv2d(&case.x, &case.weight, Some(&case.bias), conv).is_err());
}

#[test]
fn transposed_convolution_and_its_gradients_agree_with_stock() {
    for shape in [[1, 1, 1, 1], [2, 3, 4, 5], [1, 20, 9, 17], [3, 40, 6, 6]] {
        for activation in [Activation::None, Activation::Relu, Activation::Tanh] {
            let mut rng = ChaCha8Rng::seed_from_u64(7);
            let outputs = shape[1] + 1;
            let var = |tensor| Var::from_tensor(&tensor).unwrap();
            let y_shape = [shape[0], outputs, 2 * shape[2], 2 * shape[3]];
            let case = Case {
                x: var(random(&mut rng, &shape)),
                weight: var(random(&mut rng, &[shape[1], outputs, 4, 4])),
                bias: var(random(&mut rng, &[outputs])),
                factor: random(&mut rng, &y_shape),
            };
            let expected = case.run(|x, w, b| {
                let y = x.conv_transpose2d(w, 1, 0, 2, 1)?;
                let y = y.broadcast_add(&b.reshape((1, (), 1, 1))?)?;
                match activation {
                    Activation::Relu => y.relu(),
                    Activation::Tanh => y.tanh(),
                    _ => Ok(y),
                }
            });
            let found = case.run(|x, w, b| conv_transpose2x(x, w, b, activation));
            for (found, expected) in found.iter().zip(&expected) {
                assert_close(found, expected, &format!("{shape:?}, {activation:?}"));
            }
        }
    }
    let x = Tensor::zeros((1, 2, 4, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    let bias = x.flatten_all().unwrap().narrow(0, 0, 2).unwrap();
    assert!(conv_transpose2x(&x, &x.narrow(2, 0, 3).unwrap(), &bias, Activation::None).is_err());
}

/// The result and the gradient of a function of one tensor.
fn run(shape: &[usize], function: impl Fn(&Tensor) -> Result<Tensor>) -> [Tensor; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let x = Var::from_tensor(&random(&mut rng, shape)).unwrap();
    let y = function(&x).unwrap();
    let factor = random(&mut rng, y.dims());
    let gradients = (&y * &factor).unwrap().sum_all().unwrap().backward().unwrap();
    [y, gradients.get(&x).unwrap().clone()]
}

fn assert_same(found: [Tensor; 2], expected: [Tensor; 2], what: &str) {
    assert_close(&found[0], &expected[0], what);
    assert_close(&found[1], &expected[1], &format!("gradient, {what}"));
}

#[test]
fn what_is_done_to_each_value_agrees_with_stock() {
    let shape = [2, 3, 4, 6];
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let other = random(&mut rng, &shape);
    assert_same(run(&shape, |x| add_relu(x, &other)), run(&shape, |x| (x + &other)?.relu()), "sum");
    let leaky = |x: &Tensor| x.maximum(&(x * 0.2)?);
    assert_same(run(&shape, |x| leaky_relu(x, 0.2)), run(&shape, leaky), "leaky");
    let picked = |x: &Tensor| {
        let even = |count: u32| Tensor::arange_step(0, count, 2, &Device::Cpu);
        x.index_select(&even(4)?, 2)?.index_select(&even(6)?, 3)
    };
    assert_same(run(&shape, every_second), run(&shape, picked), "every second");
    assert!(every_second(&other.narrow(2, 0, 3).unwrap()).is_err());
}

#[test]
fn bilinear_upsampling_agrees_with_stock_and_its_gradient_with_differences() {
    for (shape, factor) in [([1, 2, 3, 5], 4), ([2, 1, 1, 4], 2)] {
        let [found, gradient] = run(&shape, |x| upsample_bilinear(x, factor));
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let x = random(&mut rng, &shape);
        let (height, width) = (factor * shape[2], factor * shape[3]);
        let stock = |x: &Tensor| x.upsample_bilinear2d(height, width, false).unwrap();
        assert_close(&found, &stock(&x), "bilinear");
        // It is linear, so that its gradient is what each pixel by itself becomes.
        let weights = random(&mut rng, found.dims());
        let count = x.elem_count();
        let expected: Vec<f32> = (0..count)
            .map(|i| {
                let one = Tensor::from_iter(
                    (0..count).map(|j| f32::from(u8::from(i == j))),
                    &Device::Cpu,
                );
                let one = stock(&one.unwrap().reshape(&shape).unwrap());
                (one * &weights).unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap()
            })
            .collect();
        assert_close(
            &gradient,
            &Tensor::from_vec(expected, &shape, &Device::Cpu).unwrap(),
            "gradient",
        );
    }
}
