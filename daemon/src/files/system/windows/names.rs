//! Paths as ledgers and manifests have them on every system: in UTF-8, with slashes.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Names of devices, with whatever extension: "Naming Files, Paths, and Namespaces" of Windows.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// The bytes of a path: of one that is relative with slashes, as it is called elsewhere.
pub(crate) fn bytes(path: &Path) -> Cow<'_, [u8]> {
    let text = path.to_string_lossy();
    let text = if path.is_relative() { text.replace('\\', "/") } else { text.into_owned() };
    text.into_bytes().into()
}

/// The path of these bytes. One that is not UTF-8 can be none of Windows.
pub(crate) fn path(bytes: Vec<u8>) -> PathBuf {
    let text = String::from_utf8_lossy(&bytes);
    let path = Path::new(&*text);
    if path.is_relative() { path.components().collect() } else { path.into() }
}

/// Whether a path leads to a file of this very name, and not to a device, say.
pub(crate) fn is_plain(path: &Path) -> bool {
    path.components().all(|part| match part {
        Component::Normal(name) => fault(name).is_none(),
        _ => true,
    })
}

/// Refuses a name that would reach something else than a file of this very name.
pub(in crate::files) fn check(name: &OsStr) -> io::Result<()> {
    match fault(name) {
        None => Ok(()),
        Some(fault) => Err(io::Error::new(io::ErrorKind::InvalidFilename, fault)),
    }
}

/// What is wrong with a name.
fn fault(name: &OsStr) -> Option<&'static str> {
    let Some(name) = name.to_str() else { return Some("the name is not Unicode") };
    let is_forbidden =
        |letter| matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\0'..='\x1f');
    if name.contains(is_forbidden) {
        return Some("the name has a letter that Windows lets no name have");
    }
    if name.ends_with([' ', '.']) {
        return Some("the name ends with a space or a dot, which Windows takes away");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_uppercase();
    let is_number = |number: &str| {
        let mut letters = number.chars();
        matches!(letters.next(), Some('1'..='9' | '¹' | '²' | '³')) && letters.next().is_none()
    };
    let is_numbered = |device: &&str| stem.strip_prefix(*device).is_some_and(is_number);
    if DEVICES.contains(&&*stem) || NUMBERED_DEVICES.iter().any(is_numbered) {
        return Some("the name is that of a device of Windows");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_has_slashes_in_ledgers_and_comes_back() {
        assert_eq!(&*bytes(Path::new(r"box\1.tif")), b"box/1.tif");
        assert_eq!(path(b"box/1.tif".to_vec()).as_os_str(), r"box\1.tif");
        let absolute = Path::new(r"\\?\C:\box\1.tif");
        assert_eq!(path(bytes(absolute).into_owned()), absolute);
    }

    #[test]
    fn names_of_devices_are_told_from_others() {
        for name in ["nul", "COM1.tif", "lpt².png", "con .x"] {
            assert!(fault(name.as_ref()).is_some(), "{name}");
        }
        for name in ["COM.tif", "COM10.tif", "nulls", "Müller (2).jpeg", ".polychromify"] {
            assert_eq!(fault(name.as_ref()), None, "{name}");
        }
    }
}
