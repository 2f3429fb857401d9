//! Batches made ahead of the device, on threads of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use candle_core::{Device, Tensor};

use super::dataset::{Dataset, Item};
use super::recipe::Recipe;
use crate::Result;

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
}

impl Planes {
    /// Lightness `(N, 1, H, W)` and chroma `(N, 2, H, W)`.
    pub(crate) fn tensors(self, device: &Device) -> Result<(Tensor, Tensor)> {
        let Self { count, size, lightness, chroma } = self;
        let lightness = Tensor::from_vec(lightness, (count, 1, size, size), device)?;
        let chroma = Tensor::from_vec(chroma, (count, 2, size, size), device)?;
        Ok((lightness, chroma))
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
