//! Names and reasons as they are printed: on one line, and without characters that a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Whether a terminal would obey it, or show what follows in another order: control characters,
/// ends of lines, and those that change the direction of writing (Unicode's `Bidi_Control`).
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of text, with what a terminal would obey as in `\n` or `\u{1b}`.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in as_users_write_it(text, [r"\\?\UNC\", r"\\", r"\\?\"]).chars() {
        if is_obeyed(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// JSON without such characters: the same text to whoever parses it.
pub(crate) fn json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let json = as_users_write_it(json, [r"\\\\?\\UNC\\", r"\\\\", r"\\\\?\\"]);
    for character in json.chars() {
        if is_obeyed(character) {
            // Each has its place in Unicode's first 65,536.
            write!(text, "\\u{:04x}", u32::from(character)).expect("strings grow");
        } else {
            text.push(character);
        }
    }
    text
}

/// A path as users write it.
pub(crate) fn path(path: &Path) -> Cow<'_, Path> {
    match path.to_str().map(|text| as_users_write_it(text, [r"\\?\UNC\", r"\\", r"\\?\"])) {
        Some(Cow::Owned(text)) => PathBuf::from(text).into(),
        _ => path.into(),
    }
}

/// On Windows: paths without what stands before those that are free of links and may be long, of a
/// `share`, which begins with `start` else, and of a `disk`.
fn as_users_write_it<'t>(text: &'t str, [share, start, disk]: [&str; 3]) -> Cow<'t, str> {
    if cfg!(windows) && text.contains(disk) {
        text.replace(share, start).replace(disk, "").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(line("a\u{1b}[2J\nb\u{9b}1m\u{202e}gpj"), r"a\u{1b}[2J\nb\u{9b}1m\u{202e}gpj");
        assert_eq!(line("Straße \\ 日本 é.tif"), "Straße \\ 日本 é.tif");
    }

    #[test]
    fn json_stays_the_same_text() {
        let name = "a\u{1b}\u{7f}\n\u{9b}\u{202e}\u{2028}é";
        let safe = json(&serde_json::json!({ "input": name }).to_string());
        assert!(!safe.chars().any(is_obeyed), "{safe}");
        let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read["input"], name);
    }
}
