//! GLib: who owns what.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;

use super::error::Error;
use super::symbols::{Lookup, symbols};

/// C's truth value.
pub(super) type Boolean = c_int;

symbols! {
    /// `libglib-2.0` and `libgobject-2.0`.
    Functions {
        safe {}
        unsafe {
            fn g_error_free(error: *mut GError);
            fn g_free(memory: *mut c_void);
            fn g_object_unref(object: *mut c_void);
        }
    }
}

/// GLib's `GError`.
#[repr(C)]
pub(super) struct GError {
    domain: c_uint,
    code: c_int,
    message: *mut c_char,
}

/// GLib, for as long as the process runs.
#[derive(Clone, Copy)]
pub(crate) struct Glib {
    functions: Functions,
}

impl Glib {
    pub(super) fn load(lookup: &Lookup<'_>) -> Result<Self, Error> {
        Ok(Self { functions: Functions::load(lookup)? })
    }

    /// Takes over a reference (transfer full); `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// `object` is null or a `GObject`, one reference to which the caller gives away.
    pub(super) unsafe fn object(&self, object: *mut c_void) -> Option<Object> {
        let unref = self.functions.g_object_unref;
        NonNull::new(object).map(|object| Object { object, unref })
    }

    /// Copies and frees a string (transfer full); `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// `text` is null or a string of GLib's allocator that the caller gives away.
    pub(super) unsafe fn string(&self, text: *mut c_char) -> Option<String> {
        // SAFETY: the caller's promise.
        let copy = unsafe { borrowed(text) };
        // SAFETY: the caller gives the string away; `g_free` ignores null.
        unsafe { (self.functions.g_free)(text.cast()) };
        copy
    }

    /// Copies and frees an error; `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// `error` is null or an error that the caller gives away.
    pub(super) unsafe fn error(&self, error: *mut GError) -> Option<String> {
        // SAFETY: the caller's promise.
        let message = unsafe { error.as_ref() }?.message;
        // SAFETY: a `GError` has a message.
        let copy = unsafe { borrowed(message) };
        // SAFETY: the caller gives the error away, and it is not null.
        unsafe { (self.functions.g_error_free)(error) };
        copy
    }

    /// Frees memory.
    ///
    /// # Safety
    ///
    /// `memory` is null or of GLib's allocator, and is given away.
    pub(super) unsafe fn free(&self, memory: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { (self.functions.g_free)(memory) };
    }
}

/// A reference to a `GObject`.
pub(super) struct Object {
    object: NonNull<c_void>,
    unref: unsafe extern "C" fn(*mut c_void),
}

impl Object {
    pub(super) fn pointer(&self) -> *mut c_void {
        self.object.as_ptr()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: the reference was given to this value, which is its only owner.
        unsafe { (self.unref)(self.object.as_ptr()) };
    }
}

/// Copies a string of C (transfer none); `None` for a null pointer.
///
/// # Safety
///
/// `text` is null or ends with a zero byte.
pub(super) unsafe fn borrowed(text: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    NonNull::new(text.cast_mut())
        .map(|text| unsafe { CStr::from_ptr(text.as_ptr()) })
        .map(|text| text.to_string_lossy().into_owned())
}

/// A string as C has it; it ends at a zero byte within.
pub(super) fn c_string(text: &str) -> CString {
    let text = text.split('\0').next().unwrap_or_default();
    CString::new(text).expect("split at zero bytes")
}
