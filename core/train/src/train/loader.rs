//! Batches made ahead of the device, on threads of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use candle_core::{Device, Tensor};
use polychromify_core::Result;

use super::dataset::{Dataset, Item};
use super::recipe::Recipe;

/// Batches that wait for the device.
const AHEAD: usize = 6;

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
    /// Simulated hints, as [`polychromify_core::internals::model::Network::forward`] takes them, if the recipe has any.
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

/// Makes the batches of `items` in their order; dropping the receiver ends it.
pub(crate) fn batches(
    photos: &Arc<Dataset>,
    items: &[Item],
    batch: usize,
    recipe: Option<&Recipe>,
) -> Receiver<Planes> {
    let (sender, receiver) = sync_channel(AHEAD);
    let (photos, items, recipe) = (Arc::clone(photos), items.to_vec(), recipe.cloned());
    thread::spawn(move || {
        for items in items.chunks(batch) {
            if sender.send(photos.planes_of(items, recipe.as_ref())).is_err() {
                return;
            }
        }
    });
    receiver
}
