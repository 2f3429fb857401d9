//! What GIMP 2.10 does in its own way: items are numbers.

use std::ffi::{c_char, c_int, c_void};
use std::path::PathBuf;

use crate::ffi::error::Error;
use crate::ffi::glib::{Boolean, Glib, borrowed, c_string};
use crate::ffi::libgimp::Version;
use crate::ffi::symbols::{Lookup, symbols};

symbols! {
    /// Functions that `libgimp-3.0` has not, or with other arguments.
    Functions {
        safe {
            fn gimp_drawable_height(drawable: i32) -> c_int;
            fn gimp_drawable_width(drawable: i32) -> c_int;
            fn gimp_get_pdb_error() -> *const c_char; // (transfer none)
            fn gimp_image_base_type(image: i32) -> c_int;
            fn gimp_image_get_filename(image: i32) -> *mut c_char; // (transfer full)
            fn gimp_image_get_active_drawable(image: i32) -> i32;
            fn gimp_item_is_valid(item: i32) -> Boolean;
            fn gimp_image_set_active_layer(image: i32, layer: i32) -> Boolean;
        }
        unsafe {
            fn gimp_drawable_offsets(drawable: i32, x: *mut c_int, y: *mut c_int) -> Boolean;
            fn gimp_drawable_get_thumbnail_data(
                drawable: i32,
                width: *mut c_int,
                height: *mut c_int,
                bytes: *mut c_int,
            ) -> *mut u8; // (transfer full)
            fn gimp_image_list(count: *mut c_int) -> *mut i32; // (transfer full)
            fn gimp_image_get_layers(image: i32, count: *mut c_int) -> *mut i32; // (transfer full)
            fn gimp_item_get_children(group: i32, count: *mut c_int) -> *mut i32; // (transfer full)
            fn gimp_procedural_db_get_data(identifier: *const c_char, data: *mut c_void) -> Boolean;
            fn gimp_procedural_db_get_data_size(identifier: *const c_char) -> c_int;
            fn gimp_procedural_db_set_data(
                identifier: *const c_char,
                data: *const c_void,
                bytes: u32,
            ) -> Boolean;
        }
    }
}

/// What GIMP 2.10 does in its own way.
pub(crate) struct Gimp2 {
    functions: Functions,
}

impl Gimp2 {
    pub(super) fn load(lookup: &Lookup<'_>) -> Result<Self, Error> {
        Ok(Self { functions: Functions::load(lookup)? })
    }

    /// The data that the last run stored, for as long as GIMP runs.
    pub(crate) fn last_values(&self, procedure: &str) -> Option<Vec<u8>> {
        let name = c_string(procedure);
        let name = name.as_ptr();
        // SAFETY: the name ends with a zero byte.
        let size = unsafe { (self.functions.gimp_procedural_db_get_data_size)(name) };
        let mut data = vec![0_u8; usize::try_from(size).ok().filter(|size| *size > 0)?];
        // SAFETY: `data` is as large as GIMP says, which no other process changes meanwhile.
        let found =
            unsafe { (self.functions.gimp_procedural_db_get_data)(name, data.as_mut_ptr().cast()) };
        (found != 0).then_some(data)
    }

    /// Stores data for the next run.
    pub(crate) fn store_last_values(&self, procedure: &str, data: &[u8]) {
        let (name, bytes) = (c_string(procedure), data.len() as u32);
        // SAFETY: the name ends with a zero byte, and the data are as long as said.
        unsafe {
            let set = self.functions.gimp_procedural_db_set_data;
            set(name.as_ptr(), data.as_ptr().cast(), bytes);
        }
    }
}

impl Version for Gimp2 {
    type Handle = i32;

    const NONE: i32 = -1;
    const LABELS_BUFFERS: bool = false;

    fn item(&self, item: i32) -> i32 {
        item
    }

    fn image(&self, image: i32) -> i32 {
        image
    }

    fn item_id(&self, item: i32) -> Option<i32> {
        (item > 0).then_some(item)
    }

    fn is_valid(&self, item: i32) -> bool {
        (self.functions.gimp_item_is_valid)(item) != 0
    }

    fn image_id(&self, image: i32) -> Option<i32> {
        (image > 0).then_some(image)
    }

    fn images(&self, glib: &Glib) -> Vec<i32> {
        let mut count = 0;
        // SAFETY: `count` is there to be written.
        let ids = unsafe { (self.functions.gimp_image_list)(&raw mut count) };
        // SAFETY: libgimp gives away as many numbers as it counted.
        unsafe { numbers(glib, ids, usize::try_from(count).unwrap_or(0)) }
    }

    fn selected(&self, _glib: &Glib, image: i32) -> Vec<i32> {
        let drawable = (self.functions.gimp_image_get_active_drawable)(image);
        self.item_id(drawable).into_iter().collect()
    }

    fn activate(&self, image: i32, layer: i32) {
        (self.functions.gimp_image_set_active_layer)(image, layer);
    }

    fn thumbnail(&self, glib: &Glib, drawable: i32, side: i32) -> Vec<u8> {
        let [mut width, mut height, mut bytes] = [side, side, 0];
        // SAFETY: all three are there to be written.
        let data = unsafe {
            let get = self.functions.gimp_drawable_get_thumbnail_data;
            get(drawable, &raw mut width, &raw mut height, &raw mut bytes)
        };
        let length = [width, height, bytes].map(|v| usize::try_from(v).unwrap_or(0));
        // SAFETY: libgimp gives away that many bytes for each of the pixels.
        unsafe { numbers(glib, data, length.iter().product()) }
    }

    fn base_type(&self, image: i32) -> i32 {
        (self.functions.gimp_image_base_type)(image)
    }

    fn size(&self, drawable: i32) -> (u32, u32) {
        let width = (self.functions.gimp_drawable_width)(drawable);
        let height = (self.functions.gimp_drawable_height)(drawable);
        (width.max(0) as u32, height.max(0) as u32)
    }

    fn offsets(&self, drawable: i32) -> (i32, i32) {
        let (mut x, mut y) = (0, 0);
        // SAFETY: both are there to be written.
        unsafe { (self.functions.gimp_drawable_offsets)(drawable, &raw mut x, &raw mut y) };
        (x, y)
    }

    fn layers(&self, glib: &Glib, image: i32) -> Vec<i32> {
        let mut count = 0;
        // SAFETY: `count` is there to be written.
        let ids = unsafe { (self.functions.gimp_image_get_layers)(image, &raw mut count) };
        // SAFETY: libgimp gives away as many numbers as it counted.
        unsafe { numbers(glib, ids, usize::try_from(count).unwrap_or(0)) }
    }

    fn children(&self, glib: &Glib, group: i32) -> Vec<i32> {
        let mut count = 0;
        // SAFETY: `count` is there to be written.
        let ids = unsafe { (self.functions.gimp_item_get_children)(group, &raw mut count) };
        // SAFETY: libgimp gives away as many numbers as it counted.
        unsafe { numbers(glib, ids, usize::try_from(count).unwrap_or(0)) }
    }

    fn file(&self, glib: &Glib, image: i32) -> Option<PathBuf> {
        let name = (self.functions.gimp_image_get_filename)(image);
        // SAFETY: libgimp gives the string away.
        unsafe { glib.string(name) }.map(PathBuf::from)
    }

    fn last_error(&self) -> Option<String> {
        // SAFETY: null or a string of libgimp's.
        unsafe { borrowed((self.functions.gimp_get_pdb_error)()) }
    }
}

/// Copies and frees an array.
///
/// # Safety
///
/// `values` is null or an array of GLib's allocator of at least `count` numbers, which is given away.
unsafe fn numbers<T: Copy>(glib: &Glib, values: *mut T, count: usize) -> Vec<T> {
    if values.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    let copy = unsafe { std::slice::from_raw_parts(values, count) }.to_vec();
    // SAFETY: the caller gives the array away.
    unsafe { glib.free(values.cast()) };
    copy
}
