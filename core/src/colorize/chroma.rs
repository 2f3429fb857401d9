//! A chroma map and how full-size rows are painted with it.

mod grid;
mod map;
mod painter;

use std::ops::RangeInclusive;

pub use map::ChromaMap;
pub use painter::Painter;
pub(crate) use painter::RowBuffers;

/// What chroma may be multiplied by: 0 is gray, 1 as predicted.
pub const SATURATION: RangeInclusive<f32> = 0.0..=4.0;
