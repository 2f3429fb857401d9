//! CCITT's codes for two tones: TIFF's modified Huffman, Group 3 in one and two dimensions, Group 4
//! (ITU-T T.4 and T.6; TIFF 6.0, sections 10 and 11).
//!
//! The code tables are those of the crate `fax`; its decoder takes whole pictures of at most 65,535
//! columns and fills in for what is missing, so that rows are put together here.

use std::io::{self, Read};

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

/// How the rows follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Rows of runs, each from a full byte on.
    Rle,
    /// The same from a full word of 16 bits on.
    RleWords,
    /// Rows of runs with marks between them.
    Group3 {
        /// Rows may be told by the row above.
        two_dimensions: bool,
    },
    /// All rows are told by the row above.
    Group4,
}

/// Rows of packed bits, 1 for black, the first pixel in the top bit.
pub(crate) struct Rows<R> {
    bits: Bits<R>,
    code: Code,
    width: u32,
    /// Rows that were not decoded yet.
    left: usize,
    /// Places where the color of the row above changes, from white on.
    above: Vec<u32>,
    row: Vec<u32>,
    packed: Vec<u8>,
    /// Bytes of `packed` that were read.
    given: usize,
    /// The end of data was found; rows that are missing are white.
    ended: bool,
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(reader: R, code: Code, (width, rows): (usize, usize)) -> Self {
        Self {
            bits: Bits::new(reader),
            code,
            width: width as u32,
            left: rows,
            above: Vec::new(),
            row: Vec::new(),
            packed: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    fn next_row(&mut self) -> io::Result<()> {
        self.row.clear();
        self.left = self.left.saturating_sub(1);
        if !self.ended {
            self.bits.fill()?;
            match self.code {
                Code::Rle => {
                    self.bits.align(8)?;
                    self.row_of_runs()?;
                }
                Code::RleWords => {
                    self.bits.align(16)?;
                    self.row_of_runs()?;
                }
                Code::Group3 { two_dimensions } => self.group_3_row(two_dimensions)?,
                Code::Group4 => self.row_by_above()?,
            }
            if !self.ended {
                self.bits.check()?;
            }
        }
        self.pack();
        std::mem::swap(&mut self.above, &mut self.row);
        Ok(())
    }

    /// A row behind its mark; several marks in a row are the end.
    fn group_3_row(&mut self, two_dimensions: bool) -> io::Result<()> {
        let mut marks = 0;
        let mut by_above = false;
        while self.bits.peek(11) == Some(0) {
            if let Err(error) = self.bits.skip_zeros() {
                // Fax machines count one row more than there are.
                self.ended = self.left == 0;
                return if self.ended { Ok(()) } else { Err(error) };
            }
            self.bits.consume(1)?;
            marks += 1;
            if two_dimensions {
                by_above = self.bits.peek(1) == Some(0);
                self.bits.consume(1)?;
            }
            if marks == 6 {
                self.ended = true;
                return Ok(());
            }
        }
        if by_above { self.row_by_above() } else { self.row_of_runs() }
    }

    fn row_of_runs(&mut self) -> io::Result<()> {
        let mut at = 0;
        let mut is_black = false;
        while at < self.width {
            at += self.run(is_black)?;
            self.push(at)?;
            is_black = !is_black;
        }
        Ok(())
    }

    fn row_by_above(&mut self) -> io::Result<()> {
        let mut at = None;
        let mut is_black = false;
        let mut near = 0; // in the row above, about where the row is
        loop {
            let now = at.unwrap_or(0);
            if at.is_some_and(|at| at >= self.width) {
                return Ok(());
            }
            let beyond = |place: u32| at.is_none_or(|at| place > at);
            while near > 0 && beyond(self.above[near - 1]) {
                near -= 1;
            }
            while near < self.above.len() && !beyond(self.above[near]) {
                near += 1;
            }
            let first = near + usize::from(near % 2 != usize::from(is_black));
            let place = |i: usize| self.above.get(i).copied().unwrap_or(self.width);
            // The crate's table takes any code that starts with zeros for the end.
            if self.bits.peek(7) == Some(0) && self.bits.peek(12) != Some(1) {
                self.bits.check_ahead(12)?;
                return Err(broken("no such code"));
            }
            match mode::decode(&mut self.bits) {
                Some(Mode::Pass) => at = Some(place(first + 1)),
                Some(Mode::Horizontal) => {
                    let one = now + self.run(is_black)?;
                    self.push(one)?;
                    let two = one + self.run(!is_black)?;
                    self.push(two)?;
                    at = Some(two);
                }
                Some(Mode::Vertical(by)) => {
                    let place = place(first).checked_add_signed(by.into());
                    let place = place.filter(|&place| place >= now);
                    let place = place.ok_or_else(|| broken("a change before its row"))?;
                    self.push(place)?;
                    at = Some(place);
                    is_black = !is_black;
                }
                Some(Mode::EOF) if at.is_none() => {
                    self.ended = true;
                    return Ok(());
                }
                Some(Mode::Extension) => {
                    return Err(io::Error::other("an uncompressed part of a CCITT picture"));
                }
                Some(Mode::EOF) | None => return Err(broken("no such code")),
            }
            self.bits.check()?;
        }
    }

    /// Length of a run in pixels.
    fn run(&mut self, is_black: bool) -> io::Result<u32> {
        let mut length = 0;
        loop {
            let part = if is_black {
                black::decode(&mut self.bits)
            } else {
                white::decode(&mut self.bits)
            };
            let part = part.ok_or_else(|| broken("no such code"))?;
            length += u32::from(part);
            if part < 64 {
                return Ok(length);
            }
            if length > self.width {
                return Err(broken("a run is longer than its row"));
            }
        }
    }

    fn push(&mut self, place: u32) -> io::Result<()> {
        // A row of alternating pixels has as many changes; some encoders add runs of no length.
        if place > self.width || self.row.len() > 2 * self.width as usize + 8 {
            return Err(broken("a run is longer than its row"));
        }
        self.row.push(place);
        Ok(())
    }

    /// Packs the row's bits.
    fn pack(&mut self) {
        self.given = 0;
        self.packed.clear();
        self.packed.resize((self.width as usize).div_ceil(8), 0);
        for run in self.row.chunks(2) {
            let (start, end) =
                (run[0] as usize, run.get(1).map_or(self.width, |&end| end) as usize);
            if start >= end {
                continue;
            }
            let (first, last) = (start / 8, (end - 1) / 8);
            let (head, tail) = (0xFF_u8 >> (start % 8), 0xFF_u8 << (7 - (end - 1) % 8));
            if first == last {
                self.packed[first] |= head & tail;
            } else {
                self.packed[first] |= head;
                self.packed[first + 1..last].fill(0xFF);
                self.packed[last] |= tail;
            }
        }
    }
}

impl<R: Read> Read for Rows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.given == self.packed.len() {
            self.next_row()?;
        }
        let count = buffer.len().min(self.packed.len() - self.given);
        buffer[..count].copy_from_slice(&self.packed[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("broken CCITT codes: {reason}"))
}

/// The bits of a file, followed by zeros.
struct Bits<R> {
    reader: R,
    buffer: Vec<u8>,
    at: usize,
    /// The next bits, in its lower end.
    held: u64,
    /// How many.
    have: u32,
    /// Zeros that were added behind the end.
    added: u32,
    /// Bits that were used up, to tell full bytes.
    used: u64,
}

impl<R: Read> Bits<R> {
    fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), at: 0, held: 0, have: 0, added: 0, used: 0 }
    }

    /// Makes at least 32 bits ready.
    fn fill(&mut self) -> io::Result<()> {
        while self.have < 32 {
            if self.at == self.buffer.len() {
                self.buffer.resize(1 << 13, 0);
                let count = self.reader.read(&mut self.buffer)?;
                self.buffer.truncate(count);
                self.at = 0;
            }
            let byte = if let Some(&byte) = self.buffer.get(self.at) {
                self.at += 1;
                byte
            } else {
                self.added += 8;
                0
            };
            self.held = self.held << 8 | u64::from(byte);
            self.have += 8;
        }
        Ok(())
    }

    /// Fails once bits behind the end were used.
    fn check(&self) -> io::Result<()> {
        self.check_ahead(0)
    }

    /// Fails where fewer bits are left.
    fn check_ahead(&self, bits: u32) -> io::Result<()> {
        if self.added + bits > self.have {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Goes to the next full group of bits.
    fn align(&mut self, bits: u64) -> io::Result<()> {
        let rest = self.used.next_multiple_of(bits) - self.used;
        if rest > 0 {
            self.consume(rest as u8)?;
        }
        Ok(())
    }

    fn skip_zeros(&mut self) -> io::Result<()> {
        while self.peek(1) == Some(0) {
            self.consume(1)?;
            self.check()?;
        }
        Ok(())
    }
}

impl<R: Read> BitReader for Bits<R> {
    type Error = io::Error;

    fn peek(&self, bits: u8) -> Option<u16> {
        let bits = u32::from(bits);
        (self.have >= bits).then(|| (self.held >> (self.have - bits) & ((1 << bits) - 1)) as u16)
    }

    fn consume(&mut self, bits: u8) -> io::Result<()> {
        self.have -= u32::from(bits).min(self.have);
        self.used += u64::from(bits);
        self.fill()
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (self.used.next_multiple_of(8) - self.used) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of digits 0 and 1.
    fn bytes(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        let join = |byte: &[u8]| byte.iter().enumerate().fold(0, |n, (i, b)| n | b << (7 - i));
        digits.chunks(8).map(join).collect()
    }

    fn rows(code: Code, width: usize, height: usize, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut rows = vec![0; width.div_ceil(8) * height];
        Rows::new(data, code, (width, height)).read_exact(&mut rows)?;
        Ok(rows)
    }

    #[test]
    fn rows_of_runs_are_read() {
        // 4 white, 3 black, 1 white; then 8 black after no white.
        let data = [bytes("1011 10 000111"), bytes("00110101 000101")].concat();
        assert_eq!(rows(Code::Rle, 8, 2, &data).unwrap(), [0b0000_1110, 0xFF]);
        let padded = [bytes("1011 10 000111"), bytes("00110101 000101")].concat();
        assert_eq!(rows(Code::RleWords, 8, 2, &padded).unwrap(), [0b0000_1110, 0xFF]);
    }

    #[test]
    fn marks_stand_between_rows_of_group_3() {
        let mark = "000000000001";
        let data = bytes(&format!("{mark} 1011 10 000111 0000{mark} 00110101 000101"));
        let code = Code::Group3 { two_dimensions: false };
        assert_eq!(rows(code, 8, 2, &data).unwrap(), [0b0000_1110, 0xFF]);
        let data = bytes(&format!("{mark}1 1011 10 000111 {mark}0 1 1 1 {mark}1 10011"));
        let code = Code::Group3 { two_dimensions: true };
        assert_eq!(rows(code, 8, 3, &data).unwrap(), [0b0000_1110, 0b0000_1110, 0]);
    }

    #[test]
    fn a_last_row_of_group_3_may_be_missing_and_no_other() {
        let data = bytes("000000000001 1011 10 000111");
        let code = Code::Group3 { two_dimensions: false };
        assert_eq!(rows(code, 8, 2, &data).unwrap(), [0b0000_1110, 0]);
        let error = rows(code, 8, 3, &data).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn group_4_is_what_the_crate_writes() {
        use fax::{Color, VecWriter, encoder::Encoder};
        let (width, height) = (77, 40);
        let mut state = 3_u32;
        let mut is_black = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 29 < 3
        };
        let mut encoder = Encoder::new(VecWriter::new());
        let mut expected = Vec::new();
        for _ in 0..height {
            let row: Vec<bool> = (0..width).map(|_| is_black()).collect();
            let color = |&b: &bool| if b { Color::Black } else { Color::White };
            encoder.encode_line(row.iter().map(color), width).unwrap();
            let byte = |bits: &[bool]| {
                bits.iter().enumerate().fold(0, |n, (i, &b)| n | u8::from(b) << (7 - i))
            };
            expected.extend(row.chunks(8).map(byte));
        }
        let data = encoder.finish().unwrap().finish();
        assert!(rows(Code::Group4, width.into(), height, &data).unwrap() == expected);
    }

    #[test]
    fn rows_behind_the_end_mark_are_white_and_data_without_it_ends_early() {
        let end = "000000000001 000000000001";
        let data = bytes(&format!("1 {end}"));
        assert_eq!(rows(Code::Group4, 8, 3, &data).unwrap(), [0, 0, 0]);
        let error = rows(Code::Group4, 8, 30, &bytes("1111 1111")).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData));
    }
}
