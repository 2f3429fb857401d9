//! Decodes lossless JPEG (ISO 10918-1, annex H) of 2 to 16 bits, with Huffman codes.

use super::check::MOST_SCANS;
use super::huffman::Bits;
use super::scans::{Header, Tables};
use super::segments::{Frame, Scan, Segments};
use crate::budget::Budget;

/// Interleaved samples as they are coded: of the frame's precision.
pub(crate) fn decode(
    segments: &Segments<'_>,
    budget: &Budget,
) -> Result<(Vec<u16>, usize), String> {
    let frame = &segments.frame;
    let count = frame.components.len();
    let pixels = usize::from(frame.width) * usize::from(frame.height);
    let mut samples = vec![0; pixels * count];
    let mut seen = vec![false; count];
    let mut tables = Tables::default();
    let mut passed_over = 0;
    if segments.scans.len() > MOST_SCANS {
        return Err(format!("{} scans", segments.scans.len()));
    }
    for scan in &segments.scans {
        tables.define(scan)?;
        let header = Header::read(scan, frame)?;
        if !(1..=7).contains(&header.first) || header.low >= frame.precision {
            return Err("a broken scan header".into());
        }
        passed_over += read_scan(frame, scan, &header, &tables, budget, &mut samples)?;
        header.components.iter().for_each(|&(index, ..)| seen[index] = true);
    }
    if seen.contains(&false) {
        return Err("a scan is missing".into());
    }
    Ok((samples, passed_over))
}

/// Reads the differences of a scan and adds them to what its predictor says.
fn read_scan(
    frame: &Frame,
    scan: &Scan<'_>,
    header: &Header,
    tables: &Tables,
    budget: &Budget,
    samples: &mut [u16],
) -> Result<usize, String> {
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let count = frame.components.len();
    let interval = usize::from(scan.restart_interval);
    if !interval.is_multiple_of(width) {
        return Err("a restart interval that is no number of rows".into());
    }
    let rows = interval / width; // 0: no restarts
    let mut bits = Bits::new(scan.data);
    let mut passed_over = 0;
    // Without the bits that the point transform took away (A.4).
    let shift = header.low;
    let start = 1 << (frame.precision - shift - 1);
    for y in 0..height {
        budget.check_time().map_err(|error| error.to_string())?;
        let first_row = if rows == 0 { y == 0 } else { y % rows == 0 };
        if first_row && y > 0 {
            passed_over += bits.restart(((y / rows - 1) % 8) as u8)?;
        }
        for x in 0..width {
            for &(index, table, _) in &header.components {
                let size = tables.get(0, table).and_then(|table| bits.symbol(table))?;
                let difference = match size {
                    0..16 => bits.coefficient(size)?,
                    16 => 1 << 15,
                    _ => return Err("a difference out of range".into()),
                };
                let at = (y * width + x) * count + index;
                let before = |back: usize| i32::from(samples[at - back * count] >> shift);
                let predicted = match (x, first_row) {
                    (0, true) => start,
                    (_, true) => before(1),
                    (0, false) => before(width),
                    _ => predict(header.first, before(1), before(width), before(width + 1)),
                };
                samples[at] = ((predicted + difference) as u16) << shift; // modulo 2^16
            }
        }
    }
    if !scan.open {
        passed_over += bits.rest()?;
    }
    Ok(passed_over)
}

/// Table H.1, of the samples to the left, above, and above to the left.
fn predict(selector: usize, left: i32, above: i32, corner: i32) -> i32 {
    match selector {
        1 => left,
        2 => above,
        3 => corner,
        4 => left + above - corner,
        5 => left + ((above - corner) >> 1),
        6 => above + ((left - corner) >> 1),
        _ => (left + above) >> 1,
    }
}
