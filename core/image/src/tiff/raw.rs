//! Camera raw files are TIFFs too; they are refused by name, and their previews are not taken for them.

use super::directory::Directories;
use crate::Result;
use crate::error::unsupported;
use crate::metadata::tag;

/// Most further directories of the first that are looked at.
const MOST_DIRECTORIES: u64 = 16;

/// Color filter array, and the linear light made of one (DNG specification 1.7, chapter 4).
const RAW: [u64; 2] = [32803, 34892];

/// Refuses a file whose first directory, or one of those below it, holds a sensor's values.
pub(crate) fn refuse(file: &Directories) -> Result<()> {
    let first = file.first;
    let entries = file.entries(first)?;
    if entries.contains(tag::DNG_VERSION) {
        return Err(unsupported("camera raw (DNG): develop it first"));
    }
    let is_raw = |at: u64| {
        let entries = file.entries(at).ok()?;
        let kind = file.integer(&entries, tag::PHOTOMETRIC_INTERPRETATION).ok()??;
        Some(RAW.contains(&kind))
    };
    let below = file.integers(&entries, tag::SUB_IFDS, MOST_DIRECTORIES);
    let below = below.ok().flatten().unwrap_or_default();
    if !std::iter::once(first).chain(below).any(|at| is_raw(at) == Some(true)) {
        return Ok(());
    }
    let make = file.value(&entries, tag::MAKE, 64).ok().flatten();
    let make = make.map(|value| String::from_utf8_lossy(&value.bytes).into_owned());
    let make = make.unwrap_or_default();
    let make: String = make.chars().take_while(|c| !c.is_control()).collect();
    let of = if make.trim().is_empty() { String::new() } else { format!(" of {}", make.trim()) };
    Err(unsupported(format!("camera raw{of}: develop it first")))
}
