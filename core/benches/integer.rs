//! The inner loops of layers in integers and of their head, on each set of instructions that the processor has.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use polychromify_core::internals::model::integers::head_loops;
use polychromify_core::internals::ops::integer_loops;

fn loops(c: &mut Criterion) {
    let mut group = c.benchmark_group("integer");
    group.sample_size(20);
    for mut layer in integer_loops().into_iter().chain(head_loops()) {
        group.throughput(Throughput::Elements(layer.products));
        let id = BenchmarkId::new(layer.name, layer.instructions);
        group.bench_function(id, |b| b.iter(&mut layer.run));
    }
    group.finish();
}

criterion_group!(benches, loops);
criterion_main!(benches);
