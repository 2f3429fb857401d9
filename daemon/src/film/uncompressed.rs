//! Frames without compression, each with its time, as Matroska: the way into an encoder.
//!
//! Raw video in a pipe has no times. Elements are of RFC 8794 (EBML) and RFC 9559 (Matroska);
//! the codec is `V_UNCOMPRESSED`, whose four letters for planes are those that ffmpeg reads
//! (libavcodec/raw.c).

use std::io::{self, Write};

use polychromify_core::ChromaShape;

use super::canvas::Samples;

/// Nanoseconds of a tick: times are milliseconds.
const TICK: u64 = 1_000_000;

/// The length of an element that ends with the file.
const UNKNOWN_LENGTH: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Frames as Matroska.
pub(super) struct Uncompressed<W> {
    out: W,
}

impl<W: Write> Uncompressed<W> {
    /// Begins; `duration` is that of each frame in nanoseconds, where they are equal.
    pub(super) fn begin(mut out: W, samples: &Samples, duration: Option<u64>) -> io::Result<Self> {
        let head = [
            number(&[0x42, 0x86], 1),            // EBMLVersion
            number(&[0x42, 0xf7], 1),            // EBMLReadVersion
            number(&[0x42, 0xf2], 4),            // EBMLMaxIDLength
            number(&[0x42, 0xf3], 8),            // EBMLMaxSizeLength
            element(&[0x42, 0x82], b"matroska"), // DocType
            number(&[0x42, 0x87], 4),            // DocTypeVersion
            number(&[0x42, 0x85], 2),            // DocTypeReadVersion
        ];
        let (width, height) = samples.size();
        let video = [
            number(&[0xb0], width.into()),                        // PixelWidth
            number(&[0xba], height.into()),                       // PixelHeight
            element(&[0x2e, 0xb5, 0x24], &four_letters(samples)), // UncompressedFourCC
        ];
        let track = [
            number(&[0xd7], 1),       // TrackNumber
            number(&[0x73, 0xc5], 1), // TrackUID
            number(&[0x83], 1),       // TrackType: video
            duration.map(|duration| number(&[0x23, 0xe3, 0x83], duration)).unwrap_or_default(),
            element(&[0x86], b"V_UNCOMPRESSED"), // CodecID
            element(&[0xe0], &video.concat()),   // Video
        ];
        out.write_all(&element(&[0x1a, 0x45, 0xdf, 0xa3], &head.concat()))?; // EBML
        out.write_all(&[0x18, 0x53, 0x80, 0x67])?; // Segment
        out.write_all(&UNKNOWN_LENGTH)?;
        let info = number(&[0x2a, 0xd7, 0xb1], TICK); // TimestampScale
        out.write_all(&element(&[0x15, 0x49, 0xa9, 0x66], &info))?; // Info
        let track = element(&[0xae], &track.concat()); // TrackEntry
        out.write_all(&element(&[0x16, 0x54, 0xae, 0x6b], &track))?; // Tracks
        Ok(Self { out })
    }

    /// Writes a frame that is shown from this millisecond on, as a cluster of its own.
    pub(super) fn frame(
        &mut self,
        milliseconds: u64,
        kept: &[u8],
        painted: &[Vec<u8>],
    ) -> io::Result<()> {
        let time = number(&[0xe7], milliseconds); // Timestamp
        // Track 1, at the cluster's time, a key frame.
        let block = [0x81, 0, 0, 0x80];
        let length = block.len() + kept.len() + painted.iter().map(Vec::len).sum::<usize>();
        let mut head = vec![0xa3]; // SimpleBlock
        head.extend(long_length(length));
        self.out.write_all(&[0x1f, 0x43, 0xb6, 0x75])?; // Cluster
        self.out.write_all(&long_length(time.len() + head.len() + length))?;
        self.out.write_all(&time)?;
        self.out.write_all(&head)?;
        self.out.write_all(&block)?;
        self.out.write_all(kept)?;
        painted.iter().try_for_each(|planes| self.out.write_all(planes))
    }

    /// Ends, and gives what was written to.
    pub(super) fn end(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn four_letters(samples: &Samples) -> [u8; 4] {
    let format = match samples {
        Samples::Luma(format) => format,
        Samples::Rgb(format) => return [b'G', b'3', 0, format.depth],
    };
    match (format.depth, format.chroma) {
        (8, ChromaShape::S420) => *b"I420",
        (8, ChromaShape::S422) => *b"Y42B",
        (8, ChromaShape::S444) => *b"444P",
        (depth, ChromaShape::S420) => [b'Y', b'3', 11, depth],
        (depth, ChromaShape::S422) => [b'Y', b'3', 10, depth],
        (depth, ChromaShape::S444) => [b'Y', b'3', 0, depth],
    }
}

/// A length in 8 bytes.
fn long_length(length: usize) -> [u8; 8] {
    (1 << 56 | length as u64).to_be_bytes()
}

fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &long_length(content.len()), content].concat()
}

fn number(id: &[u8], value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    element(id, &bytes[zeros.min(7)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_zeros_before_them() {
        assert_eq!(number(&[0xd7], 0)[9..], [0]);
        assert_eq!(number(&[0xd7], 1)[9..], [1]);
        assert_eq!(number(&[0xe7], 0x0001_0203)[9..], [1, 2, 3]);
        assert_eq!(number(&[0xe7], 5)[..9], [0xe7, 1, 0, 0, 0, 0, 0, 0, 1]);
    }
}
