//! Checks that entropy-coded data is complete, by decoding its codes without making pixels.
//!
//! Decoders fill in zeros where data is missing and go on at the next marker, so that a file cut
//! off or overwritten in its last rows looks whole to them.

use super::codes::{Codes, Keep};
use super::scans::{Grid, Header, Tables, visit};
use super::segments::Segments;
use crate::budget::Budget;

/// More scans than any encoder makes; a small file of many would take hours.
pub(crate) const MOST_SCANS: usize = 100;

/// Fails where codes are missing or broken; gives the bytes that were passed over.
pub(crate) fn check(segments: &Segments<'_>, budget: &Budget) -> Result<usize, String> {
    let progressive = segments.frame.marker == 0xC2;
    read(segments, budget, |grid| Nonzero(vec![0; if progressive { grid.blocks() } else { 0 }]))
        .map(|(_, passed_over)| passed_over)
}

/// Which coefficients of each block are not zero yet; of progressive pictures only.
struct Nonzero(Vec<u64>);

impl Keep for Nonzero {
    const VALUES: bool = false;

    fn set(&mut self, block: usize, k: usize, _value: i32) {
        if let Some(history) = self.0.get_mut(block) {
            *history |= 1 << k;
        }
    }

    fn refine(&mut self, _block: usize, _k: usize, _low: u8) {}

    fn nonzero(&self, block: usize) -> u64 {
        self.0[block]
    }
}

/// Reads all scans into what is made for each component's blocks; gives the bytes that were passed
/// over, too.
pub(crate) fn read<K: Keep>(
    segments: &Segments<'_>,
    budget: &Budget,
    make: impl Fn(&Grid) -> K,
) -> Result<(Vec<K>, usize), String> {
    let frame = &segments.frame;
    if segments.scans.len() > MOST_SCANS {
        return Err(format!("{} scans", segments.scans.len()));
    }
    let grids: Vec<Grid> = frame.components.iter().map(|&c| Grid::new(frame, c)).collect();
    let mut kept: Vec<K> = grids.iter().map(make).collect();
    let mut missing = vec![[u8::MAX; 64]; grids.len()];
    let mut tables = Tables::default();
    let mut passed_over = 0;
    for (number, scan) in segments.scans.iter().enumerate() {
        tables.define(scan)?;
        let header = Header::read(scan, frame)?;
        if header.first > header.last {
            return Err("a broken scan header".into());
        }
        let mut codes = Codes::new(frame, &header, &tables, &mut kept);
        let result = visit(frame, scan, &header, &grids, budget, &mut codes);
        passed_over += result.map_err(|reason| match segments.scans.len() {
            1 => reason,
            _ => format!("scan {}: {reason}", number + 1),
        })?;
        for &(index, ..) in &header.components {
            missing[index][header.first..=header.last].fill(header.low);
        }
    }
    // Encoders may leave out the last bits of a progressive picture; but then its end is there.
    let cut_off = frame.marker == 0xC2 && !segments.ended;
    let whole = |missing: &[u8; 64]| {
        missing[0] < u8::MAX && (!cut_off || missing.iter().all(|&bits| bits == 0))
    };
    if missing.iter().all(whole) {
        Ok((kept, passed_over))
    } else {
        Err("a scan is missing".into())
    }
}
