//! Comma-separated values (RFC 4180), as bytes: paths need not be UTF-8.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use csv_core::{ReadFieldResult, Reader};

use crate::files::system::names;

/// Name of the table of results.
pub(crate) const TABLE: &str = "manifest.csv";

/// A relative path as the table has it: one that a spreadsheet would take for a formula begins with
/// `./`, which is the same file to every program. See OWASP's "CSV Injection".
pub(crate) fn path(path: &Path) -> Vec<u8> {
    let name = names::bytes(path);
    match name.first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => [b"./", &*name].concat(),
        _ => name.into_owned(),
    }
}

/// A text that a spreadsheet takes for no formula: it begins with an apostrophe if need be.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    [if is_formula { "'" } else { "" }, text].concat().into_bytes()
}

/// The path that [`path`] wrote.
pub(crate) fn read_path(field: &[u8]) -> PathBuf {
    let name = field.strip_prefix(b"./").unwrap_or(field);
    names::path(name.to_vec())
}

/// Longest record that is read: a path, hints in the settings, and notices.
const LONGEST: usize = 16 << 20;

/// Writes a record.
pub(crate) fn write<F: AsRef<[u8]>>(out: &mut impl Write, fields: &[F]) -> io::Result<()> {
    let mut line = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let field = field.as_ref();
        if index > 0 {
            line.push(b',');
        }
        let plain = field.iter().all(|byte| !matches!(byte, b',' | b'"' | b'\n' | b'\r'));
        if plain && field.trim_ascii() == field {
            line.extend(field);
            continue;
        }
        line.push(b'"');
        for &byte in field {
            line.extend((byte == b'"').then_some(b'"'));
            line.push(byte);
        }
        line.push(b'"');
    }
    line.push(b'\n');
    out.write_all(&line)
}

/// Reads records one by one.
pub(crate) struct Records<R> {
    input: BufReader<R>,
    reader: Reader,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), reader: Reader::new() }
    }

    /// The next record; `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the reader, and when a record is longer than any that was written.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let (mut fields, mut bytes_read) = (Vec::new(), 0);
        let (mut field, mut length) = (vec![0; 64], 0);
        loop {
            let bytes = self.input.fill_buf()?;
            let (result, read, written) = self.reader.read_field(bytes, &mut field[length..]);
            self.input.consume(read);
            length += written;
            bytes_read += read;
            if bytes_read > LONGEST {
                return Err(io::Error::other("a record of more than 16 MB"));
            }
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => field.resize(2 * field.len(), 0),
                ReadFieldResult::Field { record_end } => {
                    fields.push(field[..length].to_vec());
                    length = 0;
                    if record_end {
                        return Ok(Some(fields));
                    }
                }
                ReadFieldResult::End => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_a_formula_and_each_stays_the_same() {
        for name in ["=1+1.tif", "+a", "-a", "@a", "\ta", "a=b", ".hidden", "a/=b"] {
            let written = path(Path::new(name));
            assert!(!matches!(written[0], b'=' | b'+' | b'-' | b'@' | b'\t'), "{name}");
            assert_eq!(read_path(&written), Path::new(name));
        }
    }

    #[test]
    fn a_record_without_end_is_refused() {
        let endless = io::repeat(b'x').take(1 << 30);
        assert!(Records::new(endless).next().is_err());
        let endless = io::repeat(b',').take(1 << 30);
        assert!(Records::new(endless).next().is_err());
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let long = vec![b'x'; 5000];
        let records: [&[&[u8]]; 4] = [
            &[b"path", b"reason"],
            &[b"a, \"b\".tif", b"two\nlines\r\n"],
            &[b"\xff ", b""],
            &[&long, b" "],
        ];
        let mut text = Vec::new();
        for record in records {
            write(&mut text, record).unwrap();
        }
        let mut read = Records::new(&text[..]);
        for record in records {
            assert_eq!(read.next().unwrap().unwrap(), record);
        }
        assert_eq!(read.next().unwrap(), None);
    }
}
