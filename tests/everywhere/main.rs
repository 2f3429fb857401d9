//! The default network's colors on each set of instructions and any number of threads: a process of
//! its own, because it limits the instructions of the whole process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use polychromify_core::{
    Arithmetic, Colorizer, Device, DeviceChoice, Hint, Hints, Orientation, SamplesMut, Thumbnail,
    Weights, WorkImage, hexadecimal,
};
use polychromify_image::isa;
use sha2::{Digest, Sha256};

/// Columns and rows: the network sees it enlarged to 224x128 and to 192x192.
const SIZES: [(u32, u32); 2] = [(200, 90), (500, 500)];

/// SHA-256 of each picture as painted.
const HASHES: [&str; 2] = [
    "545a99e97b269fb36b1ee73697b5da639a820581407c4c66e7da8911113b20ba",
    "6fdc14e81b641f9c62395a51ccb489e5114665e4672adbd0b7d01454ec4514ca",
];

fn lightness((width, height): (u32, u32)) -> Vec<f32> {
    let value = |i: u32| {
        let (x, y) = (i % width, i / width);
        let slope = (x * 3 + y * 2) % 256;
        let edge = if (x / 16 + y / 16).is_multiple_of(2) { 64 } else { 0 };
        (slope * 5 + edge * 8 + (x * 7919 + y * 104_729) % 31 * 8) as f32 / 21.0
    };
    (0..width * height).map(value).map(|l| l.min(100.0)).collect()
}

fn painted(colorizer: &Colorizer, size: (u32, u32)) -> String {
    let lightness = lightness(size);
    let mut thumbnail = Thumbnail::new(size.0, size.1, Orientation::Upright, colorizer.work_area());
    thumbnail.push_rows(0, &lightness);
    let image: WorkImage = thumbnail.finish();
    let hint = Hint { x: 40.0, y: 50.0, radius: 8.0, rgb: [200, 40, 30], page: 1 };
    let mut hash = Sha256::new();
    let mut paint = |map: polychromify_core::ChromaMap| {
        let mut rgb = vec![0_u16; 3 * lightness.len()];
        map.painter(size.0, size.1, 1.5).paint_rows(0, &lightness, SamplesMut::Sixteen(&mut rgb));
        for sample in rgb {
            hash.update(sample.to_le_bytes());
        }
    };
    paint(colorizer.predict(&image, &Hints::default()).unwrap());
    paint(colorizer.predict(&image, &Hints::Discs(vec![hint])).unwrap());
    colorizer
        .predict_other(&image, &Hints::default(), None, 1)
        .unwrap()
        .into_iter()
        .for_each(paint);
    hexadecimal(&hash.finalize())
}

#[test]
fn every_set_of_instructions_and_number_of_threads_gives_the_same_colors() {
    let device = Device::open(DeviceChoice::Cpu).unwrap();
    let weights = Weights::default_weights().unwrap();
    let colorizer = Colorizer::open(&weights, &device).unwrap();
    assert_eq!(colorizer.arithmetic(), Arithmetic::Integers);
    for most in isa::ALL {
        isa::limit(most);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| SIZES.map(|size| painted(&colorizer, size)));
            assert_eq!(found, HASHES, "up to {most:?}, {threads} threads");
        }
    }
}
