//! The libraries of the GIMP that called.

use std::ffi::{CStr, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use super::error::Error;

/// A library that stays open as long as the process runs: GLib and GTK cannot be unloaded.
pub(super) struct Library {
    inner: libloading::Library,
    name: String,
}

impl Library {
    /// Opens a library by its file name: the one beside the libgimpbase that the calling GIMP has
    /// open, so that an `AppImage` or a GIMP below /opt gets its own, else the system's.
    pub(super) fn open(name: &str) -> Result<Self, Error> {
        let beside = parents_maps().and_then(|maps| folder_of_gimp(&maps)).map(|at| at.join(name));
        let mut reason = String::new();
        for path in beside.iter().map(PathBuf::as_path).chain([Path::new(name)]) {
            // SAFETY: GIMP's libraries have constructors of their own only, which GIMP ran too.
            match unsafe { libloading::Library::new(path) } {
                Ok(inner) => return Ok(Self { inner, name: name.to_owned() }),
                Err(error) => reason = libloading_reason(&error),
            }
        }
        Err(Error::Library { library: name.to_owned(), reason })
    }

    /// Finds a function in the library or in those that it needs.
    pub(super) fn symbol(&self, name: &'static CStr) -> Result<NonNull<c_void>, Error> {
        // SAFETY: only the address is taken; `symbols!` gives it its type.
        let found = unsafe { self.inner.get::<*mut c_void>(name) };
        let address = found.ok().and_then(|symbol| NonNull::new(*symbol));
        address.ok_or_else(|| Error::Symbol {
            library: self.name.clone(),
            symbol: name.to_string_lossy().into_owned(),
        })
    }
}

/// The cause alone: the error's own text only says which call failed.
fn libloading_reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Which files the process that started this one has mapped; none where there is no /proc.
fn parents_maps() -> Option<String> {
    let parent = std::os::unix::process::parent_id();
    fs::read_to_string(format!("/proc/{parent}/maps")).ok()
}

/// The folder of libgimpbase in a table as proc(5) has it.
fn folder_of_gimp(maps: &str) -> Option<PathBuf> {
    let path = maps.lines().find(|line| line.contains("/libgimpbase-"))?;
    let path = Path::new(&path[path.find('/')?..]);
    path.parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_the_calling_gimp_is_read_from_its_memory_map() {
        let maps = "7f1-7f2 r--p 00000000 fe:00 12 /usr/lib/libc.so.6\n\
                    7f3-7f4 r-xp 00000000 fe:00 13    /tmp/.mount_GIMP 3/usr/lib/libgimpbase-3.0.so.0\n";
        assert_eq!(folder_of_gimp(maps), Some("/tmp/.mount_GIMP 3/usr/lib".into()));
        assert_eq!(folder_of_gimp("7f1-7f2 r--p 00000000 fe:00 12 /usr/bin/bash"), None);
    }

    #[test]
    fn a_missing_library_is_named() {
        let message = Library::open("libgimp-1.3.so.0").err().unwrap().to_string();
        assert!(message.starts_with("cannot open `libgimp-1.3.so.0`: "), "{message}");
    }

    #[test]
    fn a_function_of_a_library_that_is_needed_is_found() {
        let library = Library::open("libm.so.6").unwrap();
        assert!(library.symbol(c"malloc").is_ok(), "of the C library");
        let message = library.symbol(c"gimp_main").err().unwrap().to_string();
        assert_eq!(message, "`libm.so.6` has no `gimp_main`");
    }
}
