//! What GIMP 3 does in its own way: items are objects.

use std::ffi::{c_char, c_int, c_void};
use std::path::PathBuf;
use std::ptr;

use crate::ffi::error::Error;
use crate::ffi::glib::{Boolean, Glib, borrowed};
use crate::ffi::libgimp::Version;
use crate::ffi::symbols::{Lookup, symbols};

symbols! {
    /// Functions that `libgimp-2.0` has not, or with other arguments.
    Functions {
        safe {
            fn gimp_drawable_get_height(drawable: Handle) -> c_int;
            fn gimp_drawable_get_width(drawable: Handle) -> c_int;
            fn gimp_get_pdb() -> *mut c_void; // (transfer none)
            fn gimp_get_images() -> *mut Handle; // (transfer container)
            fn gimp_image_get_base_type(image: Handle) -> c_int;
            fn gimp_image_get_by_id(id: i32) -> Handle; // (transfer none)
            fn gimp_image_get_file(image: Handle) -> *mut c_void; // (transfer full)
            fn gimp_image_get_id(image: Handle) -> i32;
            fn gimp_image_get_imported_file(image: Handle) -> *mut c_void; // (transfer full)
            fn gimp_image_get_selected_layers(image: Handle) -> *mut Handle; // (transfer container)
            fn gimp_image_get_layers(image: Handle) -> *mut Handle; // (transfer container)
            fn gimp_item_get_by_id(id: i32) -> Handle; // (transfer none)
            fn gimp_item_get_children(group: Handle) -> *mut Handle; // (transfer container)
            fn gimp_item_get_id(item: Handle) -> i32;
        }
        unsafe {
            fn g_bytes_get_data(bytes: *mut c_void, size: *mut usize) -> *const u8; // (transfer none)
            fn g_bytes_unref(bytes: *mut c_void);
            fn gimp_drawable_get_thumbnail_data(
                drawable: Handle,
                width: c_int,
                height: c_int,
                actual_width: *mut c_int,
                actual_height: *mut c_int,
                bytes: *mut c_int,
            ) -> *mut c_void; // (transfer full)
            fn gimp_image_set_selected_layers(image: Handle, layers: *const Handle) -> Boolean;
            fn g_file_get_path(file: *mut c_void) -> *mut c_char; // (transfer full)
            fn gimp_drawable_get_offsets(drawable: Handle, x: *mut c_int, y: *mut c_int) -> Boolean;
            fn gimp_pdb_get_last_error(pdb: *mut c_void) -> *const c_char; // (transfer none)
        }
    }
}

/// An image or item of libgimp's, or none: made by libgimp alone, and used at once.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Handle(pub(super) *mut c_void);

/// What GIMP 3 does in its own way.
pub(crate) struct Gimp3 {
    functions: Functions,
}

impl Gimp3 {
    pub(super) fn load(lookup: &Lookup<'_>) -> Result<Self, Error> {
        Ok(Self { functions: Functions::load(lookup)? })
    }

    /// Copies and frees an array.
    ///
    /// # Safety
    ///
    /// `items` is null or an array of GLib's allocator that ends with null and is given away.
    unsafe fn items(&self, glib: &Glib, items: *mut Handle) -> Vec<i32> {
        // SAFETY: the caller's promise.
        let ids = unsafe { self.ids(items) };
        // SAFETY: the caller gives the array away; the items are libgimp's.
        unsafe { glib.free(items.cast()) };
        ids
    }

    /// The numbers of the items of an array.
    ///
    /// # Safety
    ///
    /// `items` is null or an array that ends with null.
    pub(super) unsafe fn ids(&self, items: *const Handle) -> Vec<i32> {
        let mut ids = Vec::new();
        if items.is_null() {
            return ids;
        }
        for at in 0.. {
            // SAFETY: the array ends with null, where the loop ends.
            let place = unsafe { items.add(at) };
            // SAFETY: `place` is within the array.
            let Some(id) = self.item_id(unsafe { *place }) else { break };
            ids.push(id);
        }
        ids
    }
}

impl Version for Gimp3 {
    type Handle = Handle;

    const NONE: Handle = Handle(ptr::null_mut());
    const LABELS_BUFFERS: bool = true;

    fn item(&self, item: i32) -> Handle {
        (self.functions.gimp_item_get_by_id)(item)
    }

    fn image(&self, image: i32) -> Handle {
        (self.functions.gimp_image_get_by_id)(image)
    }

    fn item_id(&self, item: Handle) -> Option<i32> {
        (!item.0.is_null()).then(|| (self.functions.gimp_item_get_id)(item))
    }

    fn is_valid(&self, item: i32) -> bool {
        !self.item(item).0.is_null()
    }

    fn image_id(&self, image: Handle) -> Option<i32> {
        (!image.0.is_null()).then(|| (self.functions.gimp_image_get_id)(image))
    }

    fn images(&self, glib: &Glib) -> Vec<i32> {
        let images = (self.functions.gimp_get_images)();
        let mut ids = Vec::new();
        if images.is_null() {
            return ids;
        }
        for at in 0.. {
            // SAFETY: the array ends with null, where the loop ends.
            let place = unsafe { images.add(at) };
            // SAFETY: `place` is within the array.
            let Some(id) = self.image_id(unsafe { *place }) else { break };
            ids.push(id);
        }
        // SAFETY: libgimp gives the array away; the images are its own.
        unsafe { glib.free(images.cast()) };
        ids
    }

    fn selected(&self, glib: &Glib, image: i32) -> Vec<i32> {
        let layers = (self.functions.gimp_image_get_selected_layers)(self.image(image));
        // SAFETY: libgimp gives the array away.
        unsafe { self.items(glib, layers) }
    }

    fn activate(&self, image: i32, layer: i32) {
        let layers = [self.item(layer), Self::NONE];
        let image = self.image(image);
        // SAFETY: the array ends with null.
        unsafe { (self.functions.gimp_image_set_selected_layers)(image, layers.as_ptr()) };
    }

    fn thumbnail(&self, _glib: &Glib, drawable: i32, side: i32) -> Vec<u8> {
        let mut actual = [0; 3];
        let [width, height, channels] = &mut actual;
        let drawable = self.item(drawable);
        // SAFETY: all three are there to be written.
        let bytes = unsafe {
            let get = self.functions.gimp_drawable_get_thumbnail_data;
            get(drawable, side, side, width, height, channels)
        };
        if bytes.is_null() {
            return Vec::new();
        }
        let mut size = 0;
        // SAFETY: the bytes are GLib's, and the size is there to be written.
        let data = unsafe { (self.functions.g_bytes_get_data)(bytes, &raw mut size) };
        let copy = if data.is_null() {
            Vec::new()
        } else {
            // SAFETY: there are as many bytes as said.
            unsafe { std::slice::from_raw_parts(data, size) }.to_vec()
        };
        // SAFETY: libgimp gives the bytes away.
        unsafe { (self.functions.g_bytes_unref)(bytes) };
        copy
    }

    fn base_type(&self, image: i32) -> i32 {
        (self.functions.gimp_image_get_base_type)(self.image(image))
    }

    fn size(&self, drawable: i32) -> (u32, u32) {
        let width = (self.functions.gimp_drawable_get_width)(self.item(drawable));
        let height = (self.functions.gimp_drawable_get_height)(self.item(drawable));
        (width.max(0) as u32, height.max(0) as u32)
    }

    fn offsets(&self, drawable: i32) -> (i32, i32) {
        let (mut x, mut y) = (0, 0);
        let drawable = self.item(drawable);
        // SAFETY: both are there to be written.
        unsafe { (self.functions.gimp_drawable_get_offsets)(drawable, &raw mut x, &raw mut y) };
        (x, y)
    }

    fn layers(&self, glib: &Glib, image: i32) -> Vec<i32> {
        let layers = (self.functions.gimp_image_get_layers)(self.image(image));
        // SAFETY: libgimp gives the array away.
        unsafe { self.items(glib, layers) }
    }

    fn children(&self, glib: &Glib, group: i32) -> Vec<i32> {
        let children = (self.functions.gimp_item_get_children)(self.item(group));
        // SAFETY: libgimp gives the array away.
        unsafe { self.items(glib, children) }
    }

    fn file(&self, glib: &Glib, image: i32) -> Option<PathBuf> {
        let mut file = (self.functions.gimp_image_get_imported_file)(self.image(image));
        if file.is_null() {
            file = (self.functions.gimp_image_get_file)(self.image(image)); // GIMP's own format
        }
        // SAFETY: libgimp gives the file away.
        let file = unsafe { glib.object(file) }?;
        // SAFETY: the file is one.
        let path = unsafe { (self.functions.g_file_get_path)(file.pointer()) };
        // SAFETY: GIO gives the string away.
        unsafe { glib.string(path) }.map(PathBuf::from)
    }

    fn last_error(&self) -> Option<String> {
        let pdb = (self.functions.gimp_get_pdb)();
        // SAFETY: libgimp has one procedure database.
        let error = unsafe { (self.functions.gimp_pdb_get_last_error)(pdb) };
        // SAFETY: null or a string of libgimp's.
        unsafe { borrowed(error) }
    }
}
