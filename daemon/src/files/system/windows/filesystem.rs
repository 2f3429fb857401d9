//! Folders of other machines.

use std::path::{Component, Path, Prefix};

/// What a folder lies on if that is a share, whose events are not to be relied on.
pub(crate) fn without_events(folder: &Path) -> Option<&'static str> {
    let real = folder.canonicalize().ok()?; // of a drive's letter it tells what that leads to
    match real.components().next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("a network share"),
            _ => None,
        },
        _ => None,
    }
}
