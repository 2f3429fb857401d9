//! An image in GIMP 2.10 or 3.

use std::path::PathBuf;

use crate::ffi::{self, Buffer, Encoding, Gimp, Version};
use crate::host::{ColorModel, Error, Host, Layer, LayerInfo, Pixels};

/// The name of the parasite that keeps the label in GIMP's own files.
const PARASITE: &str = "polychromify";

impl From<ffi::Error> for Error {
    fn from(error: ffi::Error) -> Self {
        Self(error.to_string())
    }
}

/// One image in GIMP.
pub(super) struct GimpImage<'a, V: Version> {
    pub(super) gimp: &'a Gimp<V>,
    pub(super) image: i32,
}

impl Pixels for Buffer {
    fn read_linear(&mut self, y: u32, alpha: bool, pixels: &mut [f32]) {
        self.read(y, if alpha { Encoding::LinearAlpha } else { Encoding::Linear }, pixels);
    }

    fn read_encoded(&mut self, y: u32, pixels: &mut [f32]) {
        self.read(y, Encoding::EncodedAlpha, pixels);
    }

    fn write_encoded(&mut self, y: u32, alpha: bool, pixels: &[f32]) {
        self.write(y, if alpha { Encoding::EncodedAlpha } else { Encoding::Encoded }, pixels);
    }
}

impl<V: Version> Host for GimpImage<'_, V> {
    type Pixels = Buffer;

    fn color_model(&self) -> ColorModel {
        match self.gimp.base_type(self.image) {
            0 => ColorModel::Rgb,
            1 => ColorModel::Gray,
            _ => ColorModel::Indexed,
        }
    }

    fn file(&self) -> Option<PathBuf> {
        self.gimp.file(self.image)
    }

    fn selection_is_empty(&self) -> bool {
        self.gimp.selection_is_empty(self.image)
    }

    fn layer_of(&self, item: i32) -> Option<Layer> {
        self.gimp.layer_of(item).map(Layer)
    }

    fn layer_named(&self, name: &str) -> Option<Layer> {
        self.gimp.layer_named(self.image, name).map(Layer)
    }

    fn describe(&self, Layer(layer): Layer) -> LayerInfo {
        let (width, height) = self.gimp.size(layer);
        LayerInfo {
            name: self.gimp.name(layer),
            width,
            height,
            offsets: self.gimp.offsets(layer),
            alpha: self.gimp.has_alpha(layer),
            group: self.gimp.is_group(layer),
        }
    }

    fn layer_below(&self, Layer(layer): Layer) -> Option<Layer> {
        let siblings = self.gimp.layers(self.image, self.gimp.parent(layer));
        let position = siblings.iter().position(|sibling| *sibling == layer)?;
        siblings.get(position + 1).copied().map(Layer)
    }

    fn pixels(&self, Layer(layer): Layer) -> Result<Buffer, Error> {
        Ok(self.gimp.buffer(self.image, layer)?)
    }

    fn replacement(&self, Layer(layer): Layer) -> Result<Buffer, Error> {
        Ok(self.gimp.shadow_buffer(self.image, layer)?)
    }

    fn apply_replacement(&self, Layer(layer): Layer) -> Result<(), Error> {
        self.gimp.merge_shadow(layer)?;
        self.gimp.update(layer);
        Ok(())
    }

    fn in_undo_group<T>(&self, step: impl FnOnce() -> T) -> T {
        self.gimp.start_undo_group(self.image);
        let result = step();
        self.gimp.end_undo_group(self.image);
        self.gimp.flush_displays();
        result
    }

    fn convert_to_rgb(&self) -> Result<(), Error> {
        Ok(self.gimp.convert_to_rgb(self.image)?)
    }

    fn new_layer(&self, name: &str, like: &LayerInfo) -> Result<Layer, Error> {
        let size = (like.width, like.height);
        Ok(Layer(self.gimp.new_layer(self.image, name, size, like.alpha)?))
    }

    fn discard(&self, Layer(layer): Layer) {
        self.gimp.delete(layer);
    }

    fn insert_above(&self, Layer(layer): Layer, Layer(below): Layer) -> Result<(), Error> {
        Ok(self.gimp.insert_above(self.image, layer, below)?)
    }

    fn mask_by_selection(&self, Layer(layer): Layer) -> Result<(), Error> {
        Ok(self.gimp.mask_by_selection(layer)?)
    }

    fn xmp(&self) -> Option<String> {
        self.gimp.xmp(self.image)
    }

    fn attach_label(&self, packet: &str, json: &str) -> Result<(), Error> {
        self.gimp.attach_parasite(self.image, PARASITE, json)?;
        Ok(self.gimp.add_xmp(self.image, packet)?)
    }

    fn show_progress(&self, fraction: f64) {
        self.gimp.update_progress(fraction);
    }

    fn show_pulse(&self) {
        self.gimp.pulse_progress();
    }

    fn end_progress(&self) {
        self.gimp.end_progress();
    }
}
