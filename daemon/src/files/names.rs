//! Names of our own files: hidden, short enough, and told from all others by their pattern.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::path::{Component, Path, PathBuf};

use crate::files::fingerprint;
use crate::files::system::names as system;

/// Most bytes of a file name: `NAME_MAX` of Linux.
pub(crate) const LONGEST_NAME: usize = 255;

/// Behind a temporary name: of the sidecar that is written, and of what it replaces.
const LONGEST_SUFFIX: &str = ".json.old";

/// What temporary names have behind the name of the result.
const MARK: &str = ".polychromify-";
const END: &str = ".tmp";

/// A temporary name beside `output` that nobody can foretell, with room for suffixes.
pub(crate) fn temporary_name(output: &Path) -> PathBuf {
    // Its keys are random.
    let random = RandomState::new().hash_one(std::process::id());
    let name = output.file_name().unwrap_or(OsStr::new("result"));
    let suffix = format!("{MARK}{random:016x}{END}");
    output.with_file_name(hidden_name(name, &suffix, LONGEST_NAME - LONGEST_SUFFIX.len()))
}

/// Whether a name is a temporary one of this version or of an earlier one, which had the number of
/// the process and a count.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let visible = name.as_encoded_bytes().strip_prefix(b".");
    let Some(rest) = visible.and_then(|rest| rest.strip_suffix(END.as_bytes())) else {
        return false;
    };
    let mark = MARK.as_bytes();
    let Some(at) = rest.windows(mark.len()).rposition(|part| part == mark) else { return false };
    let number = &rest[at + mark.len()..];
    let is_random = number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit);
    let mut counts = number.split(|&byte| byte == b'-');
    let mut is_count =
        || counts.next().is_some_and(|c| !c.is_empty() && c.iter().all(u8::is_ascii_digit));
    is_random || (is_count() && is_count() && counts.next().is_none())
}

/// Whether a path that somebody may have written into the ledger stays below its folder.
pub(crate) fn stays_below(path: &Path) -> bool {
    path.file_name().is_some()
        && path.components().all(|part| matches!(part, Component::Normal(_)))
        && system::is_plain(path)
}

/// Whether a path that somebody may have written into the ledger is absolute, and is what it seems.
pub(crate) fn is_absolute_and_plain(path: &Path) -> bool {
    let plain = |part| matches!(part, Component::Normal(_));
    path.is_absolute()
        && path.components().filter(|part| !matches!(part, Component::Prefix(_))).skip(1).all(plain)
        && system::is_plain(path)
}

/// A hidden name of at most `longest` bytes that is made of `name`. One that is too long for that is
/// cut, between letters, and told from others by its SHA-256.
pub(crate) fn hidden_name(name: &OsStr, suffix: &str, longest: usize) -> OsString {
    let (name, room) = (name.as_encoded_bytes(), longest - ".".len() - suffix.len());
    let mut hidden = vec![b'.'];
    if name.len() <= room {
        hidden.extend(name);
    } else {
        let hash = &fingerprint::sha256_of(name)[..16];
        let is_letters_start = |&at: &usize| name[at] & 0b1100_0000 != 0b1000_0000;
        let end = (0..=room - hash.len()).rev().find(is_letters_start).unwrap_or(0);
        hidden.extend(&name[..end]);
        hidden.extend(hash.as_bytes());
    }
    hidden.extend(suffix.as_bytes());
    system::path(hidden).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_hidden_short_enough_and_beside_the_result() {
        for letter in ["x", "ü", "写"] {
            let long = format!("sub/{}.jpg", letter.repeat(251 / letter.len()));
            let first = temporary_name(Path::new(&long));
            assert_eq!(first.parent(), Some(Path::new("sub")));
            let name = first.file_name().unwrap();
            assert!(name.len() <= 246 && name.as_encoded_bytes()[0] == b'.');
            assert!(name.to_str().is_some(), "cut within a letter");
            assert_ne!(first, temporary_name(Path::new(&long)));
        }
    }

    #[test]
    fn temporary_names_are_told_from_all_others() {
        let made = temporary_name(Path::new("sub/a.jpg"));
        assert!(is_temporary(made.file_name().unwrap()));
        for name in [".a.jpg.polychromify-12-0.tmp", ".polychromify-x.polychromify-1-22.tmp"] {
            assert!(is_temporary(OsStr::new(name)), "{name}");
        }
        for name in [
            "a.jpg",
            ".a.tmp",
            "a.polychromify-12-0.tmp",
            ".a.polychromify-12.tmp",
            ".a.polychromify-12-0-3.tmp",
            ".a.polychromify--.tmp",
            ".a.polychromify-0123456789abcdeg.tmp",
            ".a.polychromify.leaving",
            ".polychromify",
        ] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn paths_that_lead_out_of_their_folder_are_told() {
        assert!(stays_below(Path::new("a/b.jpg")));
        for path in ["/a.jpg", "../a.jpg", "a/../../b.jpg", "", "."] {
            assert!(!stays_below(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn hidden_names_of_long_names_that_begin_alike_differ() {
        let name = |end: char| OsString::from("ü".repeat(125) + &String::from(end));
        let hidden = |end| hidden_name(&name(end), ".leaving", LONGEST_NAME);
        assert_eq!(hidden('a'), hidden('a'));
        assert_ne!(hidden('a'), hidden('b'));
        assert_eq!(hidden_name(OsStr::new("a"), ".leaving", LONGEST_NAME), ".a.leaving");
    }
}
