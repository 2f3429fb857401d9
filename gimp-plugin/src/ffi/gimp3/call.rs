//! A call of the procedure by GIMP 3.

use std::ffi::{CStr, c_char, c_double, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use super::plugin::{PlugIn, plug_in};
use super::{Gimp3, Handle, dialog};
use crate::ffi::glib::{Boolean, GError, c_string};
use crate::ffi::libgimp::Version;
use crate::ffi::symbols::symbols;
use crate::ffi::{Error, Gimp};
use crate::gimp::gimp3 as host;
use crate::host::{DialogOptions, PreviewUpdate};
use crate::procedure::{self, Outcome, RunMode, Settings};

symbols! {
    /// What reads the arguments of a call and answers it.
    Functions {
        safe {}
        unsafe {
            fn g_error_new_literal(domain: c_uint, code: c_int, message: *const c_char) -> *mut GError;
            fn g_quark_from_string(text: *const c_char) -> c_uint;
            fn g_value_set_object(value: *mut c_void, object: *mut c_void);
            fn gimp_procedure_new_return_values(
                procedure: *mut c_void,
                status: c_int,
                error: *mut GError,
            ) -> *mut c_void; // (transfer full), takes the error
            fn gimp_value_array_index(values: *mut c_void, index: c_int) -> *mut c_void; // (transfer none)
        }
        variadic {
            fn g_object_get(object: *mut c_void, first: *const c_char);
        }
    }
}

/// `GimpRunImageFunc`.
pub(super) type RunImage = unsafe extern "C" fn(
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
    data: *mut c_void,
) -> *mut c_void;

/// `GimpPDBStatusType`.
const EXECUTION_ERROR: c_int = 0;
const SUCCESS: c_int = 3;
const CANCEL: c_int = 4;

/// A call of the procedure by GIMP, with what it was called with.
pub(crate) struct Call<'a> {
    functions: &'a Functions,
    gimp: &'a Gimp<Gimp3>,
    pub(super) procedure: *mut c_void,
    /// A `GimpProcedureConfig` of our procedure.
    pub(super) config: *mut c_void,
}

/// GIMP runs the procedure and takes the returned values (transfer full).
pub(super) unsafe extern "C" fn run(
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
    _data: *mut c_void,
) -> *mut c_void {
    let Some(plug_in) = plug_in() else { return ptr::null_mut() };
    let functions = &plug_in.call;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        colorize(plug_in, procedure, mode, image, drawables, config)
    }))
    .unwrap_or_else(|panic| Outcome::Failed(procedure::panic_message(&*panic)));
    let (status, error) = match &outcome {
        Outcome::Done(_) => (SUCCESS, ptr::null_mut()),
        Outcome::Cancelled => (CANCEL, ptr::null_mut()),
        Outcome::Failed(reason) => (EXECUTION_ERROR, new_error(functions, reason)),
    };
    // SAFETY: the procedure is GIMP's, and the error is given away.
    let values = unsafe { (functions.gimp_procedure_new_return_values)(procedure, status, error) };
    if let (Outcome::Done(layers), Ok(gimp)) = (&outcome, &plug_in.gimp)
        && let Some(&layer) = layers.first()
    {
        // SAFETY: the values of a success have the status first, then the layer.
        let value = unsafe { (functions.gimp_value_array_index)(values, 1) };
        let layer = gimp.version().item(layer);
        // SAFETY: the value was made for a layer; GLib takes a reference of its own.
        unsafe { (functions.g_value_set_object)(value, layer.0) };
    }
    values
}

/// An error to be given away.
fn new_error(functions: &Functions, reason: &str) -> *mut GError {
    let (domain, reason) = (c"polychromify", c_string(reason));
    // SAFETY: the name ends with a zero byte.
    let domain = unsafe { (functions.g_quark_from_string)(domain.as_ptr()) };
    // SAFETY: the text ends with a zero byte and is copied.
    unsafe { (functions.g_error_new_literal)(domain, 0, reason.as_ptr()) }
}

fn colorize(
    plug_in: &PlugIn,
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
) -> Outcome {
    let gimp = match &plug_in.gimp {
        Ok(gimp) => gimp,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if image.0.is_null() || drawables.is_null() || config.is_null() {
        return Outcome::Failed("expected an image and drawables".to_owned());
    }
    let image = (gimp.version().functions.gimp_image_get_id)(image);
    let mut ids = Vec::new();
    for at in 0.. {
        // SAFETY: GIMP's array ends with null, where the loop ends.
        let place = unsafe { drawables.add(at) };
        // SAFETY: `place` is within the array.
        let Some(id) = gimp.version().item_id(unsafe { *place }) else { break };
        ids.push(id);
    }
    let mode = match mode {
        0 => RunMode::Interactive,
        2 => RunMode::WithLastValues,
        _ => RunMode::NonInteractive,
    };
    let call = Call { functions: &plug_in.call, gimp, procedure, config };
    host::run(gimp, mode, image, &ids, &call)
}

impl Call<'_> {
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

    /// Runs the dialog, which changes the settings. Gives whether the user accepted them.
    pub(crate) fn show_dialog(
        &self,
        options: &DialogOptions,
        preview: &mut dyn FnMut(&Settings) -> Option<PreviewUpdate>,
    ) -> Result<bool, Error> {
        dialog::run(self, options, preview)
    }
}
