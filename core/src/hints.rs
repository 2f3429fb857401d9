//! The user's color hints: positions and colors.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;

/// One hint, in upright pixels of the scan.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Hint {
    /// Column of the center, in pixels.
    pub x: f32,
    /// Row of the center, in pixels.
    pub y: f32,
    /// Radius in pixels.
    pub radius: f32,
    /// sRGB color, 0..=255.
    pub rgb: [u8; 3],
}

/// A list of hints, empty by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hints(pub Vec<Hint>);

impl Hints {
    /// Reads a JSON list of hints.
    pub fn read(_path: &Path) -> Result<Self> {
        unimplemented!()
    }
}
