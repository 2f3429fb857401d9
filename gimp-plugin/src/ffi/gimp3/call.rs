//! What GIMP 3 calls the procedure with.

use std::ffi::{CStr, c_char, c_double, c_void};
use std::ptr;

use super::version::{Gimp3, Handle};
use crate::ffi::glib::Boolean;
use crate::ffi::libgimp::{Gimp, Version};
use crate::ffi::symbols::symbols;
use crate::procedure::Settings;

symbols! {
    /// What reads the arguments of a call.
    Functions {
        safe {}
        unsafe {}
        variadic {
            fn g_object_get(object: *mut c_void, first: *const c_char);
        }
    }
}

/// A call of the procedure by GIMP, with its arguments.
pub(crate) struct Call<'a> {
    functions: &'a Functions,
    gimp: &'a Gimp<Gimp3>,
    pub(super) procedure: *mut c_void,
    /// A `GimpProcedureConfig` of our procedure.
    pub(super) config: *mut c_void,
}

impl<'a> Call<'a> {
    /// A call of `procedure` with `config`.
    ///
    /// # Safety
    ///
    /// Both are GIMP's, and live as long as the call.
    pub(super) unsafe fn new(
        functions: &'a Functions,
        gimp: &'a Gimp<Gimp3>,
        procedure: *mut c_void,
        config: *mut c_void,
    ) -> Self {
        Self { functions, gimp, procedure, config }
    }

    /// The settings of the call, or those of its dialog.
    pub(crate) fn settings(&self) -> Settings {
        let names: [&CStr; 4] = [c"weights", c"saturation", c"hints", c"replace"];
        let [weights_name, saturation_name, hints_name, replace_name] = names.map(CStr::as_ptr);
        let mut weights: *mut c_char = ptr::null_mut();
        let mut saturation: c_double = 1.0;
        let mut hints: *mut c_void = ptr::null_mut();
        let mut replace: Boolean = 0;
        // SAFETY: each name is a property's and is followed by a place of its type; null ends the
        // list.
        unsafe {
            (self.functions.g_object_get)(
                self.config,
                weights_name,
                &raw mut weights,
                saturation_name,
                &raw mut saturation,
                hints_name,
                &raw mut hints,
                replace_name,
                &raw mut replace,
                ptr::null::<c_char>(),
            );
        }
        // SAFETY: `g_object_get` gives the reference away.
        let hints = unsafe { self.gimp.glib().object(hints) };
        Settings {
            // SAFETY: `g_object_get` gives the string away.
            weights: unsafe { self.gimp.glib().string(weights) }.unwrap_or_default(),
            saturation,
            hints: hints.and_then(|layer| self.gimp.version().item_id(Handle(layer.pointer()))),
            replace: replace != 0,
        }
    }
}
