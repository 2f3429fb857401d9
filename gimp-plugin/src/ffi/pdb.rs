//! What the procedure databases of both versions have in common.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use crate::procedure::RunMode;

/// The kind of our procedure: `GIMP_PLUGIN` in 2.10, `GIMP_PDB_PROC_TYPE_PLUGIN` in 3.
pub(super) const PLUGIN: c_int = 1;

/// `GimpPDBStatusType`.
pub(super) const EXECUTION_ERROR: c_int = 0;
pub(super) const SUCCESS: c_int = 3;
pub(super) const CANCEL: c_int = 4;

/// The run mode of a `GimpRunMode`.
pub(super) fn run_mode(mode: c_int) -> RunMode {
    match mode {
        0 => RunMode::Interactive,
        2 => RunMode::WithLastValues,
        _ => RunMode::NonInteractive,
    }
}

/// A command line as C has it, which ends with null; it points into `arguments`.
pub(super) fn argv(arguments: &[CString]) -> Vec<*mut c_char> {
    let pointers = arguments.iter().map(|argument| argument.as_ptr().cast_mut());
    pointers.chain([ptr::null_mut()]).collect()
}
