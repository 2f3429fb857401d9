//! Strips and tiles that are JPEG streams of their own (TIFF technical note 2).

use std::io::Read;

use super::coding::Coding;
use super::plan::Plan;
use super::streams::Slice;
use crate::budget::{Budget, Drawn, room_for};
use crate::error::{damaged, unsupported};
use crate::jpeg::{self, Picture};
use crate::samples::{Samples, SamplesRef};
use crate::{Error, Notice, Result};

/// Reads the stream of the strip or tile `index` and its headers; refuses what is not decoded.
pub(crate) fn check(plan: &Plan, index: usize, slice: Slice, budget: &Budget) -> Result<Checked> {
    let (_, length) = plan.places[index];
    // As it lies in the file and with its tables, and what it is decoded into.
    let mut drawn = budget.draw("a strip or tile", length.saturating_mul(2))?;
    let stream = stream(plan, index, slice)?;
    let picture = Picture::read(&stream)?;
    check_kind(plan, &picture)?;
    drawn.shrink(stream.len() as u64);
    // Beside what it is decoded into, which is drawn with the plan.
    let decoded = plan.row_bytes() as u64 * plan.rows(index) as u64;
    let decoding = budget.draw("a strip or tile", picture.memory.saturating_sub(decoded))?;
    Ok(Checked { stream, picture, _drawn: [drawn, decoding] })
}

/// A stream whose headers were read.
pub(crate) struct Checked {
    stream: Vec<u8>,
    picture: Picture,
    _drawn: [Drawn; 2],
}

/// The rows of the strip or tile `index`, of the width and the byte order that the plan tells.
pub(crate) fn decode(
    plan: &Plan,
    index: usize,
    slice: Slice,
    budget: &Budget,
    notices: &mut Vec<Notice>,
) -> Result<Vec<u8>> {
    let Checked { stream, picture, _drawn } = check(plan, index, slice, budget)?;
    let samples = jpeg::decode(&stream, plan.transform, budget, notices)?;
    drop(stream);
    let width = plan.chunk.0;
    match samples {
        Samples::Eight(samples) if picture.width == width => Ok(samples),
        samples => {
            let rows = picture.height.min(plan.rows(index));
            let mut bytes = room_for(rows * plan.row_bytes())?;
            let (from, to) = (picture.width * picture.channels, width * picture.channels);
            for y in 0..rows {
                let row: SamplesRef<'_> = samples.slice(y * from..y * from + to);
                row.to_bytes(plan.packing.big_endian, &mut bytes);
            }
            Ok(bytes)
        }
    }
}

fn check_kind(plan: &Plan, picture: &Picture) -> Result<()> {
    let (found, wanted) = (picture.channels, plan.stride());
    if found != wanted {
        return Err(unsupported(format!("JPEG of {found} components, {wanted} in TIFF")));
    }
    if picture.bits != plan.packing.bits {
        let (found, wanted) = (picture.bits, plan.packing.bits);
        return Err(unsupported(format!("JPEG of {found} bits, {wanted} in TIFF")));
    }
    if picture.width < plan.chunk.0 {
        let (found, wanted) = (picture.width, plan.chunk.0);
        return Err(damaged(format!("JPEG {found} pixels wide, {wanted} in TIFF")));
    }
    Ok(())
}

/// A strip or tile as a JPEG stream that is whole.
fn stream(plan: &Plan, index: usize, mut slice: Slice) -> Result<Vec<u8>> {
    let mut data = room_for(plan.places[index].1 as usize + 1)?;
    slice.read_to_end(&mut data).map_err(Error::reading)?;
    let tables = match &plan.coding {
        Coding::OldJpeg(header) => {
            return Ok(header.stream((plan.chunk.0, plan.rows(index)), &data));
        }
        Coding::Jpeg(tables) => &tables[..],
        Coding::Bytes(_) | Coding::Fax(_) => &[],
    };
    let Some(rest) = data.strip_prefix(b"\xFF\xD8") else {
        return Err(damaged("a strip or tile that does not start as JPEG"));
    };
    let tables = tables.strip_prefix(b"\xFF\xD8").unwrap_or(tables);
    let tables = tables.strip_suffix(b"\xFF\xD9").unwrap_or(tables);
    Ok([b"\xFF\xD8", tables, rest].concat())
}
