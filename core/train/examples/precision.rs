//! How far the colors of bf16 and of integers are from those of f32: mean Delta E (CIE76 and
//! CIEDE2000) over the thumbnails of photographs, and the time of a prediction in each, by turns.
//!
//!     cargo run --release -p polychromify-train --example precision -- WEIGHTS PHOTO...
//!
//! WEIGHTS is a file or the name of built-in ones.
#![expect(clippy::print_stdout, reason = "the result")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use polychromify_core::internals::ops::Precision;
use polychromify_core::{
    Arithmetic, Colorizer, Device, DeviceChoice, Error, Hints, Limits, Result, Scan, Thumbnail,
    Weights, WorkImage,
};
use polychromify_image::color::lab::Lab;
use polychromify_train::Allocator;
use polychromify_train::evaluate::ciede2000::ciede2000;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// One arithmetic beside f32.
struct Contender {
    colorizer: Colorizer,
    /// Mean Delta E of each photograph, by CIE76 and by CIEDE2000.
    distances: [Vec<f64>; 2],
    milliseconds: Vec<f64>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or(Error::Train("usage: precision WEIGHTS PHOTO...".into()))?;
    let weights = Weights::find(&name, None)?;
    let device = Device::open(DeviceChoice::Cpu)?;
    if !Precision::Bf16.is_available() {
        println!("{}", Precision::Bf16.on(&device));
    }
    let all = [Arithmetic::F32, Arithmetic::Bf16, Arithmetic::Integers];
    let mut contenders = Vec::new();
    for arithmetic in
        all.into_iter().filter(|&a| a != Arithmetic::Integers || weights.has_integers())
    {
        let colorizer = Colorizer::open_in(&weights, &device, arithmetic)?;
        contenders.push(Contender {
            colorizer,
            distances: Default::default(),
            milliseconds: Vec::new(),
        });
    }
    for path in arguments.map(PathBuf::from) {
        let image = thumbnail(&path, weights.work_area())?;
        let mut first: Option<Vec<[f32; 2]>> = None;
        for contender in &mut contenders {
            let start = Instant::now();
            let chroma = contender.colorizer.predict(&image, &Hints::default())?.chroma().to_vec();
            contender.milliseconds.push(1e3 * start.elapsed().as_secs_f64());
            let first = first.get_or_insert_with(|| chroma.clone());
            let lab = |l: f32, [a, b]: [f32; 2]| Lab { l, a, b };
            let (mut cie76, mut newer) = (0.0, 0.0);
            for (&l, (&x, &y)) in image.lightness().iter().zip(first.iter().zip(&chroma)) {
                cie76 += f64::from((x[0] - y[0]).hypot(x[1] - y[1]));
                newer += ciede2000(lab(l, x), lab(l, y));
            }
            contender.distances[0].push(cie76 / chroma.len() as f64);
            contender.distances[1].push(newer / chroma.len() as f64);
        }
    }
    for Contender { colorizer, distances: [cie76, newer], mut milliseconds } in contenders {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        milliseconds.sort_by(f64::total_cmp);
        println!(
            "{name} in {}, {} photographs: mean Delta E {:.3} (CIE76), of one {:.3}; {:.3} and {:.3} \
             (CIEDE2000); a prediction {:.1} ms (median)",
            colorizer.arithmetic(),
            cie76.len(),
            mean(&cie76),
            worst(&cie76),
            mean(&newer),
            worst(&newer),
            milliseconds.get(milliseconds.len() / 2).copied().unwrap_or(0.0)
        );
    }
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
