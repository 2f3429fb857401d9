//! Compares the lightness that this program reads with that of `ImageMagick`: `scripts/second-opinion`.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::path::Path;
use std::process::ExitCode;

use polychromify_test_support::second_opinion::{difference, ours, theirs};

/// Differences of L* that codecs and rounding explain: in the mean, and at most.
const TOLERANCE: (f32, f32) = (0.3, 2.0);

fn main() -> ExitCode {
    let (mut compared, mut differing) = (0, 0);
    let folders = std::env::args_os().skip(1);
    let files = folders.flat_map(|folder| walkdir::WalkDir::new(folder).sort_by_file_name());
    for entry in files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        let (Some(said), told) = (opinion(entry.path()), entry.path().display()) else { continue };
        compared += 1;
        if let Err(said) = said {
            differing += 1;
            println!("{told}: {said}");
        }
    }
    println!("{compared} files compared, {differing} differ");
    if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What there is to say of a file's first page; `None` where neither reads it.
fn opinion(path: &Path) -> Option<Result<(), String>> {
    let (ours, theirs) = (ours(path, 0), theirs(path, 0));
    Some(match (ours, theirs) {
        (Err(_), None) => return None,
        (Err(reason), Some(_)) => Err(format!("ImageMagick reads it: {reason}")),
        (Ok(_), None) => Err("ImageMagick does not read it".into()),
        (Ok(ours), Some(theirs)) => match difference(&ours, &theirs) {
            None => Err(format!(
                "{}x{}, ImageMagick {}x{}",
                ours.width, ours.height, theirs.width, theirs.height
            )),
            Some(apart) if apart.mean > TOLERANCE.0 || apart.most > TOLERANCE.1 => {
                Err(format!("L* differs by {:.2}, at most {:.1}", apart.mean, apart.most))
            }
            Some(_) => Ok(()),
        },
    })
}
