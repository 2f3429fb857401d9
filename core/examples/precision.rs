//! How far the colors of bf16 are from those of f32: mean Delta E (CIEDE2000) over the thumbnails of
//! photographs, and the time of a prediction in each, by turns.
//!
//!     cargo run --release -p polychromify-core --features train --example precision -- WEIGHTS PHOTO...
//!
//! WEIGHTS is a file or the name of built-in ones.
#![expect(clippy::print_stdout, reason = "the result")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use polychromify_core::device::DeviceChoice;
use polychromify_core::evaluate::ciede2000::ciede2000;
use polychromify_core::lab::Lab;
use polychromify_core::ops::{Allocator, Precision};
use polychromify_core::scan::Limits;
use polychromify_core::thumbnail::WorkImage;
use polychromify_core::{Colorizer, Device, Error, Hints, Result, Scan, Thumbnail, Weights};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or(Error::Train("usage: precision WEIGHTS PHOTO...".into()))?;
    let weights = Weights::find(&name, None)?;
    let device = Device::open(DeviceChoice::Cpu)?;
    if !Precision::Bf16.is_available() {
        println!("{}", device.precision(Precision::Bf16));
    }
    let open =
        |precision| Ok::<_, Error>(Colorizer::open(&weights, &device)?.in_precision(precision));
    let colorizers = [open(Precision::F32)?, open(Precision::Bf16)?];
    let (mut means, mut seconds) = (Vec::new(), [Vec::new(), Vec::new()]);
    for path in arguments.map(PathBuf::from) {
        let image = thumbnail(&path, colorizers[0].work_area())?;
        let mut chroma = Vec::new();
        for (colorizer, seconds) in colorizers.iter().zip(&mut seconds) {
            let start = Instant::now();
            chroma.push(colorizer.predict(&image, &Hints::default())?.chroma().to_vec());
            seconds.push(start.elapsed().as_secs_f64());
        }
        let lab = |l: f32, [a, b]: [f32; 2]| Lab { l, a, b };
        let pixels = image.lightness().iter().zip(chroma[0].iter().zip(&chroma[1]));
        let total: f64 = pixels.map(|(&l, (&x, &y))| ciede2000(lab(l, x), lab(l, y))).sum();
        means.push(total / chroma[0].len() as f64);
    }
    let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
    let worst = means.iter().fold(0.0, |most: f64, &mean| most.max(mean));
    println!("{} photographs with {name}: mean Delta E {mean:.3}, of one {worst:.3}", means.len());
    let [f32, bf16] = seconds.map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        1000.0 * seconds.get(seconds.len() / 2).copied().unwrap_or(0.0)
    });
    println!("a prediction: f32 {f32:.1} ms, bf16 {bf16:.1} ms, medians");
    Ok(())
}

fn thumbnail(path: &Path, area: usize) -> Result<WorkImage> {
    let mut scan = Scan::open(path, &Limits::new(1 << 32, 1 << 32))?;
    let info = scan.info().clone();
    let mut thumbnail = Thumbnail::new(info.width, info.height, info.orientation, area);
    scan.read_lightness(256, &mut |y, lightness| {
        thumbnail.push_rows(y, lightness);
        Ok(())
    })?;
    Ok(thumbnail.finish())
}
