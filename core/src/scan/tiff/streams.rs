//! Strips and tiles as streams of decompressed bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use weezl::{BitOrder, LzwStatus, decode};

use super::Compression;

/// A part of a file; several may be read in turns.
pub(super) struct Slice {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Slice {
    pub(super) fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self { file, at: offset, end: offset.saturating_add(length) }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        (&*self.file).seek(SeekFrom::Start(self.at))?;
        let count = (&*self.file).read(&mut buffer[..most])?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Undoes the compression of a strip or tile.
pub(super) fn decompressed(
    compression: Compression,
    slice: Slice,
) -> io::Result<Box<dyn Read + Send>> {
    let reader = BufReader::with_capacity(1 << 16, slice);
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::PackBits => Box::new(PackBits { reader, left: 0, repeated: None }),
        Compression::Lzw => Box::new(Lzw {
            reader,
            decoder: decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8),
        }),
        Compression::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(reader)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(reader)?),
    })
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

/// LZW with the bits of a code from the top down (TIFF 6.0, section 13).
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
