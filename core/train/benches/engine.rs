//! The engine's convolutions, forward and backward, in operations per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use polychromify_core::internals::engine::bench::Shape;
use polychromify_core::internals::ops::Precision;
use polychromify_train::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Pictures, channels in, channels out, kernel, dilation, side: layers of Polychromify, and of ECCV16.
const LAYERS: &[[usize; 6]] = &[
    [4, 16, 32, 3, 1, 128],
    [4, 32, 64, 3, 1, 128],
    [4, 64, 256, 1, 1, 128],
    [4, 256, 128, 1, 1, 128],
    [4, 256, 64, 3, 1, 128],
    [8, 64, 64, 3, 1, 128],
    [8, 256, 256, 3, 1, 32],
    [8, 512, 512, 3, 2, 16],
    [1, 512, 512, 3, 2, 32],
];

fn convolution(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolution");
    group.sample_size(10);
    for &[images, inputs, outputs, kernel, dilation, side] in LAYERS {
        let shape = Shape { images, inputs, outputs, kernel, dilation, side };
        group.throughput(Throughput::Elements(shape.operations() as u64));
        for precision in [Precision::F32, Precision::Bf16] {
            let trial = shape.trial(precision, false);
            let name = format!(
                "{inputs} to {outputs}, {kernel}x{kernel}, {images}x{side}x{side}, {precision}"
            );
            let parts = [
                ("forward", &trial.forward),
                ("input gradient", &trial.input_gradient),
                ("weight gradient", &trial.weight_gradient),
            ];
            for (part, run) in parts {
                group.bench_function(BenchmarkId::new(part, &name), |b| b.iter(run));
            }
        }
    }
    group.finish();
}

criterion_group!(benches, convolution);
criterion_main!(benches);
