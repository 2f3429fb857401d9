//! The libraries of the GIMP that called.

#[cfg(unix)]
#[path = "library/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "library/windows.rs"]
mod system;

use std::ffi::{CStr, c_void};
use std::path::PathBuf;
use std::ptr::NonNull;

use super::error::Error;

pub(crate) use system::leave_console;

/// A library that stays open as long as the process runs: GLib and GTK cannot be unloaded.
pub(super) struct Library {
    inner: system::Library,
    name: String,
}

impl Library {
    /// Opens a library of GIMP, such as `gimp-3.0`: the one that the calling GIMP has, so that an
    /// `AppImage`, a GIMP below /opt or one of several on Windows gets its own, else the system's.
    pub(super) fn open(name: &str) -> Result<Self, Error> {
        let name = system::file_name(name);
        let beside = system::folder_of_gimp().map(|folder| folder.join(&name));
        let mut reason = String::new();
        for path in beside.into_iter().chain([PathBuf::from(&name)]) {
            match system::load(&path) {
                Ok(inner) => return Ok(Self { inner, name }),
                Err(error) => reason = libloading_reason(&error),
            }
        }
        Err(Error::Library { library: name, reason })
    }

    /// Finds a function in the library or in those that it needs.
    pub(super) fn symbol(&self, name: &'static CStr) -> Result<NonNull<c_void>, Error> {
        system::symbol(&self.inner, name).ok_or_else(|| Error::Symbol {
            library: self.name.clone(),
            symbol: name.to_string_lossy().into_owned(),
        })
    }
}

/// The cause alone: the error's own text only says which call failed.
fn libloading_reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named() {
        let message = Library::open("gimp-1.3").err().unwrap().to_string();
        let name = system::file_name("gimp-1.3");
        assert!(message.starts_with(&format!("cannot open `{name}`: ")), "{message}");
    }

    #[test]
    fn a_function_of_a_library_that_is_needed_is_found() {
        let (inner, name) = (system::load(system::OF_C.as_ref()).unwrap(), system::OF_C.to_owned());
        let library = Library { inner, name };
        assert!(library.symbol(c"malloc").is_ok(), "of the C library");
        let message = library.symbol(c"gimp_main").err().unwrap().to_string();
        assert_eq!(message, format!("`{}` has no `gimp_main`", system::OF_C));
    }
}
