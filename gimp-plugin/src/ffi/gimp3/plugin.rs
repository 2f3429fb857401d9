//! The class of objects through which GIMP 3 asks for the procedure.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::OnceLock;

use super::{Gimp3, call, registration};
use crate::ffi::glib::{borrowed, c_string};
use crate::ffi::library::Library;
use crate::ffi::symbols::symbols;
use crate::ffi::{Error, Gimp};
use crate::procedure;

symbols! {
    /// What registers the class.
    Functions {
        safe {
            fn gimp_plug_in_get_type() -> usize;
        }
        unsafe {
            fn g_list_append(list: *mut c_void, data: *mut c_void) -> *mut c_void;
            fn g_strdup(text: *const c_char) -> *mut c_char;
            fn g_type_query(kind: usize, query: *mut TypeQuery);
            fn g_type_register_static(
                parent: usize,
                name: *const c_char,
                information: *const TypeInfo,
                flags: c_int,
            ) -> usize;
            fn gimp_main(kind: usize, arguments: c_int, values: *const *mut c_char) -> c_int;
        }
    }
}

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

/// What the callbacks use. Without `gimp`, the rest still tells GIMP which function is missing.
pub(super) struct PlugIn {
    functions: Functions,
    pub(super) registration: registration::Functions,
    pub(super) call: call::Functions,
    pub(super) gimp: Result<Gimp<Gimp3>, Error>,
}

static PLUG_IN: OnceLock<PlugIn> = OnceLock::new();

/// The plug-in, once it has started.
pub(super) fn plug_in() -> Option<&'static PlugIn> {
    PLUG_IN.get()
}

/// Hands over to libgimp, which asks for the procedure or runs it, as `arguments` (the command line)
/// say. Gives the exit code.
pub(crate) fn main(arguments: &[CString]) -> Result<u8, Error> {
    let library = Library::open("libgimp-3.0.so.0")?;
    let functions = Functions::load(&|name| library.symbol(name))?;
    let registration = registration::Functions::load(&|name| library.symbol(name))?;
    let call = call::Functions::load(&|name| library.symbol(name))?;
    let gimp = Gimp::load(&library, Gimp3::load);
    std::mem::forget(library); // stays open: its functions are used until the process ends
    let plug_in = PLUG_IN.get_or_init(|| PlugIn { functions, registration, call, gimp });
    let kind = register_type(&plug_in.functions)?;
    let mut values: Vec<*mut c_char> =
        arguments.iter().map(|value| value.as_ptr().cast_mut()).collect();
    values.push(ptr::null_mut());
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
    let name = c_string(procedure::NAME);
    // SAFETY: the name ends with a zero byte and is copied.
    let name = unsafe { (functions.g_strdup)(name.as_ptr()) };
    // SAFETY: null is the empty list.
    unsafe { (functions.g_list_append)(ptr::null_mut(), name.cast()) }
}

/// GIMP asks for the procedure of a name (transfer full).
unsafe extern "C" fn create_procedure(plug_in: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: GIMP passes a string.
    let name = unsafe { borrowed(name) };
    catch_unwind(AssertUnwindSafe(|| match PLUG_IN.get() {
        Some(PlugIn { registration, .. }) if name.as_deref() == Some(procedure::NAME) => {
            registration.new_procedure(plug_in)
        }
        _ => ptr::null_mut(),
    }))
    .unwrap_or(ptr::null_mut()) // a panic must not reach C
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
