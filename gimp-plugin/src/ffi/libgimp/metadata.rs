//! An image's metadata and parasites.

use std::ffi::c_int;
use std::ptr;

use super::{Gimp, Version};
use crate::ffi::error::Error;
use crate::ffi::glib::c_string;

/// `GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE`.
const PERSISTENT_AND_UNDOABLE: u32 = 3;

impl<V: Version> Gimp<V> {
    /// The XMP packet of an image, as GIMP would export it.
    pub(crate) fn xmp(&self, image: i32) -> Option<String> {
        let metadata = (self.functions.gimp_image_get_metadata)(self.version.image(image));
        // SAFETY: libgimp gives the metadata away.
        let metadata = unsafe { self.glib.object(metadata) }?;
        let mut error = ptr::null_mut();
        // SAFETY: the metadata is an object of GExiv2's, and `error` is null.
        let packet = unsafe {
            let generate = self.functions.gexiv2_metadata_try_generate_xmp_packet;
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
        let mut metadata = (self.functions.gimp_image_get_metadata)(image);
        if metadata.is_null() {
            metadata = (self.functions.gimp_metadata_new)();
        }
        // SAFETY: libgimp gives the metadata away.
        let metadata = unsafe { self.glib.object(metadata) }
            .ok_or_else(|| self.call_error("gimp_metadata_new"))?;
        let mut error = ptr::null_mut();
        // SAFETY: the metadata is GIMP's, the packet as long as said, and `error` null.
        let added = unsafe {
            let (bytes, length) = (packet.as_ptr(), packet.len() as c_int);
            let set = self.functions.gimp_metadata_set_from_xmp;
            set(metadata.pointer(), bytes, length, &raw mut error)
        };
        // SAFETY: libgimp gives the error away.
        let reason = unsafe { self.glib.error(error) };
        if added == 0 {
            return Err(Error::Call { call: "gimp_metadata_set_from_xmp", reason });
        }
        // SAFETY: the metadata is GIMP's.
        let set = unsafe { (self.functions.gimp_image_set_metadata)(image, metadata.pointer()) };
        self.check("gimp_image_set_metadata", set)
    }

    /// Attaches a text that GIMP keeps with the image in its own format.
    pub(crate) fn attach_parasite(&self, image: i32, name: &str, text: &str) -> Result<(), Error> {
        let name = c_string(name);
        let flags = PERSISTENT_AND_UNDOABLE;
        // SAFETY: the name ends with a zero byte, and the text is as long as said; both are copied.
        let parasite = unsafe {
            let new = self.functions.gimp_parasite_new;
            new(name.as_ptr(), flags, text.len() as u32, text.as_ptr().cast())
        };
        let image = self.version.image(image);
        // SAFETY: the parasite was just made.
        let attached = unsafe { (self.functions.gimp_image_attach_parasite)(image, parasite) };
        // SAFETY: GIMP has its own copy, and nobody else has this one.
        unsafe { (self.functions.gimp_parasite_free)(parasite) };
        self.check("gimp_image_attach_parasite", attached)
    }
}
