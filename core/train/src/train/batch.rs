//! A batch of pictures.

use candle_core::{Device, Tensor};
use polychromify_core::Result;

/// A batch in memory.
#[derive(Debug)]
pub(crate) struct Planes {
    /// Pictures in it.
    pub(crate) count: usize,
    /// Height and width of each.
    pub(crate) size: usize,
    /// L* in 0..=100.
    pub(crate) lightness: Vec<f32>,
    /// `(a, b) / 128`.
    pub(crate) chroma: Vec<f32>,
    /// Simulated hints, as a network takes them, if the recipe has any.
    pub(crate) hints: Option<Vec<f32>>,
}

/// A batch on a device.
#[derive(Debug)]
pub(crate) struct Batch {
    /// `(N, 1, H, W)`.
    pub(crate) lightness: Tensor,
    /// `(N, 2, H, W)`.
    pub(crate) chroma: Tensor,
    /// `(N, 3, H, W)`.
    pub(crate) hints: Option<Tensor>,
}

impl Planes {
    /// The same on a device.
    pub(crate) fn batch(self, device: &Device) -> Result<Batch> {
        let Self { count, size, lightness, chroma, hints } = self;
        let tensor =
            |values, channels| Tensor::from_vec(values, (count, channels, size, size), device);
        Ok(Batch {
            lightness: tensor(lightness, 1)?,
            chroma: tensor(chroma, 2)?,
            hints: hints.map(|hints| tensor(hints, 3)).transpose()?,
        })
    }
}
