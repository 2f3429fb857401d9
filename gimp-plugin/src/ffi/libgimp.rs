//! libgimp as far as GIMP 2.10 and 3 agree on it.
//!
//! Most functions have kept their names and arguments but for the items, which were numbers and
//! became objects: [`Version`] has a handle type and the functions that differ.

mod metadata;

use std::ffi::{c_char, c_double, c_int, c_void};
use std::path::PathBuf;
use std::ptr;

use super::error::Error;
use super::gegl::{Buffer, Gegl};
use super::glib::{Boolean, GError, Glib, c_string};
use super::library::Library;
use super::symbols::{Lookup, symbols};

symbols! {
    /// Functions that are the same in `libgimp-2.0` and `libgimp-3.0` but for the handles, and one of
    /// GExiv2, which libgimp needs.
    Functions<H> {
        safe {
            fn gimp_displays_flush() -> Boolean;
            fn gimp_drawable_get_buffer(drawable: H) -> *mut c_void; // (transfer full)
            fn gimp_drawable_get_shadow_buffer(drawable: H) -> *mut c_void; // (transfer full)
            fn gimp_drawable_has_alpha(drawable: H) -> Boolean;
            fn gimp_drawable_merge_shadow(drawable: H, undo: Boolean) -> Boolean;
            fn gimp_drawable_update(drawable: H, x: c_int, y: c_int, width: c_int, height: c_int) -> Boolean;
            fn gimp_image_convert_rgb(image: H) -> Boolean;
            fn gimp_image_get_effective_color_profile(image: H) -> *mut c_void; // (transfer full)
            fn gimp_image_get_metadata(image: H) -> *mut c_void; // (transfer full)
            fn gimp_image_get_item_position(image: H, item: H) -> c_int;
            fn gimp_image_insert_layer(image: H, layer: H, parent: H, position: c_int) -> Boolean;
            fn gimp_image_undo_group_end(image: H) -> Boolean;
            fn gimp_image_undo_group_start(image: H) -> Boolean;
            fn gimp_item_delete(item: H) -> Boolean;
            fn gimp_item_get_name(item: H) -> *mut c_char; // (transfer full)
            fn gimp_item_get_parent(item: H) -> H; // (transfer none)
            fn gimp_item_is_group(item: H) -> Boolean;
            fn gimp_item_is_layer(item: H) -> Boolean;
            fn gimp_item_is_layer_mask(item: H) -> Boolean;
            fn gimp_layer_add_mask(layer: H, mask: H) -> Boolean;
            fn gimp_layer_create_mask(layer: H, kind: c_int) -> H; // (transfer none)
            fn gimp_layer_from_mask(mask: H) -> H; // (transfer none)
            fn gimp_layer_set_offsets(layer: H, x: c_int, y: c_int) -> Boolean;
            fn gimp_metadata_new() -> *mut c_void; // (transfer full)
            fn gimp_progress_end() -> Boolean;
            fn gimp_progress_pulse() -> Boolean;
            fn gimp_progress_update(fraction: c_double) -> Boolean;
            fn gimp_selection_is_empty(image: H) -> Boolean;
        }
        unsafe {
            fn gimp_color_profile_get_space(
                profile: *mut c_void,
                intent: c_int,
                error: *mut *mut GError,
            ) -> *const c_void;
            fn gexiv2_metadata_try_generate_xmp_packet(
                metadata: *mut c_void,
                flags: c_int,
                padding: u32,
                error: *mut *mut GError,
            ) -> *mut c_char; // (transfer full)
            fn gimp_image_attach_parasite(image: H, parasite: *const c_void) -> Boolean;
            fn gimp_image_get_layer_by_name(image: H, name: *const c_char) -> H; // (transfer none)
            fn gimp_image_set_metadata(image: H, metadata: *mut c_void) -> Boolean;
            fn gimp_layer_new(
                image: H,
                name: *const c_char,
                width: c_int,
                height: c_int,
                kind: c_int,
                opacity: c_double,
                mode: c_int,
            ) -> H; // (transfer none)
            fn gimp_metadata_set_from_xmp(
                metadata: *mut c_void,
                xmp: *const u8,
                length: c_int,
                error: *mut *mut GError,
            ) -> Boolean;
            fn gimp_parasite_free(parasite: *mut c_void);
            fn gimp_parasite_new(
                name: *const c_char,
                flags: u32,
                size: u32,
                data: *const c_void,
            ) -> *mut c_void; // (transfer full)
            fn gimp_progress_init(message: *const c_char) -> Boolean;
        }
    }
}

/// `GIMP_RGB_IMAGE`; with alpha it is one more.
const RGB_IMAGE: c_int = 0;
/// `GIMP_LAYER_MODE_LCH_COLOR`.
const LCH_COLOR: c_int = 26;
/// `GIMP_ADD_MASK_SELECTION`.
const MASK_OF_SELECTION: c_int = 4;
/// `GIMP_COLOR_RENDERING_INTENT_RELATIVE_COLORIMETRIC`.
const RELATIVE_COLORIMETRIC: c_int = 1;

/// What differs between the versions. Items and images are known by their numbers outside.
pub(crate) trait Version {
    /// How libgimp takes items and images.
    type Handle: Copy;

    /// No item: no parent, no layer.
    const NONE: Self::Handle;
    /// Whether buffers are labelled with the image's color space, and not with sRGB.
    const LABELS_BUFFERS: bool;

    /// The item of a number, or none.
    fn item(&self, item: i32) -> Self::Handle;
    /// The image of a number, or none.
    fn image(&self, image: i32) -> Self::Handle;
    /// The number of an item.
    fn item_id(&self, item: Self::Handle) -> Option<i32>;
    /// `GimpImageBaseType`.
    fn base_type(&self, image: i32) -> i32;
    /// Width and height in pixels.
    fn size(&self, drawable: i32) -> (u32, u32);
    /// Position of the upper left corner within the image, in pixels.
    fn offsets(&self, drawable: i32) -> (i32, i32);
    /// The topmost items of an image, top first.
    fn layers(&self, glib: &Glib, image: i32) -> Vec<i32>;
    /// The items of a group, top first.
    fn children(&self, glib: &Glib, group: i32) -> Vec<i32>;
    /// The local file that the image was read from or saved to.
    fn file(&self, glib: &Glib, image: i32) -> Option<PathBuf>;
    /// What GIMP says of the last call that failed.
    fn last_error(&self) -> Option<String>;
}

/// GIMP, for as long as the process runs.
pub(crate) struct Gimp<V: Version> {
    functions: Functions<V::Handle>,
    glib: Glib,
    gegl: Gegl,
    version: V,
}

impl<V: Version> Gimp<V> {
    /// Resolves all functions, those of the version by `version`.
    pub(super) fn load(
        library: &Library,
        version: impl FnOnce(&Lookup<'_>) -> Result<V, Error>,
    ) -> Result<Self, Error> {
        let lookup: &Lookup<'_> = &|name| library.symbol(name);
        Ok(Self {
            functions: Functions::load(lookup)?,
            glib: Glib::load(lookup)?,
            gegl: Gegl::load(lookup)?,
            version: version(lookup)?,
        })
    }

    /// GLib.
    pub(super) fn glib(&self) -> &Glib {
        &self.glib
    }

    /// The functions that differ.
    pub(crate) fn version(&self) -> &V {
        &self.version
    }

    /// Starts GEGL; before any buffer.
    pub(crate) fn start(&self) {
        self.gegl.start();
    }

    /// `GimpImageBaseType`: RGB 0, gray 1, indexed 2.
    pub(crate) fn base_type(&self, image: i32) -> i32 {
        self.version.base_type(image)
    }

    /// The topmost items of an image, or those of a group, top first.
    pub(crate) fn layers(&self, image: i32, group: Option<i32>) -> Vec<i32> {
        match group {
            Some(group) => self.version.children(&self.glib, group),
            None => self.version.layers(&self.glib, image),
        }
    }

    /// The local file that the image was read from or saved to.
    pub(crate) fn file(&self, image: i32) -> Option<PathBuf> {
        self.version.file(&self.glib, image)
    }

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
        let handle = self.version.item(item);
        if (self.functions.gimp_item_is_layer_mask)(handle) != 0 {
            return self.version.item_id((self.functions.gimp_layer_from_mask)(handle));
        }
        ((self.functions.gimp_item_is_layer)(handle) != 0).then_some(item)
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

    /// The pixels of a layer.
    pub(crate) fn buffer(&self, image: i32, layer: i32) -> Result<Buffer, Error> {
        let buffer = (self.functions.gimp_drawable_get_buffer)(self.version.item(layer));
        self.wrap_buffer("gimp_drawable_get_buffer", image, buffer)
    }

    /// Pixels that [`Gimp::merge_shadow`] puts in the place of the layer's.
    pub(crate) fn shadow_buffer(&self, image: i32, layer: i32) -> Result<Buffer, Error> {
        let buffer = (self.functions.gimp_drawable_get_shadow_buffer)(self.version.item(layer));
        self.wrap_buffer("gimp_drawable_get_shadow_buffer", image, buffer)
    }

    /// Takes over the shadow's pixels within the selection, as a step that can be undone.
    pub(crate) fn merge_shadow(&self, layer: i32) -> Result<(), Error> {
        let merged = (self.functions.gimp_drawable_merge_shadow)(self.version.item(layer), 1);
        self.check("gimp_drawable_merge_shadow", merged)
    }

    /// Has a layer's pixels shown anew.
    pub(crate) fn update(&self, layer: i32) {
        let (width, height) = self.size(layer);
        let (handle, width, height) = (self.version.item(layer), width as c_int, height as c_int);
        (self.functions.gimp_drawable_update)(handle, 0, 0, width, height);
    }

    /// Begins an undo step.
    pub(crate) fn start_undo_group(&self, image: i32) {
        (self.functions.gimp_image_undo_group_start)(self.version.image(image));
    }

    /// Ends the step.
    pub(crate) fn end_undo_group(&self, image: i32) {
        (self.functions.gimp_image_undo_group_end)(self.version.image(image));
    }

    /// Converts a gray image to RGB.
    pub(crate) fn convert_to_rgb(&self, image: i32) -> Result<(), Error> {
        let converted = (self.functions.gimp_image_convert_rgb)(self.version.image(image));
        self.check("gimp_image_convert_rgb", converted)
    }

    /// A layer in mode LCh Color that is in no image yet.
    pub(crate) fn new_layer(
        &self,
        image: i32,
        name: &str,
        (width, height): (u32, u32),
        alpha: bool,
    ) -> Result<i32, Error> {
        let name = c_string(name);
        let image = self.version.image(image);
        let kind = RGB_IMAGE + c_int::from(alpha);
        let (width, height) = (width as c_int, height as c_int);
        // SAFETY: the name ends with a zero byte.
        let layer = unsafe {
            let name = name.as_ptr();
            (self.functions.gimp_layer_new)(image, name, width, height, kind, 100.0, LCH_COLOR)
        };
        self.version.item_id(layer).ok_or_else(|| self.call_error("gimp_layer_new"))
    }

    /// Puts a layer above another one, into its group and to its offsets.
    pub(crate) fn insert_above(&self, image: i32, layer: i32, below: i32) -> Result<(), Error> {
        let (x, y) = self.offsets(below);
        let (image, layer) = (self.version.image(image), self.version.item(layer));
        let below = self.version.item(below);
        let parent = (self.functions.gimp_item_get_parent)(below);
        let parent = if self.version.item_id(parent).is_some() { parent } else { V::NONE };
        let position = (self.functions.gimp_image_get_item_position)(image, below);
        let inserted = (self.functions.gimp_image_insert_layer)(image, layer, parent, position);
        self.check("gimp_image_insert_layer", inserted)?;
        let moved = (self.functions.gimp_layer_set_offsets)(layer, x, y);
        self.check("gimp_layer_set_offsets", moved)
    }

    /// Removes a layer that is in no image.
    pub(crate) fn delete(&self, layer: i32) {
        (self.functions.gimp_item_delete)(self.version.item(layer));
    }

    /// Gives a layer the selection as its mask.
    pub(crate) fn mask_by_selection(&self, layer: i32) -> Result<(), Error> {
        let layer = self.version.item(layer);
        let mask = (self.functions.gimp_layer_create_mask)(layer, MASK_OF_SELECTION);
        if self.version.item_id(mask).is_none() {
            return Err(self.call_error("gimp_layer_create_mask"));
        }
        self.check("gimp_layer_add_mask", (self.functions.gimp_layer_add_mask)(layer, mask))
    }

    /// Shows a progress bar.
    pub(crate) fn start_progress(&self, message: &str) {
        let message = c_string(message);
        // SAFETY: the message ends with a zero byte.
        unsafe { (self.functions.gimp_progress_init)(message.as_ptr()) };
    }

    /// Moves the progress bar to a fraction, 0..=1.
    pub(crate) fn update_progress(&self, fraction: f64) {
        (self.functions.gimp_progress_update)(fraction);
    }

    /// Shows that something is going on.
    pub(crate) fn pulse_progress(&self) {
        (self.functions.gimp_progress_pulse)();
    }

    /// Takes the progress bar away, and with it the button that ends this process.
    pub(crate) fn end_progress(&self) {
        (self.functions.gimp_progress_end)();
    }

    /// Has the windows show what changed.
    pub(crate) fn flush_displays(&self) {
        (self.functions.gimp_displays_flush)();
    }

    fn wrap_buffer(
        &self,
        call: &'static str,
        image: i32,
        buffer: *mut c_void,
    ) -> Result<Buffer, Error> {
        // SAFETY: libgimp gives the buffer away.
        let buffer = unsafe { self.glib.object(buffer) }.ok_or_else(|| self.call_error(call))?;
        let space = if V::LABELS_BUFFERS { ptr::null() } else { self.space(image) };
        // SAFETY: libgimp made the buffer, and the space is null or babl's.
        unsafe { self.gegl.buffer(buffer, space) }
    }

    /// babl's space of the image's color profile, null for sRGB.
    fn space(&self, image: i32) -> *const c_void {
        let image = self.version.image(image);
        let profile = (self.functions.gimp_image_get_effective_color_profile)(image);
        // SAFETY: libgimp gives the profile away.
        let Some(profile) = (unsafe { self.glib.object(profile) }) else { return ptr::null() };
        let mut error = ptr::null_mut();
        // SAFETY: the profile is GIMP's, and `error` is null.
        let space = unsafe {
            let get = self.functions.gimp_color_profile_get_space;
            get(profile.pointer(), RELATIVE_COLORIMETRIC, &raw mut error)
        };
        // SAFETY: libgimp gives the error away; without a space the label is the best there is.
        unsafe { self.glib.error(error) };
        space
    }

    fn check(&self, call: &'static str, success: Boolean) -> Result<(), Error> {
        if success != 0 { Ok(()) } else { Err(self.call_error(call)) }
    }

    fn call_error(&self, call: &'static str) -> Error {
        Error::Call { call, reason: self.version.last_error() }
    }
}
