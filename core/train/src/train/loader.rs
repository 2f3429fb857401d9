//! Batches made ahead of the device, on threads of their own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::batch::Planes;
use super::dataset::{Dataset, Item};
use super::recipe::Recipe;

/// Batches that wait for the device.
const AHEAD: usize = 6;

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
