//! What the tags of a page say of its samples, and defaults where they say nothing.

use super::coding::{Coding, compression_name};
use super::directory::{Directories, Entries};
use super::fax::Code;
use super::old_jpeg::{self, Extent};
use super::pixels::{Alpha, LabCode, Meaning, YCbCr};
use super::unpack::{Kind, LARGEST_FLOAT, Packing, Predictor};
use crate::color::profile::cmyk::CmykConversion;
use crate::compression::Compression;
use crate::error::{damaged, unsupported};
use crate::metadata::ifd::Value;
use crate::metadata::tag;
use crate::{Error, Result};

/// Most strips or tiles: a gigapixel in tiles of 16x16.
const MOST_CHUNKS: usize = 1 << 22;

/// Most bytes of the head of a JPEG of before 1995: its tables.
const MOST_OLD_HEAD: u64 = 1 << 18;

/// What a JPEG of before 1995 has beside its strips.
pub(crate) enum OldJpeg {
    /// The picture as one stream: its place and length.
    Whole((u64, u64)),
    /// A stream up to its codes, which are the strips; empty: they are streams of their own.
    Head(Vec<u8>),
}

/// The tags of a page.
pub(crate) struct Tags<'a> {
    pub(crate) file: &'a Directories,
    pub(crate) entries: &'a Entries,
}

impl Tags<'_> {
    pub(crate) fn number(&self, tag: u16, default: u64) -> Result<u64> {
        Ok(self.file.integer(self.entries, tag)?.unwrap_or(default))
    }

    /// At most the first `most` numbers.
    pub(crate) fn numbers(&self, tag: u16, most: usize) -> Result<Vec<u64>> {
        let list = self.file.integers(self.entries, tag, most as u64)?;
        Ok(list.unwrap_or_default())
    }

    /// At most the first `most` fractions or floats.
    pub(crate) fn floats(&self, tag: u16, most: u64) -> Result<Vec<f32>> {
        let value = self.file.value(self.entries, tag, most)?;
        Ok(value.as_ref().map(floats).unwrap_or_default())
    }

    pub(crate) fn size(&self) -> Result<(usize, usize)> {
        let side = |tag, name| {
            let side = self.number(tag, 0)?;
            u32::try_from(side).map_err(|_| damaged(format!("{name} {side}")))
        };
        Ok((side(tag::IMAGE_WIDTH, "width")? as usize, side(tag::IMAGE_LENGTH, "height")? as usize))
    }

    pub(crate) fn coding(&self, samples: usize) -> Result<Coding> {
        let compression = self.number(tag::COMPRESSION, 1)?;
        if let Some(compression) = u16::try_from(compression).ok().and_then(Compression::from_tag) {
            return Ok(Coding::Bytes(compression));
        }
        Ok(match compression {
            2 => Coding::Fax(Code::Rle),
            3 => {
                let two_dimensions = self.number(tag::T4_OPTIONS, 0)? & 1 == 1;
                Coding::Fax(Code::Group3 { two_dimensions })
            }
            4 => Coding::Fax(Code::Group4),
            32771 => Coding::Fax(Code::RleWords),
            7 => {
                let tables = self.file.value(self.entries, tag::JPEG_TABLES, 1 << 16)?;
                Coding::Jpeg(tables.map(|value| value.bytes).unwrap_or_default())
            }
            6 => match self.old_jpeg()? {
                Some(OldJpeg::Whole(_)) => Coding::Jpeg(Vec::new()),
                Some(OldJpeg::Head(head)) => Coding::OldJpeg(old_jpeg::Header::Stream(head)),
                None => {
                    let shared = match self.numbers(tag::YCBCR_SUB_SAMPLING, 2)?[..] {
                        _ if !matches!(self.number(tag::PHOTOMETRIC_INTERPRETATION, 2)?, 2 | 6) => {
                            (1, 1)
                        }
                        [across @ (1 | 2 | 4), down @ (1 | 2 | 4)] => (across as u8, down as u8),
                        _ => (2, 2), // TIFF 6.0, section 21
                    };
                    let Self { file, entries } = self;
                    Coding::OldJpeg(old_jpeg::Header::read(file, entries, samples, shared)?)
                }
            },
            other => {
                let reason = format!("TIFF compression {}", compression_name(other));
                return Err(unsupported(reason));
            }
        })
    }

    /// What JPEG of before 1995 (TIFF 6.0, section 22) has at tag 513: the stream, or its head. `None`:
    /// nothing, or the tables once more; or the strips are streams of their own.
    pub(crate) fn old_jpeg(&self) -> Result<Option<OldJpeg>> {
        if self.number(tag::COMPRESSION, 1)? != 6 {
            return Ok(None);
        }
        let strip = match self.numbers(tag::STRIP_OFFSETS, 2)?[..] {
            [strip, ..] => strip,
            [] => 0,
        };
        let at = self.number(tag::JPEG_INTERCHANGE_FORMAT, 0)?;
        let rest = self.file.length.saturating_sub(at);
        let length = match self.number(tag::JPEG_INTERCHANGE_FORMAT_LENGTH, rest)? {
            0 => rest,
            length => length.min(rest),
        };
        if at == 0 || length < 4 {
            let starts = strip > 0 && self.file.length >= strip + 2;
            let starts = starts && self.file.bytes(strip, 2)? == b"\xFF\xD8";
            return Ok(starts.then_some(OldJpeg::Head(Vec::new())));
        }
        // Others store nothing there but the tables once more.
        let start = self.file.bytes(at, length.min(MOST_OLD_HEAD))?;
        Ok(match old_jpeg::extent(&start) {
            Some(Extent::Whole) => Some(OldJpeg::Whole((at, length))),
            Some(Extent::Head(end)) if length < MOST_OLD_HEAD => {
                Some(OldJpeg::Head(start[..end.min(start.len())].to_vec()))
            }
            _ => None,
        })
    }

    pub(crate) fn packing(&self, samples: usize, coding: &Coding) -> Result<Packing> {
        let all = |tag, default| {
            let list = self.numbers(tag, samples)?;
            let first = list.first().copied().unwrap_or(default);
            let same = list.iter().all(|&v| v == first);
            Ok::<_, Error>((first, same))
        };
        let (bits, same) = all(tag::BITS_PER_SAMPLE, 1)?;
        if !same {
            return Err(unsupported("samples of different bits in one TIFF"));
        }
        let (kind, same) = all(tag::SAMPLE_FORMAT, 1)?;
        let kind = match kind {
            1 | 4 => Kind::Unsigned,
            2 => Kind::Signed,
            3 => Kind::Float,
            5 | 6 => return Err(unsupported("complex numbers in TIFF")),
            other => return Err(damaged(format!("samples of kind {other}"))),
        };
        if !same {
            return Err(unsupported("samples of different kinds in one TIFF"));
        }
        let handled = match kind {
            Kind::Float => matches!(bits, 16 | 32 | 64),
            _ => (1..=64).contains(&bits) && (bits <= 32 || bits == 64),
        };
        if !handled {
            let kind = if kind == Kind::Float { "float " } else { "" };
            return Err(unsupported(format!("{bits}-bit {kind}samples in TIFF")));
        }
        let bits = bits as u16;
        let compression = match coding {
            Coding::Bytes(compression) => *compression,
            Coding::Fax(_) if bits != 1 || samples != 1 => {
                return Err(damaged(format!("CCITT data of {samples} x {bits} bits")));
            }
            Coding::Jpeg(_) | Coding::OldJpeg(_)
                if !matches!(bits, 8 | 16) || kind != Kind::Unsigned =>
            {
                return Err(unsupported(format!("{bits}-bit JPEG in TIFF")));
            }
            Coding::Fax(_) | Coding::Jpeg(_) | Coding::OldJpeg(_) => Compression::None,
        };
        let predictor = self.predictor(compression, bits, kind)?;
        let range = if kind == Kind::Float { self.range()? } else { None };
        let big_endian = self.file.big_endian;
        Ok(Packing { bits, kind, big_endian, predictor, scaled: true, range })
    }

    fn predictor(&self, compression: Compression, bits: u16, kind: Kind) -> Result<Predictor> {
        Ok(match self.number(tag::PREDICTOR, 1)? {
            // Without compression there is none, whatever is said.
            _ if matches!(compression, Compression::None | Compression::PackBits) => {
                Predictor::None
            }
            1 => Predictor::None,
            2 if matches!(bits, 8 | 16 | 32 | 64) => Predictor::Horizontal,
            3 if kind == Kind::Float => Predictor::Float,
            other => {
                let reason = format!("TIFF predictor {other} with {bits}-bit samples");
                return Err(unsupported(reason));
            }
        })
    }

    /// Black and white of float samples of another scale than 0 to 1, where tags tell them. Of samples
    /// of that scale the same tags tell what occurs among them (TIFF 6.0, section 19): nothing is
    /// stretched by that.
    fn range(&self) -> Result<Option<(f32, f32)>> {
        let first = |tag| Ok::<_, Error>(self.floats(tag, 1)?.first().copied());
        let black = first(tag::S_MIN_SAMPLE_VALUE)?.unwrap_or(0.0);
        let range = first(tag::S_MAX_SAMPLE_VALUE)?.map(|white| (black, white));
        let other_scale = |white: f32| white > LARGEST_FLOAT && (white - black).is_finite();
        Ok(range.filter(|&(black, white)| black < white && other_scale(white)))
    }

    /// What samples mean, and how many pixels share color differences.
    pub(crate) fn meaning(
        &self,
        photometric: u64,
        packing: &mut Packing,
        coding: &Coding,
    ) -> Result<(Meaning, (usize, usize))> {
        let meaning = match photometric {
            0 | 1 => Meaning::Gray { inverted: photometric == 0 },
            2 => Meaning::Rgb,
            3 => Meaning::Palette(self.palette(packing)?),
            5 => {
                let inks = self.number(tag::INK_SET, 1)?;
                if inks != 1 {
                    return Err(unsupported("inks other than CMYK in TIFF"));
                }
                Meaning::Cmyk(CmykConversion::default())
            }
            6 if coding.is_jpeg() => {
                // The decoder gives RGB; of old JPEG libtiff heeds what the tags say of it.
                let conversion = self.conversion()?;
                let old = self.number(tag::COMPRESSION, 1)? == 6;
                if old && packing.bits == 8 && !conversion.is_usual() {
                    return Ok((Meaning::YCbCr(conversion), (1, 1)));
                }
                Meaning::Rgb
            }
            6 if packing.bits == 8 && packing.kind == Kind::Unsigned => {
                let shared = match self.numbers(tag::YCBCR_SUB_SAMPLING, 2)?[..] {
                    [across, down] => (across as usize, down as usize),
                    _ => (2, 2), // TIFF 6.0, section 21
                };
                if ![shared.0, shared.1].iter().all(|v| matches!(v, 1 | 2 | 4)) {
                    let (across, down) = shared;
                    return Err(damaged(format!("color shared by {across} x {down} pixels")));
                }
                if shared != (1, 1) && packing.predictor != Predictor::None {
                    return Err(unsupported("a predictor with YCbCr color that is shared"));
                }
                return Ok((Meaning::YCbCr(self.conversion()?), shared));
            }
            6 => return Err(unsupported(format!("YCbCr color of {} bits", packing.bits))),
            8 | 9 if matches!(packing.bits, 8 | 16) && packing.kind != Kind::Float => {
                packing.kind = Kind::Unsigned; // signs are undone with the meaning
                Meaning::Lab(if photometric == 8 { LabCode::Cie } else { LabCode::Icc })
            }
            8 | 9 => return Err(unsupported(format!("Lab color of {} bits", packing.bits))),
            4 => return Err(unsupported("a transparency mask in TIFF")),
            10 => return Err(unsupported("ITU Lab color in TIFF")),
            32803 | 34892 => return Err(unsupported("camera raw (DNG) in TIFF")),
            32844 | 32845 => return Err(unsupported("LogLuv color in TIFF")),
            other => return Err(unsupported(format!("TIFF color of kind {other}"))),
        };
        Ok((meaning, (1, 1)))
    }

    pub(crate) fn palette(&self, packing: &mut Packing) -> Result<Vec<[u16; 3]>> {
        if packing.bits > 16 || packing.kind == Kind::Float {
            return Err(unsupported(format!("{}-bit palette color", packing.bits)));
        }
        (packing.kind, packing.scaled) = (Kind::Unsigned, false);
        let colors = 1_usize << packing.bits;
        let numbers = self.numbers(tag::COLOR_MAP, 3 * colors)?;
        if numbers.len() < 3 * colors {
            return Err(damaged(format!("a palette of {} numbers", numbers.len())));
        }
        // Some writers give 8 bits where 16 are asked for.
        let scale = if numbers.iter().all(|&v| v < 256) { 257 } else { 1 };
        let color =
            |i: usize| [0, 1, 2].map(|c| (numbers[c * colors + i] * scale).min(65535) as u16);
        Ok((0..colors).map(color).collect())
    }

    pub(crate) fn conversion(&self) -> Result<YCbCr> {
        let weights = match self.floats(tag::YCBCR_COEFFICIENTS, 3)?[..] {
            [r, g, b] if [r, g, b].iter().all(|v| *v > 0.0 && *v < 1.0) => [r, g, b],
            _ => YCbCr::BT_601,
        };
        let mut reference = YCbCr::FULL_RANGE;
        let told = self.floats(tag::REFERENCE_BLACK_WHITE, 6)?;
        if told.len() == 6 && told.iter().all(|v| v.is_finite()) {
            reference.copy_from_slice(&told);
        }
        Ok(YCbCr { weights, reference })
    }

    /// Finds the sample behind those of color that is carried: opacity, else the first one. A sample
    /// without any meaning told is opacity, as it is to most programs; one that is told to have none
    /// is not.
    pub(crate) fn alpha(&self, samples: usize, colors: usize) -> Result<Option<Alpha>> {
        let extra = self.numbers(tag::EXTRA_SAMPLES, samples)?;
        let opacity = extra.iter().position(|&meaning| matches!(meaning, 1 | 2));
        let place = match opacity {
            Some(place) => place,
            None if samples == colors + 1 || !extra.is_empty() => 0,
            None => return Ok(None),
        };
        let index = colors + place;
        Ok((index < samples).then(|| Alpha {
            index,
            is_opacity: opacity.is_some() || extra.is_empty(),
            premultiplied: extra.get(place) == Some(&1),
        }))
    }

    /// What the values mean, and whether the file does not say so: then it is what libtiff takes. In
    /// JPEG of before 1995 red, green and blue are luma and chroma, as libtiff has it.
    pub(crate) fn photometric(&self, samples: usize, coding: &Coding) -> Result<(u64, bool)> {
        let told = self.file.integer(self.entries, tag::PHOTOMETRIC_INTERPRETATION)?;
        let usual = match (coding, samples) {
            (Coding::Fax(_), _) => 0,
            (_, 1 | 2) => 1,
            _ => 2,
        };
        let meaning = match told.unwrap_or(usual) {
            2 if self.number(tag::COMPRESSION, 1)? == 6 => 6,
            meaning => meaning,
        };
        Ok((meaning, told.is_none()))
    }

    /// Whether there are tiles, and the size of a tile or strip.
    pub(crate) fn chunk(&self, width: usize, height: usize) -> Result<(bool, (usize, usize))> {
        let tiled =
            self.entries.contains(tag::TILE_OFFSETS) || self.entries.contains(tag::TILE_WIDTH);
        let chunk = if tiled {
            let side = |tag| Ok::<_, Error>(self.number(tag, 0)?.min(u32::MAX.into()) as usize);
            (side(tag::TILE_WIDTH)?, side(tag::TILE_LENGTH)?)
        } else {
            let rows = self.number(tag::ROWS_PER_STRIP, height as u64)?.min(height as u64) as usize;
            (width, if rows == 0 { height } else { rows })
        };
        if chunk.0 == 0 || chunk.1 == 0 {
            return Err(damaged("strips or tiles of no size"));
        }
        Ok((tiled, chunk))
    }

    /// Places and lengths of the strips or tiles, of which so many are wanted.
    pub(crate) fn places(&self, wanted: usize) -> Result<Vec<(u64, u64)>> {
        if wanted > MOST_CHUNKS {
            return Err(Error::Limit(format!("{wanted} strips or tiles")));
        }
        // Places and lengths as numbers, as they are read, and in pairs.
        let what = format!("a list of {wanted} strips or tiles");
        let _lists = self.file.budget.draw(&what, 48 * wanted as u64)?;
        let (offsets, counts) = if self.entries.contains(tag::TILE_OFFSETS) {
            (self.numbers(tag::TILE_OFFSETS, wanted)?, self.numbers(tag::TILE_BYTE_COUNTS, wanted)?)
        } else {
            (
                self.numbers(tag::STRIP_OFFSETS, wanted)?,
                self.numbers(tag::STRIP_BYTE_COUNTS, wanted)?,
            )
        };
        if counts.iter().any(|&count| count > 0) {
            // One without a length, or with 0, is missing.
            let counts = counts.into_iter().chain(std::iter::repeat(0));
            return Ok(offsets.into_iter().zip(counts).collect());
        }
        // Old writers leave the lengths out: each strip ends where another starts.
        let mut starts = offsets.clone();
        starts.sort_unstable();
        let ends = |&offset: &u64| {
            let next = starts.get(starts.partition_point(|&start| start <= offset));
            (offset, next.unwrap_or(&self.file.length).saturating_sub(offset))
        };
        Ok(offsets.iter().map(ends).collect())
    }
}

/// Fractions or floats as numbers.
fn floats(value: &Value) -> Vec<f32> {
    let words = |size| value.bytes.chunks_exact(size);
    let long = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    match value.kind {
        5 => words(8).map(|b| (f64::from(long(b)) / f64::from(long(&b[4..]))) as f32).collect(),
        11 => words(4).map(|b| f32::from_bits(long(b))).collect(),
        12 => words(8)
            .map(|b| f64::from_bits(u64::from(long(&b[4..])) << 32 | u64::from(long(b))) as f32)
            .collect(),
        _ => value.integers().unwrap_or_default().into_iter().map(|v| v as f32).collect(),
    }
}
