//! Thumbnail in, chroma map out: the one neural step.

use crate::thumbnail::WorkImage;
use crate::{ChromaMap, Device, Hints, Result, Weights};

/// A network with its weights on a device; one serves all threads.
pub struct Colorizer {}

impl Colorizer {
    /// Builds the network that the weights name, on the device.
    pub fn open(_weights: &Weights, _device: &Device) -> Result<Self> {
        unimplemented!()
    }

    /// Most pixels of a thumbnail.
    pub fn work_area(&self) -> usize {
        unimplemented!()
    }

    /// Predicts chroma for a thumbnail; hints are honored.
    pub fn predict(&self, _image: &WorkImage, _hints: &Hints) -> Result<ChromaMap> {
        unimplemented!()
    }
}
