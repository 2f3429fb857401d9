//! A result that is read back has to show the lightness of its scan: it is compared with the
//! thumbnail that the network saw, cell by cell.

mod jpeg;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::io::Cursor;
use std::ops::Range;

use polychromify_image::{Format, Reader, Samples, Source};

use self::jpeg::{BLOCK, BlockRows, HIGHEST};
use self::rows::ThumbnailRows;
use super::mark::Mark;
use super::{Encoding, Scan};
use crate::colorize::thumbnail::WorkImage;
use crate::{Error, Result};

/// Least sides of a cell in pixels of the result: those of a block of JPEG.
const CELL: f64 = 8.0;

/// Pixels that are compared, about: all of a small result, some bands of a large one.
const COMPARED: f64 = 600_000.0;

/// Least bands of cells that are compared.
const LEAST_BANDS: usize = 3;

/// Rows of pixels that are read at once.
const ROWS: usize = 16;

/// Part of the contrast around a cell that shrinking twice moves into it, at most.
const BLUR: f32 = 0.1;

/// The lightness that a page of a result has to show.
pub struct ExpectedLightness {
    /// Size of the page.
    size: (u32, u32),
    /// Size of the thumbnail, as the page is stored.
    thumbnail: (usize, usize),
    /// Columns of the thumbnail that cells span.
    columns: Vec<Range<usize>>,
    bands: Vec<Band>,
}

/// Cells side by side.
struct Band {
    /// Rows of the thumbnail that they span.
    rows: Range<usize>,
    /// `None`: under the mark.
    cells: Vec<Option<Cell>>,
}

#[derive(Clone, Copy)]
struct Cell {
    lightness: f32,
    tolerance: f32,
}

/// How a result that was read back differs from what it has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Difference {
    /// In size.
    Size {
        /// Width and height that were read.
        found: (u32, u32),
        /// Width and height that were written.
        expected: (u32, u32),
    },
    /// In lightness, by more than rounding explains.
    Lightness {
        /// The stored pixel around which it differs most.
        at: (u32, u32),
        /// CIE L* there.
        found: f32,
        /// CIE L* of the scan there.
        expected: f32,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Size { found: (width, height), expected: (wide, high) } => {
                write!(f, "{width} x {height} pixels in place of {wide} x {high}")
            }
            Self::Lightness { at: (x, y), found, expected } => write!(
                f,
                "around column {x} and row {y} its lightness is {found:.1}, and the scan's \
                 {expected:.1}"
            ),
        }
    }
}

impl ExpectedLightness {
    /// That of the selected page of a scan, whose thumbnail is `image`. A mark is left out.
    pub fn new(scan: &Scan, encoding: &Encoding, image: &WorkImage, mark: Option<&Mark>) -> Self {
        let size = scan.output_size(encoding);
        let thumbnail = image.orientation.upright_size(image.size());
        let scale = scale(size, thumbnail);
        let columns = spans(thumbnail.0, scale.0);
        let rows = spans(thumbnail.1, scale.1);
        let pixels = f64::from(size.0) * scale.1 * (rows[0].len() + 1) as f64;
        let rows = spread(rows, (COMPARED / pixels) as usize);
        let rounding = rounding(encoding.format.unwrap_or(scan.info.format), encoding.quality);
        let is_shrunk = size != (scan.info.width, scan.info.height);
        let blur = if is_shrunk { BLUR } else { 0.0 };
        let stored = |x, y| {
            let (x, y) = image.orientation.to_upright((x, y), thumbnail);
            image.lightness[y * image.width + x]
        };
        let cell = |rows: &Range<usize>, columns: &Range<usize>| {
            let of_result = (span_of(columns, scale.0), span_of(rows, scale.1));
            if mark.is_some_and(|mark| mark.touches(of_result)) {
                return None;
            }
            let (lightness, _) = mean_and_contrast(rows, columns, stored);
            let around =
                (widened(columns, scale.0, thumbnail.0), widened(rows, scale.1, thumbnail.1));
            let (_, contrast) = mean_and_contrast(&around.1, &around.0, stored);
            Some(Cell { lightness, tolerance: rounding + blur * contrast })
        };
        let band = |rows: Range<usize>| {
            let cells = columns.iter().map(|columns| cell(&rows, columns)).collect();
            Band { rows, cells }
        };
        let bands = rows.into_iter().map(band).collect();
        Self { size, thumbnail, columns, bands }
    }

    /// Where the rows of a result's thumbnail differ most, if they differ by more than they may.
    fn difference(&self, rows: &[Vec<f32>]) -> Option<Difference> {
        let mut rows = rows.iter();
        let mut worst: Option<(f32, Difference)> = None;
        for band in &self.bands {
            let rows: Vec<_> = rows.by_ref().take(band.rows.len()).collect();
            for (columns, cell) in self.columns.iter().zip(&band.cells) {
                let Some(cell) = cell else { continue };
                let (found, _) = mean_and_contrast(&(0..rows.len()), columns, |x, y| rows[y][x]);
                let excess = (found - cell.lightness).abs() - cell.tolerance;
                if excess > worst.map_or(0.0, |(excess, _)| excess) {
                    let scale = scale(self.size, self.thumbnail);
                    let middle = |span: &Range<usize>, scale: f64| {
                        ((span.start + span.end) as f64 / 2.0 * scale) as u32
                    };
                    let at = (middle(columns, scale.0), middle(&band.rows, scale.1));
                    let expected = cell.lightness;
                    worst = Some((excess, Difference::Lightness { at, found, expected }));
                }
            }
        }
        worst.map(|(_, difference)| difference)
    }
}

impl Scan {
    /// Compares the selected page of a result with what it has to show, as far as its size allows.
    /// `step` is called now and then.
    ///
    /// # Errors
    ///
    /// When the page cannot be read or is damaged, or `step` fails.
    pub fn compare_lightness(
        &mut self,
        expected: &ExpectedLightness,
        step: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<Difference>> {
        let size = (self.info.width, self.info.height);
        if size != expected.size {
            return Ok(Some(Difference::Size { found: size, expected: expected.size }));
        }
        let mut into = ThumbnailRows::new(
            &self.conversion,
            self.header.layout,
            (size.0 as usize, size.1 as usize),
            expected.thumbnail.1,
            expected.bands.iter().flat_map(|band| band.rows.clone()),
        );
        let failed = || Error::in_image(&self.path);
        if self.info.format == Format::Jpeg {
            let bytes = fs::read(&self.path).map_err(Error::io(&self.path, "read"))?;
            read_blocks(&bytes, self, &mut into)?;
        } else {
            let mut samples = Samples::new(self.header.layout.depth);
            self.reader.start().map_err(failed())?;
            // Rows before `y` that do not count are passed over at once, and so whole strips.
            let mut passed = 0;
            for y in (0..size.1 as usize).step_by(ROWS) {
                let rows = y..(y + ROWS).min(size.1 as usize);
                if into.need(rows.clone()) {
                    self.reader.skip_rows(y - passed, &mut samples).map_err(failed())?;
                    samples.clear();
                    self.reader.read_rows(rows.len(), &mut samples).map_err(failed())?;
                    into.add(y, samples.all());
                    passed = rows.end;
                    step()?;
                }
            }
            self.reader.skip_rows(size.1 as usize - passed, &mut samples).map_err(failed())?;
            self.reader.finish().map_err(failed())?;
        }
        Ok(expected.difference(&into.finish(expected.thumbnail.0)))
    }
}

/// Decodes the rows of blocks of a JPEG that count.
fn read_blocks(bytes: &[u8], scan: &Scan, into: &mut ThumbnailRows<'_>) -> Result<()> {
    let failed = || Error::in_image(&scan.path);
    let missing =
        || Error::Damaged { path: scan.path.clone(), reason: "rows are missing".to_owned() };
    let rows = BlockRows::of_result(bytes).ok_or_else(missing)?;
    let of_block = |block: usize| block * BLOCK..(block + 1) * BLOCK;
    let blocks: Vec<_> = (0..rows.count()).filter(|&block| into.need(of_block(block))).collect();
    let source = Source::new(Cursor::new(rows.excerpt(&blocks)));
    let source = source.map_err(Error::io(&scan.path, "read"))?;
    let (_, _, mut reader) = Reader::open(source, &scan.limits).map_err(failed())?;
    reader.start().map_err(failed())?;
    let mut samples = Samples::new(scan.header.layout.depth);
    for (number, block) in blocks.into_iter().enumerate() {
        samples.clear();
        let rows = BLOCK.min(HIGHEST - number * BLOCK);
        reader.read_rows(rows, &mut samples).map_err(failed())?;
        into.add(block * BLOCK, samples.all());
    }
    reader.finish().map_err(failed())
}

/// Most that writing may change the lightness of a cell: rounding, and of JPEG the steps of the means
/// of blocks (of luma and chroma, ISO 10918-1, K.1, scaled as libjpeg does; eight are one of a sample).
/// Halftones and noise, the worst, change by half of it in JPEG and by a tenth in other formats.
fn rounding(format: Format, quality: u8) -> f32 {
    if format != Format::Jpeg {
        return 0.5;
    }
    let quality = f32::from(quality.clamp(1, 100));
    let percent = if quality < 50.0 { 5000.0 / quality } else { 200.0 - 2.0 * quality };
    let steps = [16.0, 17.0].map(|step: f32| (step * percent / 100.0).clamp(1.0, 255.0) / 8.0);
    1.5 + 0.5 * (steps[0] + steps[1])
}

/// Pixels of the result for one of the thumbnail, across and down.
fn scale(size: (u32, u32), thumbnail: (usize, usize)) -> (f64, f64) {
    (f64::from(size.0) / thumbnail.0 as f64, f64::from(size.1) / thumbnail.1 as f64)
}

/// Parts of a side of the thumbnail that are as long as a cell.
fn spans(length: usize, scale: f64) -> Vec<Range<usize>> {
    let each = ((CELL / scale).ceil() as usize).clamp(1, length);
    let count = length / each;
    let end = |i: usize| if i + 1 == count { length } else { (i + 1) * each };
    (0..count).map(|i| i * each..end(i)).collect()
}

/// So many of the spans, from the first to the last.
fn spread(spans: Vec<Range<usize>>, count: usize) -> Vec<Range<usize>> {
    let count = count.max(LEAST_BANDS);
    if spans.len() <= count {
        return spans;
    }
    (0..count).map(|i| spans[i * (spans.len() - 1) / (count - 1)].clone()).collect()
}

/// A span of the thumbnail with what is mixed into it, in pixels of the result.
fn span_of(span: &Range<usize>, scale: f64) -> Range<usize> {
    let reach = scale.max(1.0) + 1.0;
    let start = (span.start as f64 * scale - reach).max(0.0);
    start as usize..(span.end as f64 * scale + reach) as usize
}

/// A span of the thumbnail with what shrinking twice may mix into it.
fn widened(span: &Range<usize>, scale: f64, length: usize) -> Range<usize> {
    let reach = (1.0 / scale).ceil() as usize;
    span.start.saturating_sub(reach)..(span.end + reach).min(length)
}

fn mean_and_contrast(
    rows: &Range<usize>,
    columns: &Range<usize>,
    lightness: impl Fn(usize, usize) -> f32,
) -> (f32, f32) {
    let (mut sum, mut least, mut most) = (0.0, f32::MAX, f32::MIN);
    for (y, x) in rows.clone().flat_map(|y| columns.clone().map(move |x| (y, x))) {
        let lightness = lightness(x, y);
        sum += lightness;
        (least, most) = (least.min(lightness), most.max(lightness));
    }
    (sum / (rows.len() * columns.len()) as f32, most - least)
}
