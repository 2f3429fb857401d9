//! What GIMP 3 calls a procedure with.

use std::ffi::{CStr, c_char, c_double, c_int, c_void};
use std::ptr;

use super::version::{Gimp3, Handle};
use crate::ffi::glib::{Boolean, Object, c_string};
use crate::ffi::libgimp::{Gimp, Version};
use crate::ffi::symbols::symbols;
use crate::procedure::{HintsChoice, Procedure, ReferenceChoice, Settings};

symbols! {
    /// What reads and sets the arguments of a call.
    Functions {
        safe {}
        unsafe {}
        variadic {
            fn g_object_get(object: *mut c_void, first: *const c_char);
            fn g_object_set(object: *mut c_void, first: *const c_char);
        }
    }
}

/// A call of the procedure by GIMP, with its arguments.
pub(crate) struct Call<'a> {
    functions: &'a Functions,
    gimp: &'a Gimp<Gimp3>,
    procedure: Procedure,
    /// A `GimpProcedureConfig` of our procedure.
    config: *mut c_void,
}

impl<'a> Call<'a> {
    /// A call of a procedure with `config`.
    ///
    /// # Safety
    ///
    /// The configuration is GIMP's for this procedure, and lives as long as the call.
    pub(super) unsafe fn new(
        functions: &'a Functions,
        gimp: &'a Gimp<Gimp3>,
        procedure: Procedure,
        config: *mut c_void,
    ) -> Self {
        Self { functions, gimp, procedure, config }
    }

    /// The settings of the call; of an interactive one, those of the last dialog.
    pub(crate) fn settings(&self) -> Settings {
        let version = self.gimp.version();
        let layer =
            |name| self.object(name).and_then(|layer| version.item_id(Handle(layer.pointer())));
        let hints = if self.takes_hints() { layer(c"hints") } else { None };
        let image = self.object(c"reference-image");
        let image = image.and_then(|image| version.image_id(Handle(image.pointer())));
        let mut saturation: c_double = 1.0;
        // SAFETY: the property is a number of this type.
        unsafe { self.get(c"saturation", (&raw mut saturation).cast()) };
        Settings {
            weights: self.text(c"weights"),
            saturation,
            hints: hints.map_or(HintsChoice::Named, HintsChoice::Layer),
            replace: self.number(c"replace") != 0,
            variant: u8::try_from(self.number(c"variant")).unwrap_or(0), // which is refused
            reference: ReferenceChoice::new(
                self.text(c"reference-file"),
                image,
                layer(c"reference-layer"),
            ),
            borders: self.number(c"borders") != 0,
            negative: self.number(c"negative") != 0,
        }
    }

    /// Keeps settings for the next call, but for layers and images, which belong to this one.
    pub(crate) fn keep(&self, settings: &Settings) {
        let Settings {
            weights, saturation, replace, variant, reference, borders, negative, ..
        } = settings.clone().elsewhere();
        let file = match reference {
            Some(ReferenceChoice::File(path)) => path.to_string_lossy().into_owned(),
            _ => String::new(),
        };
        let (weights, file) = (c_string(&weights), c_string(&file));
        let nothing = ptr::null_mut::<c_void>();
        // SAFETY: each name is a property's and is followed by a value of its type; null ends the
        // list.
        unsafe {
            (self.functions.g_object_set)(
                self.config,
                c"weights".as_ptr(),
                weights.as_ptr(),
                c"saturation".as_ptr(),
                saturation,
                c"replace".as_ptr(),
                Boolean::from(replace),
                c"variant".as_ptr(),
                c_int::from(variant),
                c"reference-file".as_ptr(),
                file.as_ptr(),
                c"reference-image".as_ptr(),
                nothing,
                c"reference-layer".as_ptr(),
                nothing,
                c"borders".as_ptr(),
                Boolean::from(borders),
                c"negative".as_ptr(),
                Boolean::from(negative),
                ptr::null::<c_char>(),
            );
        }
        if self.takes_hints() {
            // SAFETY: as above.
            unsafe {
                let (set, end) = (self.functions.g_object_set, ptr::null::<c_char>());
                set(self.config, c"hints".as_ptr(), nothing, end);
            }
        }
    }

    fn takes_hints(&self) -> bool {
        self.procedure.arguments().any(|argument| argument.name == "hints")
    }

    fn number(&self, name: &CStr) -> i32 {
        let mut value: c_int = 0;
        // SAFETY: the property is a number or a truth value, of which C has one type.
        unsafe { self.get(name, (&raw mut value).cast()) };
        value
    }

    fn text(&self, name: &CStr) -> String {
        let mut text: *mut c_char = ptr::null_mut();
        // SAFETY: the property is a string.
        unsafe { self.get(name, (&raw mut text).cast()) };
        // SAFETY: `g_object_get` gives the string away.
        unsafe { self.gimp.glib().string(text) }.unwrap_or_default()
    }

    fn object(&self, name: &CStr) -> Option<Object> {
        let mut object: *mut c_void = ptr::null_mut();
        // SAFETY: the property is an object.
        unsafe { self.get(name, (&raw mut object).cast()) };
        // SAFETY: `g_object_get` gives the reference away.
        unsafe { self.gimp.glib().object(object) }
    }

    /// Reads a property.
    ///
    /// # Safety
    ///
    /// `place` is one of the type of the property.
    unsafe fn get(&self, name: &CStr, place: *mut c_void) {
        // SAFETY: the caller's promise; null ends the list.
        unsafe {
            let (get, end) = (self.functions.g_object_get, ptr::null::<c_char>());
            get(self.config, name.as_ptr(), place, end);
        }
    }
}
