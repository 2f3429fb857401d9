//! The ways to Lab and back, the gamut and the painter, in pixels per second of one thread, with each set
//! of instructions, and a copy of samples in memory beside them.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use polychromify_core::{ChromaMap, Orientation, SamplesMut, Thumbnail};
use polychromify_image::color::lab::{self, RgbSpace};
use polychromify_image::isa::{self, Isa};

const WIDTH: usize = 4000;
const ROWS: usize = 64;
const PIXELS: usize = WIDTH * ROWS;

/// Smooth pseudo-random values in 0..1 that need no generator.
fn noise(i: usize) -> f32 {
    ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
}

fn planes(chroma: f32) -> [Vec<f32>; 3] {
    let plane = |low: f32, high: f32, step: usize| {
        (0..PIXELS).map(|i| low + (high - low) * noise(i * step)).collect()
    };
    [plane(20., 80., 1), plane(-chroma, chroma, 3), plane(-chroma, chroma, 7)]
}

fn map() -> ChromaMap {
    let mut thumbnail = Thumbnail::new(256, 192, Orientation::Upright, 256 * 192);
    thumbnail.push_rows(0, &(0..256 * 192).map(|i: usize| 100. * noise(i / 7)).collect::<Vec<_>>());
    let chroma = |i: usize| [30. * noise(i / 50) - 10., 30. * noise(i / 90) - 10.];
    ChromaMap::new(&thumbnail.finish(), &(0..256 * 192).map(chroma).collect::<Vec<_>>())
}

fn painting(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("nothing has used the pool yet");
    let mut group = c.benchmark_group("paint");
    let codes: Vec<u8> = (0..3 * PIXELS).map(|i| (255. * noise(i)) as u8).collect();
    // More than any cache holds.
    let large = codes.repeat(64);
    let mut copy = large.clone();
    group.throughput(Throughput::Elements(64 * PIXELS as u64));
    group.bench_function("copy of 8-bit RGB in memory", |b| {
        b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&large)));
    });
    group.finish();
    for isa in isa::ALL {
        isa::limit(isa);
        conversions(c, isa, &codes);
    }
}

/// All of it with no more than these instructions.
fn conversions(c: &mut Criterion, isa: Isa, codes: &[u8]) {
    let mut group = c.benchmark_group(format!("paint, {isa:?}"));
    group.sample_size(20);
    group.throughput(Throughput::Elements(PIXELS as u64));
    let mut lightness = vec![0.; PIXELS];
    group.bench_function("8-bit RGB to lightness", |b| {
        b.iter(|| lab::lightness_from_srgb8(black_box(codes), &mut lightness));
    });
    for (name, chroma) in [("all colors fit", 10.), ("many outside of the gamut", 60.)] {
        let given = planes(chroma);
        let mut work = given.clone();
        group.bench_function(format!("Lab to linear, {name}"), |b| {
            b.iter(|| {
                let [l, a, b] = &mut work;
                for (work, given) in [&mut *l, &mut *a, &mut *b].into_iter().zip(&given) {
                    work.copy_from_slice(given);
                }
                lab::chroma_rows_to_linear(RgbSpace::Srgb, l, a, b);
            });
        });
    }
    let given: Vec<f32> = (0..PIXELS).map(noise).collect();
    let mut rgb = vec![0; 3 * PIXELS];
    let [mut red, mut green, mut blue] = [given.clone(), given.clone(), given.clone()];
    group.bench_function("linear to 8-bit RGB", |b| {
        b.iter(|| {
            for plane in [&mut red, &mut green, &mut blue] {
                plane.copy_from_slice(&given);
            }
            let rgb = SamplesMut::Eight(&mut rgb);
            lab::encode_rows(RgbSpace::Srgb, &mut red, &mut green, &mut blue, rgb);
        });
    });
    let painter = map().painter(WIDTH as u32, 3000, 1.);
    let lightness: Vec<f32> =
        (0..PIXELS).map(|i| 20. + 60. * (i % WIDTH) as f32 / WIDTH as f32).collect();
    group.bench_function("painter, lightness to 8-bit RGB", |b| {
        b.iter(|| painter.paint_rows(0, black_box(&lightness), SamplesMut::Eight(&mut rgb)));
    });
    group.finish();
}

criterion_group!(benches, painting);
criterion_main!(benches);
