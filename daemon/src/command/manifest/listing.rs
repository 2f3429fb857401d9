//! Lines of `manifest-sha256.txt`.

use std::io::{self, BufRead, Read};
use std::path::{Component, Path, PathBuf};

use crate::files::system::names;

/// Name of the list of checksums.
pub(crate) const CHECKSUMS: &str = "manifest-sha256.txt";

/// How names with line breaks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// As `sha256sum` does: a backslash before the line, and in the name.
    Coreutils,
    /// As BagIt does: percent signs and line breaks in hexadecimal (RFC 8493, section 2.1.3).
    Bag,
}

/// A line for `sha256sum -c`, with its end.
pub(super) fn line(sha256: &str, path: &Path) -> Vec<u8> {
    let name = names::bytes(path);
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n' | b'\r');
    let mut line = Vec::with_capacity(name.len() + 80);
    if name.iter().any(special) {
        line.push(b'\\');
    }
    line.extend(sha256.as_bytes());
    line.extend(b"  ");
    for &byte in &*name {
        match byte {
            b'\\' => line.extend(b"\\\\"),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            _ => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// A line of a bag's manifest, with its end.
pub(super) fn bag_line(sha256: &str, path: &Path) -> Vec<u8> {
    let mut line = format!("{sha256}  ").into_bytes();
    for &byte in &*names::bytes(path) {
        match byte {
            b'%' | b'\n' | b'\r' => line.extend(format!("%{byte:02X}").bytes()),
            _ => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// The SHA-256 and the path that a line tells; `None` if it is no such line.
pub(crate) fn parse(line: &[u8], escapes: Escapes) -> Option<(String, PathBuf)> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) if escapes == Escapes::Coreutils => (true, rest),
        _ => (false, line),
    };
    let (hash, rest) = line.split_at_checked(64)?;
    let hash = std::str::from_utf8(hash).ok()?.to_ascii_lowercase();
    if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let name = match escapes {
        // A space, then one more or an asterisk.
        Escapes::Coreutils => rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?,
        Escapes::Bag => {
            let name = rest.trim_ascii_start();
            let name = name.strip_prefix(b"*").unwrap_or(name);
            if name.len() == rest.len() {
                return None;
            }
            name
        }
    };
    let name = match escapes {
        Escapes::Coreutils if escaped => unescape(name)?,
        Escapes::Coreutils => name.to_vec(),
        Escapes::Bag => decode(name),
    };
    (!name.is_empty()).then(|| (hash, names::path(name)))
}

/// Whether a path stays below the folder that it starts at.
pub(crate) fn stays_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whether a folder on the way to a file is a link, which may lead anywhere.
pub(crate) fn leads_through_link(folder: &Path, below: &Path) -> bool {
    let is_link = |path: PathBuf| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let mut above = below.ancestors().skip(1);
    above.any(|above| !above.as_os_str().is_empty() && is_link(folder.join(above)))
}

/// Reads lines one by one. Of one that is longer than any checksum with its path the start is kept,
/// which is no checksum.
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: usize,
}

/// Bytes of the longest line: a path has 4,096 at most, each of which may be escaped.
const LONGEST: u64 = 64 << 10;

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line's number, counted from 1, and the line without its end; `None` after the last.
    pub(crate) fn next(&mut self) -> io::Result<Option<(usize, &[u8])>> {
        self.line.clear();
        let read = self.input.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let has_end = self.line.ends_with(b"\n");
        if !has_end && read as u64 == LONGEST {
            self.input.skip_until(b'\n')?;
            self.line.truncate(1);
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some((self.number, line.strip_suffix(b"\r").unwrap_or(line))))
    }
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            },
            _ => byte,
        });
    }
    Some(plain)
}

/// Decodes the three signs that BagIt encodes, and no other.
fn decode(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| byte == b'%').map(<[u8]>::to_ascii_uppercase);
        let sign = match code.as_deref() {
            Some(b"25") => Some(b'%'),
            Some(b"0A") => Some(b'\n'),
            Some(b"0D") => Some(b'\r'),
            _ => None,
        };
        plain.push(sign.unwrap_or(byte));
        rest = if sign.is_some() { &after[2..] } else { after };
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_bounded_and_the_next_is_read() {
        let endless = io::repeat(b'a').take(1 << 24).chain(&b"\nnext\r\n\nlast"[..]);
        let mut lines = Lines::new(io::BufReader::new(endless));
        assert_eq!(lines.next().unwrap(), Some((1, &b"a"[..])));
        assert!(lines.line.capacity() <= 2 * LONGEST as usize);
        assert_eq!(lines.next().unwrap(), Some((2, &b"next"[..])));
        assert_eq!(lines.next().unwrap(), Some((3, &b""[..])));
        assert_eq!(lines.next().unwrap(), Some((4, &b"last"[..])));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    #[cfg(unix)] // names that are not UTF-8
    fn every_name_survives_both_ways_of_writing_it() {
        let hash = "ab".repeat(32);
        for name in [&b"a b.tif"[..], b" x", b"100%25.tif", b"a\\b\nc\rd", b"\xff%0A", b"*x"] {
            let path = names::path(name.to_vec());
            let plain = line(&hash, &path);
            let end = plain.iter().position(|&byte| byte == b'\n');
            assert_eq!(end, Some(plain.len() - 1));
            let read = parse(plain.strip_suffix(b"\n").unwrap(), Escapes::Coreutils);
            assert_eq!(read, Some((hash.clone(), path.clone())));
            if !name.starts_with(b" ") && !name.starts_with(b"*") {
                let bag = bag_line(&hash, &path);
                let read = parse(bag.strip_suffix(b"\n").unwrap(), Escapes::Bag);
                assert_eq!(read, Some((hash.clone(), path)));
            }
        }
        for wrong in [&b""[..], b"abc  x", b"zz"] {
            assert_eq!(parse(wrong, Escapes::Coreutils), None);
        }
    }

    #[test]
    fn paths_that_lead_out_are_told() {
        assert!(stays_below(Path::new("a/./b.tif")));
        for path in ["../a", "/etc/passwd", "a/../../b"] {
            assert!(!stays_below(Path::new(path)), "{path}");
        }
    }
}
