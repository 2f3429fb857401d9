//! DLLs, which lie beside the program that started this one: GIMP's, or GLib's helper that starts
//! programs for it, both in GIMP's folder `bin`.

use std::ffi::{CStr, OsString, c_void};
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

use libloading::os::windows::LOAD_WITH_ALTERED_SEARCH_PATH;
use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, HMODULE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Console::FreeConsole;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::LibraryLoader::GetProcAddress;
use windows_sys::Win32::System::ProcessStatus::EnumProcessModules;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION,
    QueryFullProcessImageNameW,
};

pub(super) use libloading::os::windows::Library;

/// A library that needs that of C.
#[cfg(test)]
pub(super) const OF_C: &str = "msvcrt.dll";

/// Most libraries that are looked through; GIMP's number about a hundred.
const MOST: usize = 1024;

/// Longest path, in 16-bit units.
const LONGEST: u32 = 32768;

/// Closes the window that Windows opens for a program that has no console of its caller's.
pub(crate) fn leave_console() {
    // SAFETY: it takes nothing; what is printed from here on goes nowhere.
    unsafe { FreeConsole() };
}

/// Name of the file of a library of GIMP.
pub(super) fn file_name(name: &str) -> String {
    format!("lib{name}-0.dll")
}

/// Loads a library; those that it needs are looked for beside it first.
pub(super) fn load(path: &Path) -> Result<Library, libloading::Error> {
    let flags = if path.is_absolute() { LOAD_WITH_ALTERED_SEARCH_PATH } else { 0 };
    // SAFETY: GIMP's libraries have constructors of their own only, which GIMP ran too.
    unsafe { Library::load_with_flags(path, flags) }
}

/// Finds a function in a library, or in any that this process has: among them those that it needs.
pub(super) fn symbol(library: &Library, name: &'static CStr) -> Option<NonNull<c_void>> {
    // SAFETY: only the address is taken; `symbols!` gives it its type.
    let own = unsafe { library.get::<*mut c_void>(name.to_bytes_with_nul()) };
    own.ok().and_then(|symbol| NonNull::new(*symbol)).or_else(|| {
        // SAFETY: the libraries were just told, and GIMP's are never unloaded.
        let find = |library| unsafe { GetProcAddress(library, name.as_ptr().cast()) };
        let found = libraries().into_iter().find_map(find)?;
        NonNull::new((found as *const ()).cast_mut().cast())
    })
}

/// The libraries that this process has.
fn libraries() -> Vec<HMODULE> {
    let mut libraries = vec![ptr::null_mut(); MOST];
    let bytes = u32::try_from(size_of_val(&libraries[..])).unwrap_or(0);
    let mut needed = 0;
    let list = libraries.as_mut_ptr();
    // SAFETY: it only gives a number.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: the list has room for so many bytes.
    if unsafe { EnumProcessModules(this, list, bytes, &raw mut needed) } == 0 {
        return Vec::new();
    }
    libraries.truncate(needed as usize / size_of::<HMODULE>());
    libraries
}

/// The folder of the program that started this one.
pub(super) fn folder_of_gimp() -> Option<PathBuf> {
    program_of(parent()?)?.parent().map(Path::to_path_buf)
}

/// Something that is to be closed.
struct Open(HANDLE);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: it was opened, and is closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// Number of the process that started this one.
fn parent() -> Option<u32> {
    // SAFETY: it only takes numbers.
    let processes = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if processes == INVALID_HANDLE_VALUE {
        return None;
    }
    let processes = Open(processes);
    let size = u32::try_from(size_of::<PROCESSENTRY32W>()).ok()?;
    let mut entry = PROCESSENTRY32W { dwSize: size, ..PROCESSENTRY32W::default() };
    // SAFETY: the entry says how large it is.
    let mut is_there = unsafe { Process32FirstW(processes.0, &raw mut entry) };
    while is_there != 0 {
        if entry.th32ProcessID == std::process::id() {
            return Some(entry.th32ParentProcessID);
        }
        // SAFETY: the same.
        is_there = unsafe { Process32NextW(processes.0, &raw mut entry) };
    }
    None
}

/// The file of a process's program.
fn program_of(process: u32) -> Option<PathBuf> {
    // SAFETY: it only takes numbers.
    let opened = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, process) };
    if opened.is_null() {
        return None;
    }
    let opened = Open(opened);
    let (mut path, mut length) = (vec![0_u16; LONGEST as usize], LONGEST);
    let (to, units) = (path.as_mut_ptr(), &raw mut length);
    // SAFETY: the path has room for so many units.
    if unsafe { QueryFullProcessImageNameW(opened.0, PROCESS_NAME_WIN32, to, units) } == 0 {
        return None;
    }
    path.truncate(length as usize);
    Some(OsString::from_wide(&path).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_process_is_told() {
        let own = program_of(std::process::id()).unwrap();
        let same = |path: &Path| path.canonicalize().unwrap();
        assert_eq!(same(&own), same(&std::env::current_exe().unwrap()));
        assert!(parent().is_some());
    }
}
