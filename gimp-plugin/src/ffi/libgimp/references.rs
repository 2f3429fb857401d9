//! Open images, and what GIMP keeps for the next time.

use super::{Gimp, Version};
use crate::ffi::error::Error;
use crate::ffi::glib::c_string;

impl<V: Version> Gimp<V> {
    /// All open images.
    pub(crate) fn images(&self) -> Vec<i32> {
        self.version.images(&self.glib)
    }

    /// What is chosen of an image.
    pub(crate) fn selected(&self, image: i32) -> Vec<i32> {
        self.version.selected(&self.glib, image)
    }

    /// Tells the user something.
    pub(crate) fn tell(&self, text: &str) {
        let text = c_string(text);
        // SAFETY: the text ends with a zero byte.
        unsafe { (self.functions.gimp_message)(text.as_ptr()) };
    }

    /// What an image is called in its window.
    pub(crate) fn image_name(&self, image: i32) -> String {
        let name = (self.functions.gimp_image_get_name)(self.version.image(image));
        // SAFETY: libgimp gives the string away.
        unsafe { self.glib.string(name) }.unwrap_or_default()
    }

    /// The image that an item is of.
    pub(crate) fn image_of(&self, item: i32) -> Option<i32> {
        let item = self.version.is_valid(item).then(|| self.version.item(item))?;
        self.version.image_id((self.functions.gimp_item_get_image)(item))
    }

    /// A new layer, in no image, of what is seen of an image.
    pub(crate) fn visible_layer(&self, image: i32) -> Result<i32, Error> {
        let (image, name) = (self.version.image(image), c_string("reference"));
        // SAFETY: the name ends with a zero byte.
        let layer =
            unsafe { (self.functions.gimp_layer_new_from_visible)(image, image, name.as_ptr()) };
        self.version.item_id(layer).ok_or_else(|| self.call_error("gimp_layer_new_from_visible"))
    }

    /// A value of GIMP's configuration.
    pub(crate) fn remembered(&self, token: &str) -> Option<String> {
        let token = c_string(token);
        // SAFETY: the name ends with a zero byte.
        let value = unsafe { (self.functions.gimp_gimprc_query)(token.as_ptr()) };
        // SAFETY: libgimp gives the string away.
        unsafe { self.glib.string(value) }
    }

    /// Keeps a value in GIMP's configuration.
    pub(crate) fn remember(&self, token: &str, value: &str) {
        let (token, value) = (c_string(token), c_string(value));
        // SAFETY: both end with zero bytes.
        unsafe { (self.functions.gimp_gimprc_set)(token.as_ptr(), value.as_ptr()) };
    }
}
