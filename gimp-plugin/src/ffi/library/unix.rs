//! Shared objects, and the folder of those that GIMP has open.

use std::ffi::{CStr, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

pub(super) use libloading::Library;

/// A library that needs that of C.
#[cfg(test)]
pub(super) const OF_C: &str = "libm.so.6";

/// GIMP starts no console here.
pub(crate) fn leave_console() {}

/// Name of the file of a library of GIMP.
pub(super) fn file_name(name: &str) -> String {
    format!("lib{name}.so.0")
}

pub(super) fn load(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: GIMP's libraries have constructors of their own only, which GIMP ran too.
    unsafe { Library::new(path) }
}

/// Finds a function in a library or in those that it needs.
pub(super) fn symbol(library: &Library, name: &'static CStr) -> Option<NonNull<c_void>> {
    // SAFETY: only the address is taken; `symbols!` gives it its type.
    let found = unsafe { library.get::<*mut c_void>(name) };
    found.ok().and_then(|symbol| NonNull::new(*symbol))
}

/// The folder of the libgimpbase that the calling GIMP has open.
pub(super) fn folder_of_gimp() -> Option<PathBuf> {
    folder_in(&parents_maps()?)
}

/// Which files the process that started this one has mapped; none where there is no /proc.
fn parents_maps() -> Option<String> {
    let parent = std::os::unix::process::parent_id();
    fs::read_to_string(format!("/proc/{parent}/maps")).ok()
}

/// The folder of libgimpbase in a table as proc(5) has it.
fn folder_in(maps: &str) -> Option<PathBuf> {
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
        assert_eq!(folder_in(maps), Some("/tmp/.mount_GIMP 3/usr/lib".into()));
        assert_eq!(folder_in("7f1-7f2 r--p 00000000 fe:00 12 /usr/bin/bash"), None);
    }
}
