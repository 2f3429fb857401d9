//! Convolution at the shapes of Polychromify, forward and backward, in pixels per second.

#![expect(clippy::unwrap_used, reason = "the shapes are right")]

use std::hint::black_box;

use candle_core::{DType, Device, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use polychromify_core::ops::{self, Activation, Allocator, Conv, Precision, with_precision};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Channels in, channels out, kernel: the distinct layers of Polychromify.
const LAYERS: &[(usize, usize, usize)] = &[
    (1, 16, 3),
    (16, 32, 3),
    (32, 64, 3),
    (64, 256, 1),
    (256, 128, 1),
    (128, 64, 1),
    (256, 64, 3),
    (64, 32, 3),
    (16, 2, 3),
];
const SIDE: usize = 128;
const IMAGES: usize = 4;

fn convolution(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolution");
    group.sample_size(10);
    group.throughput(Throughput::Elements((IMAGES * SIDE * SIDE) as u64));
    for &(inputs, outputs, kernel) in LAYERS {
        let ones = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
        let x = Var::from_tensor(&ones(&[IMAGES, inputs, SIDE, SIDE])).unwrap();
        let weight = Var::from_tensor(&ones(&[outputs, inputs, kernel, kernel])).unwrap();
        let bias = Var::from_tensor(&ones(&[outputs])).unwrap();
        let conv = Conv { activation: Activation::Relu, ..Conv::default() };
        let name = format!("{inputs} to {outputs}, {kernel}x{kernel}");
        for precision in [Precision::F32, Precision::Bf16] {
            let convolve = || ops::conv2d(&x, &weight, Some(&bias), conv).unwrap();
            let forward = || with_precision(precision, convolve);
            let name = format!("{name}, {precision}");
            group.bench_function(BenchmarkId::new("forward", &name), |b| {
                b.iter(|| black_box(forward()));
            });
            let y = forward();
            group.bench_function(BenchmarkId::new("backward", &name), |b| {
                b.iter(|| black_box(y.backward().unwrap()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, convolution);
criterion_main!(benches);
