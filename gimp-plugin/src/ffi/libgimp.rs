//! libgimp as far as GIMP 2.10 and 3 agree on it.
//!
//! Most functions have kept their names and arguments but for the items, which were numbers and
//! became objects: [`Version`] has a handle type and the functions that differ.

mod items;
mod metadata;
mod references;

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
            fn gimp_image_get_name(image: H) -> *mut c_char; // (transfer full)
            fn gimp_item_get_image(item: H) -> H; // (transfer none)
            fn gimp_item_get_name(item: H) -> *mut c_char; // (transfer full)
            fn gimp_item_get_parent(item: H) -> H; // (transfer none)
            fn gimp_item_get_visible(item: H) -> Boolean;
            fn gimp_item_is_group(item: H) -> Boolean;
            fn gimp_item_is_layer(item: H) -> Boolean;
            fn gimp_item_is_layer_mask(item: H) -> Boolean;
            fn gimp_item_set_visible(item: H, visible: Boolean) -> Boolean;
            fn gimp_layer_add_mask(layer: H, mask: H) -> Boolean;
            fn gimp_layer_create_mask(layer: H, kind: c_int) -> H; // (transfer none)
            fn gimp_layer_from_mask(mask: H) -> H; // (transfer none)
            fn gimp_layer_get_apply_mask(layer: H) -> Boolean;
            fn gimp_layer_get_mode(layer: H) -> c_int;
            fn gimp_layer_get_mask(layer: H) -> H; // (transfer none)
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
            fn gimp_drawable_mask_intersect(
                drawable: H,
                x: *mut c_int,
                y: *mut c_int,
                width: *mut c_int,
                height: *mut c_int,
            ) -> Boolean;
            fn gimp_gimprc_query(token: *const c_char) -> *mut c_char; // (transfer full)
            fn gimp_gimprc_set(token: *const c_char, value: *const c_char) -> Boolean;
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
            fn gimp_layer_new_from_visible(image: H, to: H, name: *const c_char) -> H; // (transfer none)
            fn gimp_metadata_set_from_xmp(
                metadata: *mut c_void,
                xmp: *const u8,
                length: c_int,
                error: *mut *mut GError,
            ) -> Boolean;
            fn gimp_message(text: *const c_char) -> Boolean;
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
    /// Whether there is an item of this number; users delete layers while a dialog is open.
    fn is_valid(&self, item: i32) -> bool;
    /// The number of an image.
    fn image_id(&self, image: Self::Handle) -> Option<i32>;
    /// All open images.
    fn images(&self, glib: &Glib) -> Vec<i32>;
    /// What is chosen of an image.
    fn selected(&self, glib: &Glib, image: i32) -> Vec<i32>;
    /// Chooses a layer for painting.
    fn activate(&self, image: i32, layer: i32);
    /// The pixels of a small picture of a drawable, in bytes, of at most `side` x `side`.
    fn thumbnail(&self, glib: &Glib, drawable: i32, side: i32) -> Vec<u8>;
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

    /// The pixels of a layer.
    pub(crate) fn buffer(&self, image: i32, layer: i32) -> Result<Buffer, Error> {
        let buffer = (self.functions.gimp_drawable_get_buffer)(self.version.item(layer));
        self.wrap_buffer("gimp_drawable_get_buffer", image, buffer)
    }

    /// The values of a mask.
    pub(crate) fn mask_buffer(&self, mask: i32) -> Result<Buffer, Error> {
        let call = "gimp_drawable_get_buffer";
        let buffer = (self.functions.gimp_drawable_get_buffer)(self.version.item(mask));
        // SAFETY: libgimp gives the buffer away.
        let buffer = unsafe { self.glib.object(buffer) }.ok_or_else(|| self.call_error(call))?;
        // SAFETY: libgimp made the buffer, and masks have no color space.
        unsafe { self.gegl.buffer(buffer, ptr::null()) }
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
