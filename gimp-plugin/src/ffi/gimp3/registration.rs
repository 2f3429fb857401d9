//! Registers the procedure with GIMP 3: its menu entry, arguments and documentation.

use std::ffi::{c_char, c_double, c_int, c_void};
use std::ptr;

use super::version::Handle;
use crate::ffi::glib::{Boolean, c_string};
use crate::ffi::pdb::PLUGIN;
use crate::ffi::symbols::symbols;
use crate::procedure::{self, Argument, ArgumentKind, Procedure};

/// `GimpRunImageFunc`.
pub(super) type RunImage = unsafe extern "C" fn(
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
    data: *mut c_void,
) -> *mut c_void;

symbols! {
    /// What makes and describes a procedure.
    Functions {
        safe {}
        unsafe {
            fn gimp_image_procedure_new(
                plug_in: *mut c_void,
                name: *const c_char,
                kind: c_int,
                run: RunImage,
                data: *mut c_void,
                destroy: Option<unsafe extern "C" fn(*mut c_void)>,
            ) -> *mut c_void; // (transfer full)
            fn gimp_procedure_add_boolean_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                default: Boolean,
                flags: c_int,
            );
            fn gimp_procedure_add_double_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                least: c_double,
                most: c_double,
                default: c_double,
                flags: c_int,
            );
            fn gimp_procedure_add_image_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                none_is_allowed: Boolean,
                flags: c_int,
            );
            fn gimp_procedure_add_int_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                least: c_int,
                most: c_int,
                default: c_int,
                flags: c_int,
            );
            fn gimp_procedure_add_layer_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                none_is_allowed: Boolean,
                flags: c_int,
            );
            fn gimp_procedure_add_layer_return_value(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                none_is_allowed: Boolean,
                flags: c_int,
            );
            fn gimp_procedure_add_menu_path(procedure: *mut c_void, path: *const c_char);
            fn gimp_procedure_add_string_argument(
                procedure: *mut c_void,
                name: *const c_char,
                label: *const c_char,
                description: *const c_char,
                default: *const c_char,
                flags: c_int,
            );
            fn gimp_procedure_set_attribution(
                procedure: *mut c_void,
                authors: *const c_char,
                copyright: *const c_char,
                date: *const c_char,
            );
            fn gimp_procedure_set_documentation(
                procedure: *mut c_void,
                blurb: *const c_char,
                help: *const c_char,
                help_id: *const c_char,
            );
            fn gimp_procedure_set_image_types(procedure: *mut c_void, types: *const c_char);
            fn gimp_procedure_set_menu_label(procedure: *mut c_void, label: *const c_char);
            fn gimp_procedure_set_sensitivity_mask(procedure: *mut c_void, mask: c_int);
        }
    }
}

/// `GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES`: one layer or several.
const DRAWABLES: c_int = 1 | 1 << 2;
/// `G_PARAM_READWRITE`. libgimp's own flags would promise that the texts are static.
const READ_WRITE: c_int = 3;

impl Functions {
    /// Makes one of our procedures, which calls `run`, for GIMP's plug-in object (transfer full).
    pub(super) fn new_procedure(
        &self,
        plug_in: *mut c_void,
        procedure: Procedure,
        run: RunImage,
    ) -> *mut c_void {
        let name = c_string(procedure.name());
        // SAFETY: the plug-in is GIMP's, and the name ends with a zero byte.
        let made = unsafe {
            let (name, nothing) = (name.as_ptr(), ptr::null_mut());
            (self.gimp_image_procedure_new)(plug_in, name, PLUGIN, run, nothing, None)
        };
        if made.is_null() {
            return made;
        }
        let texts = [
            procedure.menu_label(),
            procedure::MENU_PATH,
            procedure::IMAGE_TYPES,
            procedure.blurb(),
            &procedure::help(),
            procedure::AUTHOR,
            procedure::COPYRIGHT,
            procedure::DATE,
        ]
        .map(c_string);
        let [label, path, types, blurb, help, author, copyright, date] =
            texts.each_ref().map(|text| text.as_ptr());
        // SAFETY: here and below the procedure was just made, and the texts end with zero bytes.
        unsafe { (self.gimp_procedure_set_image_types)(made, types) };
        // SAFETY: as above.
        unsafe { (self.gimp_procedure_set_sensitivity_mask)(made, DRAWABLES) };
        // SAFETY: as above.
        unsafe { (self.gimp_procedure_set_menu_label)(made, label) };
        // SAFETY: as above.
        unsafe { (self.gimp_procedure_add_menu_path)(made, path) };
        // SAFETY: as above.
        unsafe { (self.gimp_procedure_set_documentation)(made, blurb, help, name.as_ptr()) };
        // SAFETY: as above.
        unsafe { (self.gimp_procedure_set_attribution)(made, author, copyright, date) };
        for argument in procedure.arguments().skip(procedure::FIXED_ARGUMENTS) {
            self.add_argument(made, argument);
        }
        for returned in procedure::returned() {
            let texts = [returned.name, returned.label, returned.description].map(c_string);
            let [name, label, description] = texts.each_ref().map(|text| text.as_ptr());
            // SAFETY: as above.
            unsafe {
                let add = self.gimp_procedure_add_layer_return_value;
                add(made, name, label, description, 1, READ_WRITE);
            }
        }
        made
    }

    fn add_argument(&self, made: *mut c_void, argument: &Argument) {
        let texts = [argument.name, argument.label, argument.description].map(c_string);
        let [name, label, text] = texts.each_ref().map(|text| text.as_ptr());
        match argument.kind {
            // SAFETY: here and below the procedure was just made, and the texts end with zero bytes.
            ArgumentKind::Text => unsafe {
                let (add, empty) = (self.gimp_procedure_add_string_argument, c"".as_ptr());
                add(made, name, label, text, empty, READ_WRITE);
            },
            // SAFETY: as above.
            ArgumentKind::Number { least, most, default } => unsafe {
                let add = self.gimp_procedure_add_double_argument;
                add(made, name, label, text, least, most, default, READ_WRITE);
            },
            // SAFETY: as above.
            ArgumentKind::Integer { least, most, default } => unsafe {
                let add = self.gimp_procedure_add_int_argument;
                add(made, name, label, text, least, most, default, READ_WRITE);
            },
            // SAFETY: as above.
            ArgumentKind::OtherImage => unsafe {
                let add = self.gimp_procedure_add_image_argument;
                add(made, name, label, text, 1, READ_WRITE);
            },
            // SAFETY: as above.
            ArgumentKind::Layer => unsafe {
                let add = self.gimp_procedure_add_layer_argument;
                add(made, name, label, text, 1, READ_WRITE);
            },
            // SAFETY: as above.
            ArgumentKind::Boolean => unsafe {
                let add = self.gimp_procedure_add_boolean_argument;
                add(made, name, label, text, 0, READ_WRITE);
            },
            ArgumentKind::RunMode | ArgumentKind::Image | ArgumentKind::Drawable => {} // of every image procedure
        }
    }
}
