//! Shows what is taken for the border of each scan: a line for each file with the picture area,
//! and a contact sheet.
//!
//! ```sh
//! cargo run --release -p polychromify-train --example borders -- \
//!     sheet.jpg 65536 ../shared/historical/*.jpg
//! ```

use std::error::Error;
use std::path::Path;

use image::{Rgb, RgbImage, imageops};
use polychromify_core::internals::Borders;
use polychromify_core::{Limits, Scan, Thumbnail};

/// Side of a picture on the sheet, and pictures a row.
const SIDE: u32 = 330;
const COLUMNS: u32 = 5;
const ROWS: u32 = 5;

#[expect(clippy::print_stdout, reason = "the result of the example")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(sheet), Some(area)) = (arguments.next(), arguments.next()) else {
        return Err("borders SHEET AREA FILE...".into());
    };
    let (area, files): (usize, Vec<String>) = (area.parse()?, arguments.collect());
    let mut found = 0;
    for (page, files) in files.chunks((COLUMNS * ROWS) as usize).enumerate() {
        let rows = (files.len() as u32).div_ceil(COLUMNS);
        let mut picture = RgbImage::from_pixel(COLUMNS * SIDE, rows * SIDE, Rgb([60, 0, 60]));
        for (i, file) in (0..).zip(files) {
            let limits = Limits::new(1 << 30, 1 << 30);
            let mut scan = Scan::open(Path::new(file), &limits)?;
            let info = scan.info().clone();
            let mut thumbnail = Thumbnail::new(info.width, info.height, info.orientation, area);
            scan.read_lightness(64, &mut |y, rows| {
                thumbnail.push_rows(y, rows);
                Ok(())
            })?;
            let image = thumbnail.finish();
            let (width, height) = image.size();
            let started = std::time::Instant::now();
            let borders = Borders::find(image.lightness(), width);
            let milliseconds = started.elapsed().as_secs_f64() * 1e3;
            let text = borders.as_ref().map_or("none".to_owned(), ToString::to_string);
            found += usize::from(borders.is_some());
            println!(
                "{}\t{width}x{height}\t{text}\t{milliseconds:.1} ms\t{file}",
                page * 25 + i as usize
            );
            let shown = RgbImage::from_fn(width as u32, height as u32, |x, y| {
                let (x, y) = (x as usize, y as usize);
                let l = (image.lightness()[y * width + x] * 2.55) as u8;
                match &borders {
                    Some(borders) if !borders.hold_picture_at(x, y) => {
                        Rgb([l / 2 + 127, l / 2, l / 2])
                    }
                    _ => Rgb([l; 3]),
                }
            });
            let scale = f64::from(SIDE - 8) / width.max(height) as f64;
            let side = |pixels: usize| ((pixels as f64 * scale) as u32).max(1);
            let shown =
                imageops::resize(&shown, side(width), side(height), imageops::FilterType::Nearest);
            let at = ((i % COLUMNS * SIDE) as i64, (i / COLUMNS * SIDE) as i64);
            imageops::replace(&mut picture, &shown, at.0, at.1);
        }
        let path = Path::new(&sheet);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        picture.save(path.with_file_name(format!("{name}-{page}.jpg")))?;
    }
    println!("{found} of {} have borders", files.len());
    Ok(())
}
