//! How GIMP 3 asks for procedures and runs them.

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;

use super::{Gimp3, Handle, dialog};
use crate::ffi::glib::{Boolean, GError, borrowed, c_string};
use crate::ffi::libgimp::Version;
use crate::ffi::library::Library;
use crate::ffi::symbols::symbols;
use crate::ffi::{Error, Gimp};
use crate::host::gimp3 as host;
use crate::host::{Choices, Shown};
use crate::procedure::{self, Argument, Kind, Outcome, RunMode, Settings};

symbols! {
    /// What it takes to make the procedure, and to tell GIMP that the rest is missing.
    Entry {
        safe {
            fn gimp_plug_in_get_type() -> usize;
        }
        unsafe {
            fn g_error_new_literal(domain: c_uint, code: c_int, message: *const c_char) -> *mut GError;
            fn g_list_append(list: *mut c_void, data: *mut c_void) -> *mut c_void;
            fn g_quark_from_string(text: *const c_char) -> c_uint;
            fn g_strdup(text: *const c_char) -> *mut c_char;
            fn g_type_query(kind: usize, query: *mut TypeQuery);
            fn g_type_register_static(
                parent: usize,
                name: *const c_char,
                information: *const TypeInfo,
                flags: c_int,
            ) -> usize;
            fn g_value_set_object(value: *mut c_void, object: *mut c_void);
            fn gimp_image_procedure_new(
                plug_in: *mut c_void,
                name: *const c_char,
                kind: c_int,
                run: RunImage,
                data: *mut c_void,
                destroy: Option<unsafe extern "C" fn(*mut c_void)>,
            ) -> *mut c_void; // (transfer full)
            fn gimp_main(kind: usize, arguments: c_int, values: *const *mut c_char) -> c_int;
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
            fn gimp_procedure_new_return_values(
                procedure: *mut c_void,
                status: c_int,
                error: *mut GError,
            ) -> *mut c_void; // (transfer full), takes the error
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
            fn gimp_value_array_index(values: *mut c_void, index: c_int) -> *mut c_void; // (transfer none)
        }
        variadic {
            fn g_object_get(object: *mut c_void, first: *const c_char);
        }
    }
}

/// `GimpRunImageFunc`.
type RunImage = unsafe extern "C" fn(
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
    data: *mut c_void,
) -> *mut c_void;

/// `GTypeQuery`.
#[repr(C)]
#[derive(Default)]
struct TypeQuery {
    kind: usize,
    name: usize,
    class_size: c_uint,
    instance_size: c_uint,
}

/// `GTypeInfo`.
#[repr(C)]
struct TypeInfo {
    class_size: u16,
    base_init: usize,
    base_finalize: usize,
    class_init: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    class_finalize: usize,
    class_data: usize,
    instance_size: u16,
    preallocated: u16,
    instance_init: usize,
    value_table: usize,
}

/// `GimpPlugInClass` up to what is filled in here.
#[repr(C)]
struct PlugInClass {
    /// `GObjectClass`.
    parent: [u64; 17],
    query_procedures: Option<unsafe extern "C" fn(*mut c_void) -> *mut c_void>,
    init_procedures: usize,
    create_procedure: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void>,
    quit: usize,
    set_i18n: usize,
}

/// `GIMP_PDB_PROC_TYPE_PLUGIN`.
const PLUGIN: c_int = 1;
/// `GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES`: one layer or several.
const DRAWABLES: c_int = 1 | 1 << 2;
/// `G_PARAM_READWRITE`. libgimp's own flags would promise that the texts are static.
const READ_WRITE: c_int = 3;

/// `GimpPDBStatusType`.
const EXECUTION_ERROR: c_int = 0;
const SUCCESS: c_int = 3;
const CANCEL: c_int = 4;

/// A call of the procedure by GIMP, with what it was called with.
pub(crate) struct Call<'a> {
    entry: &'a Entry,
    gimp: &'a Gimp<Gimp3>,
    pub(super) procedure: *mut c_void,
    /// A `GimpProcedureConfig` of our procedure.
    pub(super) config: *mut c_void,
}

struct PlugIn {
    entry: Entry,
    gimp: Result<Gimp<Gimp3>, Error>,
}

static PLUG_IN: OnceLock<PlugIn> = OnceLock::new();

/// Hands over to libgimp, which asks for the procedure or runs it, as `arguments` (the command line)
/// say. Gives the exit code.
pub(crate) fn main(arguments: &[CString]) -> Result<u8, Error> {
    let library = Library::open("libgimp-3.0.so.0")?;
    let entry = Entry::load(&|name| library.symbol(name))?;
    let gimp = Gimp::load(&library, Gimp3::load);
    std::mem::forget(library); // stays open: its functions are used until the process ends
    let entry = &PLUG_IN.get_or_init(|| PlugIn { entry, gimp }).entry;
    let kind = register_type(entry)?;
    let mut values: Vec<*mut c_char> =
        arguments.iter().map(|value| value.as_ptr().cast_mut()).collect();
    values.push(ptr::null_mut());
    // SAFETY: the type is a subclass of GimpPlugIn, and the values end with null, as in C.
    let code = unsafe { (entry.gimp_main)(kind, arguments.len() as c_int, values.as_ptr()) };
    Ok(code as u8)
}

/// A subclass of `GimpPlugIn` with our callbacks.
fn register_type(entry: &Entry) -> Result<usize, Error> {
    let failed = |call| Error::Call { call, reason: None };
    let parent = (entry.gimp_plug_in_get_type)();
    let mut query = TypeQuery::default();
    // SAFETY: the query is there to be written.
    unsafe { (entry.g_type_query)(parent, &raw mut query) };
    if (query.class_size as usize) < size_of::<PlugInClass>() {
        return Err(failed("gimp_plug_in_get_type"));
    }
    let information = TypeInfo {
        class_size: query.class_size as u16,
        base_init: 0,
        base_finalize: 0,
        class_init: Some(class_init),
        class_finalize: 0,
        class_data: 0,
        instance_size: query.instance_size as u16,
        preallocated: 0,
        instance_init: 0,
        value_table: 0,
    };
    // SAFETY: the sizes are the parent's own, and the name and description are copied.
    let kind = unsafe {
        let (name, information) = (c"PolychromifyPlugIn".as_ptr(), &raw const information);
        (entry.g_type_register_static)(parent, name, information, 0)
    };
    if kind == 0 { Err(failed("g_type_register_static")) } else { Ok(kind) }
}

/// GLib makes the class; there is nothing here that could panic.
unsafe extern "C" fn class_init(class: *mut c_void, _data: *mut c_void) {
    // SAFETY: GLib passes a class of our type, which begins with GimpPlugIn's.
    if let Some(class) = unsafe { class.cast::<PlugInClass>().as_mut() } {
        class.query_procedures = Some(query_procedures);
        class.create_procedure = Some(create_procedure);
        class.set_i18n = 0; // no translations to be looked for
    }
}

/// GIMP asks for the names of the procedures: a `GList` of strings (transfer full).
unsafe extern "C" fn query_procedures(_plug_in: *mut c_void) -> *mut c_void {
    let Some(PlugIn { entry, .. }) = PLUG_IN.get() else { return ptr::null_mut() };
    let name = c_string(procedure::NAME);
    // SAFETY: the name ends with a zero byte and is copied.
    let name = unsafe { (entry.g_strdup)(name.as_ptr()) };
    // SAFETY: null is the empty list.
    unsafe { (entry.g_list_append)(ptr::null_mut(), name.cast()) }
}

/// GIMP asks for the procedure of a name (transfer full).
unsafe extern "C" fn create_procedure(plug_in: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: GIMP passes a string.
    let name = unsafe { borrowed(name) };
    catch_unwind(AssertUnwindSafe(|| match PLUG_IN.get() {
        Some(PlugIn { entry, .. }) if name.as_deref() == Some(procedure::NAME) => {
            make_procedure(entry, plug_in)
        }
        _ => ptr::null_mut(),
    }))
    .unwrap_or(ptr::null_mut()) // a panic must not reach C
}

fn make_procedure(entry: &Entry, plug_in: *mut c_void) -> *mut c_void {
    let name = c_string(procedure::NAME);
    // SAFETY: the plug-in is GIMP's, and the name ends with a zero byte.
    let made = unsafe {
        let (name, nothing) = (name.as_ptr(), ptr::null_mut());
        (entry.gimp_image_procedure_new)(plug_in, name, PLUGIN, run, nothing, None)
    };
    if made.is_null() {
        return made;
    }
    let texts = [
        procedure::MENU_LABEL,
        procedure::MENU_PATH,
        procedure::IMAGE_TYPES,
        procedure::BLURB,
        &procedure::help(),
        procedure::AUTHOR,
        procedure::COPYRIGHT,
        procedure::DATE,
    ]
    .map(c_string);
    let [label, path, types, blurb, help, author, copyright, date] =
        texts.each_ref().map(|text| text.as_ptr());
    // SAFETY: here and below the procedure was just made, and the texts end with zero bytes.
    unsafe { (entry.gimp_procedure_set_image_types)(made, types) };
    // SAFETY: as above.
    unsafe { (entry.gimp_procedure_set_sensitivity_mask)(made, DRAWABLES) };
    // SAFETY: as above.
    unsafe { (entry.gimp_procedure_set_menu_label)(made, label) };
    // SAFETY: as above.
    unsafe { (entry.gimp_procedure_add_menu_path)(made, path) };
    // SAFETY: as above.
    unsafe { (entry.gimp_procedure_set_documentation)(made, blurb, help, name.as_ptr()) };
    // SAFETY: as above.
    unsafe { (entry.gimp_procedure_set_attribution)(made, author, copyright, date) };
    for argument in &procedure::arguments()[procedure::FIXED_ARGUMENTS..] {
        add_argument(entry, made, argument);
    }
    for returned in procedure::returned() {
        let texts = [returned.name, returned.label, returned.description].map(c_string);
        let [name, label, description] = texts.each_ref().map(|text| text.as_ptr());
        // SAFETY: as above.
        unsafe {
            let add = entry.gimp_procedure_add_layer_return_value;
            add(made, name, label, description, 1, READ_WRITE);
        }
    }
    made
}

fn add_argument(entry: &Entry, made: *mut c_void, argument: &Argument) {
    let texts = [argument.name, argument.label, argument.description].map(c_string);
    let [name, label, text] = texts.each_ref().map(|text| text.as_ptr());
    match argument.kind {
        // SAFETY: here and below the procedure was just made, and the texts end with zero bytes.
        Kind::Text => unsafe {
            let (add, empty) = (entry.gimp_procedure_add_string_argument, c"".as_ptr());
            add(made, name, label, text, empty, READ_WRITE);
        },
        // SAFETY: as above.
        Kind::Number { least, most, default } => unsafe {
            let add = entry.gimp_procedure_add_double_argument;
            add(made, name, label, text, least, most, default, READ_WRITE);
        },
        // SAFETY: as above.
        Kind::Layer => unsafe {
            let add = entry.gimp_procedure_add_layer_argument;
            add(made, name, label, text, 1, READ_WRITE);
        },
        // SAFETY: as above.
        Kind::Truth => unsafe {
            let add = entry.gimp_procedure_add_boolean_argument;
            add(made, name, label, text, 0, READ_WRITE);
        },
        Kind::RunMode | Kind::Image | Kind::Drawable => {} // of every image procedure
    }
}

/// GIMP runs the procedure and takes the returned values (transfer full).
unsafe extern "C" fn run(
    procedure: *mut c_void,
    mode: c_int,
    image: Handle,
    drawables: *const Handle,
    config: *mut c_void,
    _data: *mut c_void,
) -> *mut c_void {
    let Some(plug_in) = PLUG_IN.get() else { return ptr::null_mut() };
    let entry = &plug_in.entry;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        colorize(plug_in, procedure, mode, image, drawables, config)
    }))
    .unwrap_or_else(|panic| Outcome::Failed(procedure::panic_message(&*panic)));
    let (status, error) = match &outcome {
        Outcome::Done(_) => (SUCCESS, ptr::null_mut()),
        Outcome::Cancelled => (CANCEL, ptr::null_mut()),
        Outcome::Failed(reason) => (EXECUTION_ERROR, new_error(entry, reason)),
    };
    // SAFETY: the procedure is GIMP's, and the error is given away.
    let values = unsafe { (entry.gimp_procedure_new_return_values)(procedure, status, error) };
    if let (Outcome::Done(layers), Ok(gimp)) = (&outcome, &plug_in.gimp)
        && let Some(&layer) = layers.first()
    {
        // SAFETY: the values of a success have the status first, then the layer.
        let value = unsafe { (entry.gimp_value_array_index)(values, 1) };
        let layer = gimp.version().item(layer);
        // SAFETY: the value was made for a layer; GLib takes a reference of its own.
        unsafe { (entry.g_value_set_object)(value, layer.0) };
    }
    values
}

/// An error to be given away.
fn new_error(entry: &Entry, reason: &str) -> *mut GError {
    let (domain, reason) = (c"polychromify", c_string(reason));
    // SAFETY: the name ends with a zero byte.
    let domain = unsafe { (entry.g_quark_from_string)(domain.as_ptr()) };
    // SAFETY: the text ends with a zero byte and is copied.
    unsafe { (entry.g_error_new_literal)(domain, 0, reason.as_ptr()) }
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
    let call = Call { entry: &plug_in.entry, gimp, procedure, config };
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
            (self.entry.g_object_get)(
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

    /// Has the user change the settings; whether the user said yes.
    pub(crate) fn show_dialog(
        &self,
        choices: &Choices,
        preview: &mut dyn FnMut(&Settings) -> Option<Shown>,
    ) -> Result<bool, Error> {
        dialog::run(self, choices, preview)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_have_the_layout_of_the_headers() {
        use std::mem::offset_of;
        assert_eq!(size_of::<TypeQuery>(), 24);
        assert_eq!(size_of::<TypeInfo>(), 72);
        assert_eq!(offset_of!(TypeInfo, class_init), 24);
        assert_eq!(offset_of!(TypeInfo, class_data), 40);
        assert_eq!(offset_of!(TypeInfo, instance_size), 48);
        assert_eq!(offset_of!(TypeInfo, instance_init), 56);
        assert_eq!(offset_of!(PlugInClass, query_procedures), 136);
        assert_eq!(offset_of!(PlugInClass, create_procedure), 152);
        assert_eq!(offset_of!(PlugInClass, set_i18n), 168);
    }
}
