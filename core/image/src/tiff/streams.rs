//! Strips and tiles as streams of decompressed bytes.

use std::io::{self, BufRead, BufReader, Read, Take};

use weezl::{BitOrder, LzwStatus, decode};

use super::unpack::reverse_bits;
use crate::Source;
use crate::compression::Compression;
use crate::source::Stream;

/// A part of a file; several may be read in turns.
pub(crate) struct Slice {
    stream: Take<Stream>,
    /// Whether the bits of each byte stand the other way around (`FillOrder` 2).
    reversed: bool,
}

impl Slice {
    pub(crate) fn new(source: &Source, offset: u64, length: u64, reversed: bool) -> Self {
        Self { stream: source.stream(offset).take(length), reversed }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if self.reversed {
            reverse_bits(&mut buffer[..count]);
        }
        Ok(count)
    }
}

/// Least and largest window of Zstandard as a power of 2: 1 MiB, and the 128 MiB of its library.
const LEAST_WINDOW: u32 = 20;
const LARGEST_WINDOW: u32 = 27;

/// Undoes the compression of a strip or tile. Zstandard may look `window` bytes back.
pub(crate) fn decompressed(
    compression: Compression,
    slice: Slice,
    window: u64,
) -> io::Result<Box<dyn Read + Send>> {
    let mut reader = BufReader::with_capacity(1 << 16, slice);
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::PackBits => Box::new(PackBits { reader, left: 0, repeated: None }),
        Compression::Lzw => {
            let decoder = if is_old_lzw(reader.fill_buf()?) {
                decode::Decoder::new(BitOrder::Lsb, 8)
            } else {
                decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8)
            };
            Box::new(Lzw { reader, decoder })
        }
        Compression::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(reader)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
            let window = window.checked_ilog2().unwrap_or(0);
            decoder.window_log_max(window.clamp(LEAST_WINDOW, LARGEST_WINDOW))?;
            Box::new(decoder)
        }
    })
}

/// Whether the bits of codes stand from the bottom up, as written before TIFF 6.0: the first code,
/// 256 in 9 bits, is then 0 in the first byte and 1 in the second.
fn is_old_lzw(start: &[u8]) -> bool {
    matches!(start, [0, second, ..] if second & 1 == 1)
}

/// Apple's run lengths (TIFF 6.0, section 9).
struct PackBits<R> {
    reader: R,
    /// Bytes left of the current run.
    left: usize,
    /// The byte that is repeated; `None` in a run of plain bytes.
    repeated: Option<u8>,
}

impl<R: Read> Read for PackBits<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let mut head = [0];
            if self.reader.read(&mut head)? == 0 {
                return Ok(0);
            }
            match head[0] {
                128 => {}
                plain @ 0..128 => (self.left, self.repeated) = (usize::from(plain) + 1, None),
                run => {
                    let mut byte = [0];
                    self.reader.read_exact(&mut byte)?;
                    (self.left, self.repeated) = (257 - usize::from(run), Some(byte[0]));
                }
            }
        }
        let most = self.left.min(buffer.len());
        let count = if let Some(byte) = self.repeated {
            buffer[..most].fill(byte);
            most
        } else {
            self.reader.read(&mut buffer[..most])?
        };
        self.left -= count;
        Ok(count)
    }
}

/// LZW (TIFF 6.0, section 13).
struct Lzw<R> {
    reader: R,
    decoder: decode::Decoder,
}

impl<R: BufRead> Read for Lzw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let input = self.reader.fill_buf()?;
            let result = self.decoder.decode_bytes(input, buffer);
            let ended = input.is_empty();
            self.reader.consume(result.consumed_in);
            let status =
                result.status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let done = matches!(status, LzwStatus::Done)
                || (matches!(status, LzwStatus::NoProgress) && ended);
            if result.consumed_out > 0 || done || (ended && result.consumed_in == 0) {
                return Ok(result.consumed_out);
            }
        }
    }
}

/// Rows of `YCbCr` whose color differences are shared by neighbors, as one triple a pixel (TIFF 6.0,
/// section 21).
pub(crate) struct DataUnits<R> {
    reader: R,
    width: usize,
    /// Pixels that share color differences, across and down.
    shared: (usize, usize),
    units: Vec<u8>,
    rows: Vec<u8>,
    /// Bytes of `rows` that were read.
    given: usize,
}

impl<R: Read> DataUnits<R> {
    pub(crate) fn new(reader: R, width: usize, shared: (usize, usize)) -> Self {
        Self { reader, width, shared, units: Vec::new(), rows: Vec::new(), given: 0 }
    }

    fn next_rows(&mut self) -> io::Result<()> {
        let (across, down) = self.shared;
        let unit = across * down + 2;
        self.units.resize(self.width.div_ceil(across) * unit, 0);
        self.reader.read_exact(&mut self.units)?;
        self.rows.clear();
        for y in 0..down {
            for x in 0..self.width {
                let unit = &self.units[x / across * unit..(x / across + 1) * unit];
                let luminance = unit[y * across + x % across];
                self.rows.extend([luminance, unit[across * down], unit[across * down + 1]]);
            }
        }
        self.given = 0;
        Ok(())
    }
}

impl<R: Read> Read for DataUnits<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.given == self.rows.len() {
            self.next_rows()?;
        }
        let count = buffer.len().min(self.rows.len() - self.given);
        buffer[..count].copy_from_slice(&self.rows[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
