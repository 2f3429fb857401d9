//! An image's metadata and parasites.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::{Gimp, Version};
use crate::ffi::Error;
use crate::ffi::glib::{Boolean, GError, c_string};
use crate::ffi::symbols::symbols;

symbols! {
    /// Functions that are the same in 2.10 and 3 but for the handles, and one of GExiv2, which
    /// libgimp needs.
    Functions<H> {
        safe {
            fn gimp_image_get_metadata(image: H) -> *mut c_void; // (transfer full)
            fn gimp_metadata_new() -> *mut c_void; // (transfer full)
        }
        unsafe {
            fn gimp_image_attach_parasite(image: H, parasite: *const c_void) -> Boolean;
            fn gimp_image_set_metadata(image: H, metadata: *mut c_void) -> Boolean;
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
            fn gexiv2_metadata_try_generate_xmp_packet(
                metadata: *mut c_void,
                flags: c_int,
                padding: u32,
                error: *mut *mut GError,
            ) -> *mut c_char; // (transfer full)
        }
    }
}

/// `GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE`.
const PERSISTENT_AND_UNDOABLE: u32 = 3;

impl<V: Version> Gimp<V> {
    /// The XMP packet of an image, as GIMP would export it.
    pub(crate) fn xmp(&self, image: i32) -> Option<String> {
        let metadata = (self.metadata.gimp_image_get_metadata)(self.version.image(image));
        // SAFETY: libgimp gives the metadata away.
        let metadata = unsafe { self.glib.object(metadata) }?;
        let mut error = ptr::null_mut();
        // SAFETY: the metadata is an object of GExiv2's, and `error` is null.
        let packet = unsafe {
            let generate = self.metadata.gexiv2_metadata_try_generate_xmp_packet;
            generate(metadata.pointer(), 0, 0, &raw mut error)
        };
        // SAFETY: GExiv2 gives the error away.
        unsafe { self.glib.error(error) };
        // SAFETY: GExiv2 gives the string away.
        unsafe { self.glib.string(packet) }.filter(|packet| !packet.is_empty())
    }

    /// Sets the properties of an XMP packet in an image's metadata; others stay.
    pub(crate) fn add_xmp(&self, image: i32, packet: &str) -> Result<(), Error> {
        let image = self.version.image(image);
        let mut metadata = (self.metadata.gimp_image_get_metadata)(image);
        if metadata.is_null() {
            metadata = (self.metadata.gimp_metadata_new)();
        }
        // SAFETY: libgimp gives the metadata away.
        let metadata = unsafe { self.glib.object(metadata) }
            .ok_or_else(|| self.call_error("gimp_metadata_new"))?;
        let mut error = ptr::null_mut();
        // SAFETY: the metadata is GIMP's, the packet as long as said, and `error` null.
        let added = unsafe {
            let (bytes, length) = (packet.as_ptr(), packet.len() as c_int);
            let set = self.metadata.gimp_metadata_set_from_xmp;
            set(metadata.pointer(), bytes, length, &raw mut error)
        };
        // SAFETY: libgimp gives the error away.
        let reason = unsafe { self.glib.error(error) };
        if added == 0 {
            return Err(Error::Call { call: "gimp_metadata_set_from_xmp", reason });
        }
        // SAFETY: the metadata is GIMP's.
        let set = unsafe { (self.metadata.gimp_image_set_metadata)(image, metadata.pointer()) };
        self.check("gimp_image_set_metadata", set)
    }

    /// Attaches a text that GIMP keeps with the image in its own format.
    pub(crate) fn attach_parasite(&self, image: i32, name: &str, text: &str) -> Result<(), Error> {
        let name = c_string(name);
        let flags = PERSISTENT_AND_UNDOABLE;
        // SAFETY: the name ends with a zero byte, and the text is as long as said; both are copied.
        let parasite = unsafe {
            let new = self.metadata.gimp_parasite_new;
            new(name.as_ptr(), flags, text.len() as u32, text.as_ptr().cast())
        };
        let image = self.version.image(image);
        // SAFETY: the parasite was just made.
        let attached = unsafe { (self.metadata.gimp_image_attach_parasite)(image, parasite) };
        // SAFETY: GIMP has its own copy, and nobody else has this one.
        unsafe { (self.metadata.gimp_parasite_free)(parasite) };
        self.check("gimp_image_attach_parasite", attached)
    }
}
