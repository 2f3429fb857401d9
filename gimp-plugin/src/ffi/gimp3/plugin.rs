//! The class of objects through which GIMP 3 asks for the procedure.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;

use super::call::{self, Call};
use super::registration;
use super::version::{Gimp3, Handle};
use crate::ffi::error::Error;
use crate::ffi::glib::{GError, borrowed, c_string};
use crate::ffi::libgimp::{Gimp, Version};
use crate::ffi::library::Library;
use crate::ffi::pdb::{CANCEL, EXECUTION_ERROR, SUCCESS, argv, run_mode};
use crate::ffi::symbols::symbols;
use crate::procedure::{self, Outcome, PROCEDURES, Procedure, RunMode};

symbols! {
    /// What registers the class and answers a call.
    Functions {
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
            fn gimp_procedure_get_name(procedure: *mut c_void) -> *const c_char; // (transfer none)
            fn gimp_main(kind: usize, arguments: c_int, values: *const *mut c_char) -> c_int;
            fn gimp_procedure_new_return_values(
                procedure: *mut c_void,
                status: c_int,
                error: *mut GError,
            ) -> *mut c_void; // (transfer full), takes the error
            fn gimp_value_array_index(values: *mut c_void, index: c_int) -> *mut c_void; // (transfer none)
        }
    }
}

/// `GTypeQuery`.
#[repr(C)]
#[derive(Default)]
pub(super) struct TypeQuery {
    kind: usize,
    name: usize,
    class_size: c_uint,
    instance_size: c_uint,
}

/// `GTypeInfo`.
#[repr(C)]
pub(super) struct TypeInfo {
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

/// Runs a procedure on drawables of an image.
pub(crate) type Handler =
    fn(&Gimp<Gimp3>, (Procedure, RunMode), image: i32, drawables: &[i32], &Call<'_>) -> Outcome;

/// What the callbacks use. Without `gimp`, the rest still tells GIMP which function is missing.
struct PlugIn {
    handler: Handler,
    functions: Functions,
    registration: registration::Functions,
    call: call::Functions,
    gimp: Result<Gimp<Gimp3>, Error>,
}

static PLUG_IN: OnceLock<PlugIn> = OnceLock::new();

/// Hands over to libgimp, which asks for the procedure or has `handler` run it, as `arguments` (the
/// command line) say. Gives the exit code.
pub(crate) fn main(arguments: &[CString], handler: Handler) -> Result<u8, Error> {
    let library = Library::open("gimp-3.0")?;
    let functions = Functions::load(&|name| library.symbol(name))?;
    let registration = registration::Functions::load(&|name| library.symbol(name))?;
    let call = call::Functions::load(&|name| library.symbol(name))?;
    let gimp = Gimp::load(&library, Gimp3::load);
    std::mem::forget(library); // stays open: its functions are used until the process ends
    let plug_in = PLUG_IN.get_or_init(|| PlugIn { handler, functions, registration, call, gimp });
    let kind = register_type(&plug_in.functions)?;
    let values = argv(arguments);
    // SAFETY: the type is a subclass of GimpPlugIn, and the values end with null, as in C.
    let code = unsafe { (functions.gimp_main)(kind, arguments.len() as c_int, values.as_ptr()) };
    Ok(code as u8)
}

/// A subclass of `GimpPlugIn` with our callbacks.
fn register_type(functions: &Functions) -> Result<usize, Error> {
    let failed = |call| Error::Call { call, reason: None };
    let parent = (functions.gimp_plug_in_get_type)();
    let mut query = TypeQuery::default();
    // SAFETY: the query is there to be written.
    unsafe { (functions.g_type_query)(parent, &raw mut query) };
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
        (functions.g_type_register_static)(parent, name, information, 0)
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
    let Some(PlugIn { functions, .. }) = PLUG_IN.get() else { return ptr::null_mut() };
    let mut list = ptr::null_mut();
    for procedure in PROCEDURES {
        let name = c_string(procedure.name());
        // SAFETY: the name ends with a zero byte and is copied.
        let name = unsafe { (functions.g_strdup)(name.as_ptr()) };
        // SAFETY: null is the empty list.
        list = unsafe { (functions.g_list_append)(list, name.cast()) };
    }
    list
}

/// GIMP asks for the procedure of a name (transfer full).
unsafe extern "C" fn create_procedure(plug_in: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: GIMP passes a string.
    let name = unsafe { borrowed(name) };
    let procedure = name.as_deref().and_then(Procedure::named);
    catch_unwind(AssertUnwindSafe(|| match (PLUG_IN.get(), procedure) {
        (Some(PlugIn { registration, .. }), Some(procedure)) => {
            registration.new_procedure(plug_in, procedure, run)
        }
        _ => ptr::null_mut(),
    }))
    .unwrap_or(ptr::null_mut()) // a panic must not reach C
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
    let functions = &plug_in.functions;
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
    // SAFETY: GIMP passes its procedure, whose name is a string.
    let name = unsafe { (plug_in.functions.gimp_procedure_get_name)(procedure) };
    // SAFETY: null or a string.
    let name = unsafe { borrowed(name) };
    let (Some(image), Some(which)) =
        (gimp.version().image_id(image), name.as_deref().and_then(Procedure::named))
    else {
        return Outcome::Failed("GIMP called an unknown procedure".to_owned());
    };
    // SAFETY: GIMP's array ends with null.
    let drawables = unsafe { gimp.version().ids(drawables) };
    // SAFETY: GIMP passes its procedure and the configuration of this call.
    let call = unsafe { Call::new(&plug_in.call, gimp, which, config) };
    (plug_in.handler)(gimp, (which, run_mode(mode)), image, &drawables, &call)
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
