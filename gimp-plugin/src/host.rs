//! What the filter needs of its host program, which GIMP 2.10 and 3 provide, and tests too.

use std::path::PathBuf;

use crate::dialog::Area;
use crate::procedure::ReferenceChoice;

/// A layer, by the number that its host gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layer(pub(crate) i32);

/// How a layer is joined with what lies below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerMode {
    /// It covers it.
    Normal,
    /// It gives it its colors; lightness stays.
    LchColor,
}

/// How an image stores colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorModel {
    Rgb,
    Gray,
    Indexed,
}

/// What is known of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerInfo {
    pub(crate) name: String,
    /// In pixels.
    pub(crate) width: u32,
    /// In pixels.
    pub(crate) height: u32,
    /// Upper left corner within the image, in pixels.
    pub(crate) offsets: (i32, i32),
    pub(crate) alpha: bool,
    /// Whether it holds other layers.
    pub(crate) group: bool,
    /// Whether it is one of those that hold colors for what lies below.
    pub(crate) colors: bool,
}

/// A call that the host refused, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Error(pub(crate) String);

/// Pixels of a layer, band by band; what is written is complete once they are dropped.
pub(crate) trait Pixels {
    /// Reads whole rows from row `y` on: linear sRGB, with alpha (not multiplied) if `alpha`.
    fn read_linear(&mut self, y: u32, alpha: bool, pixels: &mut [f32]);

    /// Reads a part: linear sRGB.
    fn read_part(&mut self, part: Area, pixels: &mut [f32]);

    /// Reads whole rows from row `y` on: encoded sRGB with alpha, 0..=1.
    fn read_encoded(&mut self, y: u32, pixels: &mut [f32]);

    /// Writes whole rows from row `y` on: encoded sRGB, with alpha if `alpha`.
    fn write_encoded(&mut self, y: u32, alpha: bool, pixels: &[f32]);
}

/// One image of the host program.
pub(crate) trait Host {
    /// Pixels of its layers.
    type Pixels: Pixels;

    /// How the image stores colors.
    fn color_model(&self) -> ColorModel;
    /// The file that the image was read from.
    fn file(&self) -> Option<PathBuf>;
    /// Whether a layer has pixels that are selected, or nothing is.
    fn selection_meets(&self, layer: Layer) -> bool;

    /// The layer that an item is or that it is the mask of.
    fn layer_of(&self, item: i32) -> Option<Layer>;
    /// The layer of this name, anywhere in the image, shown or not.
    fn layer_named(&self, name: &str) -> Option<Layer>;
    /// All layers that are no groups, top first, with their names.
    fn layers(&self) -> Vec<(Layer, String)>;
    /// What is known of a layer.
    fn describe(&self, layer: Layer) -> LayerInfo;
    /// Whether a layer is shown, and the groups that it is in.
    fn is_visible(&self, layer: Layer) -> bool;
    /// The layer below, in the same group.
    fn layer_below(&self, layer: Layer) -> Option<Layer>;

    /// A number that changes with a layer's pixels, found without reading all of them.
    fn fingerprint(&self, layer: Layer) -> u64;
    /// Other open images, and layers that are in colors, with their names.
    fn references(&self) -> Vec<(ReferenceChoice, String)>;
    /// Reads the pixels of an open image as it is seen, or of a layer of any open image; a file is
    /// none of them.
    fn read_reference<T>(
        &self,
        reference: &ReferenceChoice,
        read: impl FnOnce(&LayerInfo, &mut Self::Pixels) -> T,
    ) -> Result<T, Error>;

    /// The pixels of a layer.
    fn pixels(&self, layer: Layer) -> Result<Self::Pixels, Error>;
    /// Pixels that [`Host::apply_replacement`] puts in the place of the layer's.
    fn replacement(&self, layer: Layer) -> Result<Self::Pixels, Error>;
    /// Replaces the layer's pixels by the replacement, within the selection.
    fn apply_replacement(&self, layer: Layer) -> Result<(), Error>;

    /// Does `step`, whose changes to the image are one undo step.
    fn in_undo_group<T>(&self, step: impl FnOnce() -> T) -> T;
    /// Converts a gray image to RGB.
    fn convert_to_rgb(&self) -> Result<(), Error>;
    /// A new layer of the size and with or without alpha as another; it is not in the image yet.
    fn new_layer(&self, name: &str, like: &LayerInfo, mode: LayerMode) -> Result<Layer, Error>;
    /// Makes a transparent layer of a layer's size on top of all, and chooses it for painting.
    fn make_canvas(&self, name: &str, like: &LayerInfo) -> Result<Layer, Error>;
    /// Chooses a layer for painting.
    fn activate(&self, layer: Layer);
    /// Shows or hides a layer.
    fn set_visible(&self, layer: Layer, visible: bool);
    /// Deletes a layer that is not in the image.
    fn discard(&self, layer: Layer);
    /// Puts a new layer above another one and those with its colors, at its place and in its group.
    fn insert_above(&self, layer: Layer, below: Layer) -> Result<(), Error>;
    /// Gives a layer a mask, of the selection and of the mask of its source, if there is one.
    fn mask(&self, layer: Layer, source: Layer) -> Result<(), Error>;

    /// The XMP packet of the image.
    fn xmp(&self) -> Option<String>;
    /// Sets the properties of an XMP packet in the image's metadata, and keeps JSON with the image in
    /// the host's own format.
    fn attach_label(&self, packet: &str, json: &str) -> Result<(), Error>;

    /// Shows how far the work is, 0..=1.
    fn show_progress(&self, fraction: f64);
    /// Shows that the work goes on, without a measure.
    fn show_pulse(&self);
    /// Takes the progress away, and with it the user's way to end this process.
    fn end_progress(&self);
    /// Tells the user something.
    fn tell(&self, text: &str);
}
