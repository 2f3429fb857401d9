//! Painting of a film's frame on one thread, beside copying what is painted: frames of 1080p whose luma has
//! grain, deep shadows and lights, with chroma planes of half and of full size, and the cost that a
//! frame of any size has.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use polychromify_core::{ChromaMap, ChromaShape, FrameFormat, FramePainter, Matrix, Viewer};

/// Smooth pseudo-random values in 0..1 that need no generator.
fn noise(i: usize) -> f32 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
}

fn format(width: u32, height: u32, chroma: ChromaShape) -> FrameFormat {
    FrameFormat { width, height, depth: 8, full_range: false, matrix: Matrix::Bt709, chroma }
}

/// Luma of a frame: waves from black to white, and grain.
fn luma(width: u32, height: u32) -> Vec<u8> {
    let wave = |x: u32, period: f32| (x as f32 / period).sin();
    let at = |i: u32| {
        let (x, y) = (i % width, i / width);
        let calm = 125.0 + 90.0 * wave(x, 190.0) + 40.0 * wave(y, 130.0);
        (calm + 12.0 * (noise(i as usize) - 0.5)).clamp(16.0, 235.0) as u8
    };
    (0..width * height).map(at).collect()
}

fn map(luma: &[u8], width: u32, height: u32) -> ChromaMap {
    let format = format(width, height, ChromaShape::S444);
    let image = Viewer::new(format, 256 * 256).view(luma);
    let (columns, rows) = image.size();
    let chroma = |i: usize| [30.0 * noise(i / 50) - 10.0, 40.0 * noise(i / 90) - 10.0];
    ChromaMap::new(&image, &(0..columns * rows).map(chroma).collect::<Vec<_>>())
}

fn painting(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("nothing has used the pool yet");
    let mut group = c.benchmark_group("film");
    group.sample_size(20);
    let (width, height) = (1920, 1080);
    let frame = luma(width, height);
    let map = map(&frame, width, height);
    let mut copy = [frame.clone(), frame.clone()];
    group.throughput(Throughput::Elements(1));
    group.bench_function("copy of two planes in memory", |b| {
        b.iter(|| copy.iter_mut().for_each(|plane| plane.copy_from_slice(black_box(&frame))));
    });
    for (name, chroma) in [("4:2:0", ChromaShape::S420), ("4:4:4", ChromaShape::S444)] {
        let painter = FramePainter::new(format(width, height, chroma), 1.0);
        group.bench_function(format!("chroma of 1080p, {name}"), |b| {
            b.iter(|| black_box(painter.paint(&map, black_box(&frame))));
        });
    }
    let painter = FramePainter::new(format(16, 16, ChromaShape::S444), 1.0);
    group.bench_function("chroma of 16 by 16 pixels: the grid", |b| {
        b.iter(|| black_box(painter.paint(&map, black_box(&frame[..256]))));
    });
    let viewer = Viewer::new(format(width, height, ChromaShape::S444), 256 * 256);
    group.bench_function("thumbnail of 1080p", |b| {
        b.iter(|| black_box(viewer.view(black_box(&frame))));
    });
    group.finish();
}

criterion_group!(benches, painting);
criterion_main!(benches);
