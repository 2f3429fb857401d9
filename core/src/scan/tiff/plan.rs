//! How the samples lie in a TIFF file, as its tags say; what is not read is refused here.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::Arc;

use ::tiff::decoder::Decoder;
use ::tiff::tags::{ByteOrder, Tag};

use super::super::rows::depth_of_bits;
use super::super::samples::{Layout, Samples};
use super::super::{Error, Limits, Result, damaged, unsupported};
use super::{Compression, from_tiff, streams};

/// How the samples lie in the file.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a tag")]
pub(super) struct Plan {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) layout: Layout,
    pub(super) big_endian: bool,
    pub(super) compression: Compression,
    /// Samples are differences to the left neighbor.
    pub(super) predictor: bool,
    /// 0 is white.
    pub(super) inverted: bool,
    pub(super) planar: bool,
    /// Width and height of a strip or tile.
    pub(super) chunk: (usize, usize),
    pub(super) tiled: bool,
    /// Place and length in the file of each strip or tile.
    pub(super) places: Vec<(u64, u64)>,
}

impl Plan {
    pub(super) fn read<R: Read + Seek>(path: &Path, decoder: &mut Decoder<R>) -> Result<Self> {
        let failed = |error| from_tiff(path, error);
        let (width, height) = decoder.dimensions().map_err(failed)?;
        let (width, height) = (width as usize, height as usize);
        let big_endian = decoder.byte_order() == ByteOrder::BigEndian;
        let mut number = |tag, default: u16| {
            let value = decoder.find_tag_unsigned::<u16>(tag).map_err(failed)?;
            Ok::<_, Error>(value.unwrap_or(default))
        };
        let samples = number(Tag::SamplesPerPixel, 1)?;
        let compression = number(Tag::Compression, 1)?;
        let predictor = number(Tag::Predictor, 1)?;
        let photometric = number(Tag::PhotometricInterpretation, 1)?;
        let planar = number(Tag::PlanarConfiguration, 1)? == 2 && samples > 1;
        let fill_order = number(Tag::FillOrder, 1)?;
        let tiled = decoder.image_ifd().directory().contains(Tag::TileOffsets);
        let mut list = |tag, default| {
            let value = decoder.find_tag_unsigned_vec::<u64>(tag).map_err(failed)?;
            Ok::<_, Error>(value.unwrap_or(default))
        };
        let bits = list(Tag::BitsPerSample, vec![1])?.first().copied().unwrap_or(1);
        let kind = list(Tag::SampleFormat, vec![1])?.first().copied().unwrap_or(1);
        let extra = list(Tag::ExtraSamples, vec![])?;
        let (offsets, counts) = if tiled {
            (list(Tag::TileOffsets, vec![])?, list(Tag::TileByteCounts, vec![])?)
        } else {
            (list(Tag::StripOffsets, vec![])?, list(Tag::StripByteCounts, vec![])?)
        };
        let mut size = |tag, default: usize| {
            let value = decoder.find_tag_unsigned::<u32>(tag).map_err(failed)?;
            Ok::<_, Error>(value.map_or(default, |v| v as usize))
        };
        let chunk = if tiled {
            (size(Tag::TileWidth, 0)?, size(Tag::TileLength, 0)?)
        } else {
            (width, size(Tag::RowsPerStrip, height)?.min(height))
        };

        let unsupported = |reason: String| unsupported(path, reason);
        let color = match photometric {
            0 | 1 => false,
            2 => true,
            3 => return Err(unsupported("palette color in TIFF".into())),
            5 => return Err(unsupported("CMYK color in TIFF".into())),
            6 => return Err(unsupported("YCbCr color in TIFF".into())),
            8..=10 => return Err(unsupported("CIE Lab color in TIFF".into())),
            other => return Err(unsupported(format!("photometric interpretation {other}"))),
        };
        if kind != 1 {
            let kind = match kind {
                2 => "signed integer",
                3 => "float",
                _ => "unknown kind of",
            };
            return Err(unsupported(format!("{bits}-bit {kind} samples")));
        }
        if bits != 8 && bits != 16 {
            return Err(unsupported(format!("{bits}-bit samples in TIFF")));
        }
        let Some(compression) = Compression::from_tag(compression) else {
            let name = ::tiff::tags::CompressionMethod::from_u16_exhaustive(compression);
            return Err(unsupported(format!("TIFF compression {name:?}")));
        };
        if fill_order != 1 {
            return Err(unsupported("TIFF with reversed bits (FillOrder 2)".into()));
        }
        if predictor > 2 || predictor == 0 {
            return Err(unsupported(format!("TIFF predictor {predictor}")));
        }
        let colors = if color { 3 } else { 1 };
        let alpha = match (usize::from(samples).checked_sub(colors), &extra[..]) {
            (Some(0), _) => false,
            (Some(1), [1, ..]) => {
                return Err(unsupported("TIFF with premultiplied alpha".into()));
            }
            (Some(1), _) => true,
            (Some(more), _) => return Err(unsupported(format!("TIFF with {more} extra samples"))),
            (None, _) => return Err(damaged(path, format!("{samples} samples of color"))),
        };
        Ok(Self {
            width,
            height,
            layout: Layout { color, alpha, depth: depth_of_bits(bits as u32) },
            big_endian,
            compression,
            predictor: predictor == 2 && compression != Compression::None,
            inverted: photometric == 0,
            planar,
            chunk,
            tiled,
            places: offsets.into_iter().zip(counts).collect(),
        })
    }

    /// Checks that all strips or tiles are there and lie within the file.
    pub(super) fn check(&self, path: &Path, length: u64, limits: &Limits) -> Result<()> {
        let (width, height) = self.chunk;
        if width == 0 || height == 0 {
            return Err(damaged(path, "strips or tiles of no size"));
        }
        let wanted = self.width.div_ceil(width) * self.height.div_ceil(height) * self.planes();
        if self.places.len() < wanted {
            let found = self.places.len();
            return Err(damaged(path, format!("{found} strips or tiles, expected {wanted}")));
        }
        let row = width as u64 * (self.stride() * self.layout.sample_bytes()) as u64;
        let tiles =
            if self.tiled { self.layout.bytes(self.width as u32, height as u64) } else { 0 };
        let held = tiles.saturating_add(row);
        if held > limits.memory {
            let reason =
                format!("a row of tiles takes {held} bytes, the limit is {}", limits.memory);
            return Err(Error::Limit { path: path.into(), reason });
        }
        for (index, &(offset, count)) in self.places.iter().enumerate().take(wanted) {
            let rows = if self.tiled {
                height
            } else {
                let down = self.height.div_ceil(height);
                height.min(self.height - index % down * height)
            };
            let needed = row.saturating_mul(rows as u64);
            if self.compression == Compression::None && count < needed {
                let reason = format!("strip or tile {index} has {count} bytes, expected {needed}");
                return Err(damaged(path, reason));
            }
            let read = if self.compression == Compression::None { needed } else { count };
            if offset.checked_add(read).is_none_or(|end| end > length) || read == 0 {
                let reason = format!("truncated: strip or tile {index} ends beyond the file");
                return Err(damaged(path, reason));
            }
        }
        Ok(())
    }

    /// Refuses LZW with the bits of a code from the bottom up, as written before TIFF 6.0: its
    /// first code, 256 in 9 bits, then stands as 0 in the first byte and 1 in the second.
    pub(super) fn check_lzw(&self, path: &Path, file: &Arc<File>) -> Result<()> {
        if self.compression != Compression::Lzw {
            return Ok(());
        }
        let (offset, length) = self.places[0];
        let mut start = Vec::new();
        streams::Slice::new(Arc::clone(file), offset, length.min(2))
            .read_to_end(&mut start)
            .map_err(Error::io(path, "read"))?;
        match start[..] {
            [0, second] if second & 1 == 1 => Err(unsupported(path, "LZW of before TIFF 6.0")),
            _ => Ok(()),
        }
    }

    pub(super) fn planes(&self) -> usize {
        if self.planar { self.layout.channels() } else { 1 }
    }

    /// Samples from a pixel to the next in a plane.
    pub(super) fn stride(&self) -> usize {
        if self.planar { 1 } else { self.layout.channels() }
    }

    /// A plane's row of samples from its bytes: byte order, predictor and inversion undone.
    pub(super) fn samples(&self, bytes: &[u8], width: usize, plane: usize) -> Samples {
        let mut samples = Samples::new(self.layout.depth);
        samples.extend_bytes(bytes, self.big_endian);
        let stride = self.stride();
        let inverted = self.inverted && plane < self.layout.colors();
        match &mut samples {
            Samples::Eight(v) => {
                if self.predictor {
                    for i in stride..width * stride {
                        v[i] = v[i].wrapping_add(v[i - stride]);
                    }
                }
                if inverted {
                    invert(v, stride, self.layout, |s| !s);
                }
            }
            Samples::Sixteen(v) => {
                if self.predictor {
                    for i in stride..width * stride {
                        v[i] = v[i].wrapping_add(v[i - stride]);
                    }
                }
                if inverted {
                    invert(v, stride, self.layout, |s| !s);
                }
            }
            Samples::Float(_) => {}
        }
        samples
    }
}

/// Inverts gray, not the alpha behind it.
fn invert<T: Copy>(samples: &mut [T], stride: usize, layout: Layout, not: impl Fn(T) -> T) {
    for pixel in samples.chunks_exact_mut(stride) {
        for sample in pixel.iter_mut().take(layout.colors()) {
            *sample = not(*sample);
        }
    }
}
