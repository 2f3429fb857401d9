//! Measures how well toned black-and-white scans are told from photographs in color, and fits the
//! constants of `core/src/colorize/tone.rs`.
//!
//! Takes black-and-white scans (gray or toned ones), `--`, and photographs in color. Both are also
//! turned gray and toned anew in seven ways, with what happens to prints and scans: uneven yellowing,
//! stains, stamps, colored grain, misregistration, mounts, control strips, JPEG.
//!
//! ```sh
//! cargo run --release -p polychromify-train --example tone -- \
//!     $(find ../shared/historical -type f -not -name '*.tsv') -- ../shared/people/*.jpg
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use image::RgbImage;
use polychromify_core::{Limits, Scan, Thumbnail, Toning, Verdict};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

mod prints;

use prints::{KINDS, Kind};

/// A scan that was judged.
struct Case {
    color: bool,
    kind: &'static str,
    name: String,
    toning: Toning,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(middle) = arguments.iter().position(|argument| argument == "--") else {
        return Err("tone BLACK-AND-WHITE... -- COLOR...".into());
    };
    let (gray, color) = (&arguments[..middle], &arguments[middle + 1..]);
    let folder = tempfile::tempdir()?;
    let scans = gray.iter().map(|file| (file, None)).chain(color.iter().map(|f| (f, Some(true))));
    // Every second color photograph is toned once, every black-and-white one in all ways.
    let toned = gray.iter().flat_map(|file| KINDS.map(|kind| (file, kind)));
    let toned = toned
        .chain(color.iter().step_by(2).enumerate().map(|(i, file)| (file, KINDS[i % KINDS.len()])));
    let toned: Vec<(&String, Kind)> = toned.collect();
    let mut cases: Vec<Case> = scans
        .collect::<Vec<_>>()
        .into_par_iter()
        .filter_map(|(file, color)| {
            let (color, kind) = (color.is_some(), if color.is_some() { "color" } else { "scans" });
            let toning = told(file, judge(Path::new(file)))?;
            Some(Case { color, kind, name: file.clone(), toning })
        })
        .collect();
    cases.par_extend(toned.into_par_iter().enumerate().filter_map(|(seed, (file, kind))| {
        let mut generator = ChaCha8Rng::seed_from_u64(seed as u64);
        let photograph = told(file, image::open(file))?;
        let print = prints::print(&photograph, kind, &mut generator);
        let path = told(file, save(&print.picture, print.jpeg_quality, folder.path(), seed))?;
        let toning = told(file, judge(&path))?;
        told(file, std::fs::remove_file(path))?;
        let name = format!("{file} {}", print.told);
        Some(Case { color: false, kind: kind.name(), name, toning })
    }));
    report(&mut cases);
    Ok(())
}

/// The value, or else a message.
#[expect(clippy::print_stderr, reason = "the example goes on without this file")]
fn told<T, E: std::fmt::Display>(file: &str, result: Result<T, E>) -> Option<T> {
    result.map_err(|error| eprintln!("{file}: {error}")).ok()
}

fn judge(path: &Path) -> polychromify_core::Result<Toning> {
    let mut scan = Scan::open(path, &Limits::new(1 << 32, 1 << 30))?;
    let info = scan.info().clone();
    let mut thumbnail = Thumbnail::new(info.width, info.height, info.orientation, 256 * 256);
    scan.read_lightness(64, &mut |y, rows| {
        thumbnail.push_rows(y, rows);
        Ok(())
    })?;
    Ok(scan.toning(&thumbnail.finish()).expect("the scan was read"))
}

fn save(
    picture: &RgbImage,
    quality: Option<u8>,
    folder: &Path,
    number: usize,
) -> Result<PathBuf, Box<dyn Error>> {
    let Some(quality) = quality else {
        let path = folder.join(format!("{number}.png"));
        picture.save(&path)?;
        return Ok(path);
    };
    let path = folder.join(format!("{number}.jpg"));
    let mut encoder = jpeg_encoder::Encoder::new_file(&path, quality)?;
    if number.is_multiple_of(2) {
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    }
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(path)
}

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn report(cases: &mut [Case]) {
    println!("{:<12}{:>8}{:>8}{:>8}{:>8}  wrong", "", "scans", "gray", "toned", "color");
    let kinds = ["color", "scans"].into_iter().chain(KINDS.map(Kind::name));
    for kind in kinds {
        let count = |verdict: Option<Verdict>| {
            let of_kind = cases.iter().filter(|case| case.kind == kind);
            of_kind.filter(|case| verdict.is_none_or(|v| case.toning.verdict == v)).count()
        };
        let [gray, toned, color] =
            [Verdict::Gray, Verdict::Toned, Verdict::Color].map(|v| count(Some(v)));
        let wrong = if kind == "color" { gray + toned } else { color };
        let share = wrong as f64 / count(None).max(1) as f64;
        println!(
            "{kind:<12}{:>8}{gray:>8}{toned:>8}{color:>8}  {:.2} %",
            count(None),
            100.0 * share
        );
    }
    let (slope, offset) = fit(cases);
    println!("logistic regression: {slope:.2} ln(residual + 0.2) {offset:+.2}");
    cases.sort_by(|one, other| other.toning.residual.total_cmp(&one.toning.residual));
    println!("toned with the largest residuals, color with the smallest:");
    for case in cases.iter().filter(|case| !case.color).take(15) {
        println!("{:.2}  {}  {}", case.toning.residual, case.kind, case.name);
    }
    for case in cases.iter().rev().filter(|case| case.color).take(15) {
        println!("{:.2}  {}", case.toning.residual, case.name);
    }
}

/// Slope and offset of a logistic regression of color on `ln(residual + 0.2)`, by Newton's method.
/// Toned scans weigh five times as much as photographs in color: to skip one is the worse error.
fn fit(cases: &[Case]) -> (f64, f64) {
    let colors = cases.iter().filter(|case| case.color).count().max(1) as f64;
    let toned = (cases.len() as f64 - colors).max(1.0);
    let (mut slope, mut offset) = (0.0, 0.0);
    for _ in 0..50 {
        let (mut gradient, mut hessian) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for case in cases {
            let x = f64::from(case.toning.residual + 0.2).ln();
            let weight = if case.color { 1.0 / colors } else { 5.0 / toned };
            let p = 1.0 / (1.0 + f64::exp(-(slope * x + offset)));
            let error = weight * (f64::from(u8::from(case.color)) - p);
            let curvature = weight * p * (1.0 - p);
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [
                hessian[0] + curvature * x * x,
                hessian[1] + curvature * x,
                hessian[2] + curvature,
            ];
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        slope += (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant;
        offset += (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant;
    }
    (slope, offset)
}
