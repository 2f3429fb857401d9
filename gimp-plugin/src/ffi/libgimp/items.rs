//! Layers: what they are, and what is done with them.

use std::ffi::c_int;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Gimp, Version};
use crate::ffi::error::Error;
use crate::ffi::glib::{Boolean, c_string};
use crate::host::LayerMode;

/// `GIMP_RGB_IMAGE`; with alpha it is one more.
const RGB_IMAGE: c_int = 0;
/// `GIMP_LAYER_MODE_NORMAL`, `GIMP_LAYER_MODE_LCH_COLOR`.
const NORMAL: c_int = 28;
const LCH_COLOR: c_int = 26;
/// `GIMP_ADD_MASK_WHITE`, `GIMP_ADD_MASK_SELECTION`.
const WHITE_MASK: c_int = 0;
const MASK_OF_SELECTION: c_int = 4;

/// Longest side of what a fingerprint is taken of: what GIMP makes at most, from tiles that it keeps.
const THUMBNAIL_SIDE: i32 = 1024;

impl<V: Version> Gimp<V> {
    /// The layer of this name, anywhere in the image.
    pub(crate) fn layer_named(&self, image: i32, name: &str) -> Option<i32> {
        let name = c_string(name);
        let image = self.version.image(image);
        // SAFETY: the name ends with a zero byte.
        let layer = unsafe { (self.functions.gimp_image_get_layer_by_name)(image, name.as_ptr()) };
        self.version.item_id(layer)
    }

    /// The layer that an item is, or that it is the mask of.
    pub(crate) fn layer_of(&self, item: i32) -> Option<i32> {
        if !self.version.is_valid(item) {
            return None;
        }
        let handle = self.version.item(item);
        if (self.functions.gimp_item_is_layer_mask)(handle) != 0 {
            return self.version.item_id((self.functions.gimp_layer_from_mask)(handle));
        }
        ((self.functions.gimp_item_is_layer)(handle) != 0).then_some(item)
    }

    /// All layers of an image that are no groups, top first.
    pub(crate) fn pixel_layers(&self, image: i32) -> Vec<i32> {
        let mut found = Vec::new();
        let mut waiting = self.layers(image, None);
        waiting.reverse();
        while let Some(layer) = waiting.pop() {
            if self.is_group(layer) {
                waiting.extend(self.layers(image, Some(layer)).into_iter().rev());
            } else {
                found.push(layer);
            }
        }
        found
    }

    /// Whether a layer has the mode LCh Color.
    pub(crate) fn is_lch_color(&self, layer: i32) -> bool {
        (self.functions.gimp_layer_get_mode)(self.version.item(layer)) == LCH_COLOR
    }

    /// Whether a layer holds other layers.
    pub(crate) fn is_group(&self, layer: i32) -> bool {
        (self.functions.gimp_item_is_group)(self.version.item(layer)) != 0
    }

    /// The group that a layer lies in.
    pub(crate) fn parent(&self, layer: i32) -> Option<i32> {
        let parent = (self.functions.gimp_item_get_parent)(self.version.item(layer));
        self.version.item_id(parent)
    }

    /// The name of a layer.
    pub(crate) fn name(&self, layer: i32) -> String {
        let name = (self.functions.gimp_item_get_name)(self.version.item(layer));
        // SAFETY: libgimp gives the string away.
        unsafe { self.glib.string(name) }.unwrap_or_default()
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self, layer: i32) -> (u32, u32) {
        self.version.size(layer)
    }

    /// Position of the upper left corner within the image, in pixels.
    pub(crate) fn offsets(&self, layer: i32) -> (i32, i32) {
        self.version.offsets(layer)
    }

    /// Whether a layer has an alpha channel.
    pub(crate) fn has_alpha(&self, layer: i32) -> bool {
        (self.functions.gimp_drawable_has_alpha)(self.version.item(layer)) != 0
    }

    /// Whether nothing is selected.
    pub(crate) fn selection_is_empty(&self, image: i32) -> bool {
        (self.functions.gimp_selection_is_empty)(self.version.image(image)) != 0
    }

    /// A layer that is in no image yet, of this size, with alpha or without.
    pub(crate) fn new_layer(
        &self,
        image: i32,
        name: &str,
        ((width, height), alpha): ((u32, u32), bool),
        mode: LayerMode,
    ) -> Result<i32, Error> {
        let name = c_string(name);
        let image = self.version.image(image);
        let kind = RGB_IMAGE + c_int::from(alpha);
        let (width, height) = (width as c_int, height as c_int);
        let mode = match mode {
            LayerMode::Normal => NORMAL,
            LayerMode::LchColor => LCH_COLOR,
        };
        // SAFETY: the name ends with a zero byte.
        let layer = unsafe {
            let name = name.as_ptr();
            (self.functions.gimp_layer_new)(image, name, width, height, kind, 100.0, mode)
        };
        self.version.item_id(layer).ok_or_else(|| self.call_error("gimp_layer_new"))
    }

    /// Puts a layer above another one, into its group, at these offsets.
    pub(crate) fn insert_above(
        &self,
        image: i32,
        layer: i32,
        below: i32,
        offsets: (i32, i32),
    ) -> Result<(), Error> {
        let image = self.version.image(image);
        let below = self.version.item(below);
        let parent = (self.functions.gimp_item_get_parent)(below);
        let parent = if self.version.item_id(parent).is_some() { parent } else { V::NONE };
        let position = (self.functions.gimp_image_get_item_position)(image, below);
        self.insert(image, layer, (parent, position), offsets)
    }

    /// Puts a layer on top of all, at these offsets.
    pub(crate) fn insert_on_top(
        &self,
        image: i32,
        layer: i32,
        offsets: (i32, i32),
    ) -> Result<(), Error> {
        self.insert(self.version.image(image), layer, (V::NONE, 0), offsets)
    }

    fn insert(
        &self,
        image: V::Handle,
        layer: i32,
        (parent, position): (V::Handle, c_int),
        (x, y): (i32, i32),
    ) -> Result<(), Error> {
        let layer = self.version.item(layer);
        let inserted = (self.functions.gimp_image_insert_layer)(image, layer, parent, position);
        self.check("gimp_image_insert_layer", inserted)?;
        let moved = (self.functions.gimp_layer_set_offsets)(layer, x, y);
        self.check("gimp_layer_set_offsets", moved)
    }

    /// Removes a layer that is in no image.
    pub(crate) fn delete(&self, layer: i32) {
        (self.functions.gimp_item_delete)(self.version.item(layer));
    }

    /// Gives a layer a mask, of the selection or all white, and gives its number.
    pub(crate) fn add_mask(&self, layer: i32, selection: bool) -> Result<i32, Error> {
        let layer = self.version.item(layer);
        let kind = if selection { MASK_OF_SELECTION } else { WHITE_MASK };
        let mask = (self.functions.gimp_layer_create_mask)(layer, kind);
        let number = self.version.item_id(mask);
        let number = number.ok_or_else(|| self.call_error("gimp_layer_create_mask"))?;
        self.check("gimp_layer_add_mask", (self.functions.gimp_layer_add_mask)(layer, mask))?;
        Ok(number)
    }

    /// The mask of a layer, if there is one and it counts.
    pub(crate) fn mask_of(&self, layer: i32) -> Option<i32> {
        let layer = self.version.item(layer);
        let mask = self.version.item_id((self.functions.gimp_layer_get_mask)(layer))?;
        ((self.functions.gimp_layer_get_apply_mask)(layer) != 0).then_some(mask)
    }

    /// Whether a layer is shown, and the groups that it is in.
    pub(crate) fn is_visible(&self, layer: i32) -> bool {
        let mut around = std::iter::successors(Some(layer), |layer| self.parent(*layer));
        around.all(|item| (self.functions.gimp_item_get_visible)(self.version.item(item)) != 0)
    }

    /// Shows or hides a layer; where it is so already there is nothing to be undone.
    pub(crate) fn set_visible(&self, layer: i32, visible: bool) {
        let layer = self.version.item(layer);
        if ((self.functions.gimp_item_get_visible)(layer) != 0) != visible {
            (self.functions.gimp_item_set_visible)(layer, Boolean::from(visible));
        }
    }

    /// Whether the selection holds pixels of a layer.
    pub(crate) fn selection_meets(&self, layer: i32) -> bool {
        let mut places = [0; 4];
        let [x, y, width, height] = &mut places;
        let layer = self.version.item(layer);
        // SAFETY: all four are there to be written.
        unsafe { (self.functions.gimp_drawable_mask_intersect)(layer, x, y, width, height) != 0 }
    }

    /// A number that changes with the pixels of a layer.
    pub(crate) fn fingerprint(&self, layer: i32) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.version.thumbnail(&self.glib, layer, THUMBNAIL_SIDE).hash(&mut hasher);
        hasher.finish()
    }
}
