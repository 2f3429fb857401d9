//! An image in GIMP 2.10 or 3.

use std::path::PathBuf;

use crate::dialog::Area;
use crate::ffi::{self, Buffer, Encoding, Gimp, Version};
use crate::host::{ColorModel, Error, Host, Layer, LayerInfo, LayerMode, Pixels};
use crate::procedure::ReferenceChoice;
use crate::text::tr;

/// The name of the parasite that keeps the label in GIMP's own files.
const PARASITE: &str = "polychromify";

impl From<ffi::Error> for Error {
    fn from(error: ffi::Error) -> Self {
        Self(error.to_string())
    }
}

/// `GIMP_GRAY`.
const GRAY: i32 = 1;

/// A reference that was closed or deleted.
fn gone(what: &str) -> Error {
    Error(format!("the reference is not there: no such {what}"))
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

    fn read_part(&mut self, part: Area, pixels: &mut [f32]) {
        Buffer::read_part(self, part, Encoding::Linear, pixels);
    }

    fn read_encoded(&mut self, y: u32, pixels: &mut [f32]) {
        self.read(y, Encoding::EncodedAlpha, pixels);
    }

    fn write_encoded(&mut self, y: u32, alpha: bool, pixels: &[f32]) {
        self.write(y, if alpha { Encoding::EncodedAlpha } else { Encoding::Encoded }, pixels);
    }
}

impl<V: Version> GimpImage<'_, V> {
    /// Whether a layer is one of those that this plug-in adds.
    fn is_color_layer(&self, layer: i32) -> bool {
        self.gimp.is_lch_color(layer) && self.gimp.name(layer).starts_with("Color (")
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

    fn selection_meets(&self, Layer(layer): Layer) -> bool {
        self.gimp.selection_is_empty(self.image) || self.gimp.selection_meets(layer)
    }

    fn layer_of(&self, item: i32) -> Option<Layer> {
        self.gimp.layer_of(item).map(Layer)
    }

    fn layer_named(&self, name: &str) -> Option<Layer> {
        self.gimp.layer_named(self.image, name).map(Layer)
    }

    fn layers(&self) -> Vec<(Layer, String)> {
        let layers = self.gimp.pixel_layers(self.image);
        layers.into_iter().map(|layer| (Layer(layer), self.gimp.name(layer))).collect()
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
            colors: self.is_color_layer(layer),
        }
    }

    fn is_visible(&self, Layer(layer): Layer) -> bool {
        self.gimp.is_visible(layer)
    }

    fn layer_below(&self, Layer(layer): Layer) -> Option<Layer> {
        let siblings = self.gimp.layers(self.image, self.gimp.parent(layer));
        let position = siblings.iter().position(|sibling| *sibling == layer)?;
        siblings.get(position + 1).copied().map(Layer)
    }

    fn fingerprint(&self, Layer(layer): Layer) -> u64 {
        self.gimp.fingerprint(layer)
    }

    fn references(&self) -> Vec<(ReferenceChoice, String)> {
        let mut found = Vec::new();
        for image in self.gimp.images() {
            if self.gimp.base_type(image) == GRAY {
                continue;
            }
            let name = self.gimp.image_name(image);
            if image != self.image {
                found.push((ReferenceChoice::Image(image), name.clone()));
            }
            for layer in self.gimp.pixel_layers(image) {
                let name = format!("{}, {name}", self.gimp.name(layer));
                found.push((ReferenceChoice::Layer(layer), name));
            }
        }
        found
    }

    fn read_reference<T>(
        &self,
        reference: &ReferenceChoice,
        read: impl FnOnce(&LayerInfo, &mut Buffer) -> T,
    ) -> Result<T, Error> {
        let (image, layer, is_ours) = match reference {
            ReferenceChoice::Layer(layer) => {
                let image = self.gimp.image_of(*layer);
                (image.ok_or_else(|| gone("layer"))?, *layer, false)
            }
            ReferenceChoice::Image(image) => {
                if !self.gimp.images().contains(image) {
                    return Err(gone("image"));
                }
                (*image, self.gimp.visible_layer(*image)?, true)
            }
            ReferenceChoice::File(_) => return Err(gone("file")),
        };
        let result = if self.gimp.base_type(image) == GRAY {
            Err(Error(tr("the reference has no colors to take").to_owned()))
        } else {
            let info = self.describe(Layer(layer));
            self.gimp
                .buffer(image, layer)
                .map(|mut buffer| read(&info, &mut buffer))
                .map_err(Error::from)
        };
        if is_ours {
            self.gimp.delete(layer);
        }
        result
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

    fn new_layer(&self, name: &str, like: &LayerInfo, mode: LayerMode) -> Result<Layer, Error> {
        let size = (like.width, like.height);
        Ok(Layer(self.gimp.new_layer(self.image, name, (size, like.alpha), mode)?))
    }

    fn make_canvas(&self, name: &str, like: &LayerInfo) -> Result<Layer, Error> {
        let size = (like.width, like.height);
        let layer = self.gimp.new_layer(self.image, name, (size, true), LayerMode::Normal)?;
        self.gimp.insert_on_top(self.image, layer, like.offsets)?;
        self.gimp.version().activate(self.image, layer);
        Ok(Layer(layer))
    }

    fn activate(&self, Layer(layer): Layer) {
        self.gimp.version().activate(self.image, layer);
        self.gimp.flush_displays();
    }

    fn set_visible(&self, Layer(layer): Layer, visible: bool) {
        self.gimp.set_visible(layer, visible);
    }

    fn discard(&self, Layer(layer): Layer) {
        self.gimp.delete(layer);
    }

    fn insert_above(&self, Layer(layer): Layer, Layer(source): Layer) -> Result<(), Error> {
        let siblings = self.gimp.layers(self.image, self.gimp.parent(source));
        let position = siblings.iter().position(|sibling| *sibling == source).unwrap_or(0);
        let above = siblings[..position].iter().rev();
        let colors = above.take_while(|sibling| self.is_color_layer(**sibling));
        let below = colors.last().copied().unwrap_or(source);
        Ok(self.gimp.insert_above(self.image, layer, below, self.gimp.offsets(source))?)
    }

    fn mask(&self, Layer(layer): Layer, Layer(source): Layer) -> Result<(), Error> {
        let old = self.gimp.mask_of(source);
        let selection = !self.gimp.selection_is_empty(self.image);
        if !selection && old.is_none() {
            return Ok(());
        }
        let mask = self.gimp.add_mask(layer, selection)?;
        let Some(old) = old else { return Ok(()) };
        let (width, height) = self.gimp.size(source);
        let (mut from, mut to) = (self.gimp.mask_buffer(old)?, self.gimp.mask_buffer(mask)?);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for y in 0..height {
            one.resize(width as usize, 0.0);
            other.resize(width as usize, 0.0);
            from.read(y, Encoding::Gray, &mut one);
            to.read(y, Encoding::Gray, &mut other);
            for (one, other) in one.iter_mut().zip(&other) {
                *one *= other;
            }
            to.write(y, Encoding::Gray, &one);
        }
        drop(to);
        self.gimp.update(mask);
        Ok(())
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

    fn tell(&self, text: &str) {
        self.gimp.tell(text);
    }
}
