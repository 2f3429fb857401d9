//! How the samples lie in a TIFF file, as its tags say; what is not read is refused here.

use std::path::Path;

use super::Compression;
use super::directory::{Entries, File};
use super::fax::Code;
use super::old_jpeg;
use super::pixels::{Alpha, LabCode, Meaning, Pixels, YCbCr};
use super::unpack::{Kind, Packing, Predictor};
use crate::scan::ifd::Value;
use crate::scan::inks::Inks;
use crate::scan::samples::Layout;
use crate::scan::{Depth, Error, Limits, Result, damaged, unsupported};

/// Most samples a pixel.
const MOST_SAMPLES: u64 = 16;

/// Most strips or tiles: a gigapixel in tiles of 16x16.
const MOST_CHUNKS: usize = 1 << 22;

/// Pixels from which on a file must have some bytes for them, and how many there may be for each: a
/// blank row of Group 4 is one bit, but no scan of this size is blank.
const LARGE: u64 = 1 << 28;
const MOST_PIXELS_A_BYTE: u64 = 50_000;

/// How strips and tiles are coded.
#[derive(Clone, Debug)]
pub(super) enum Coding {
    /// Bytes of samples, compressed or not.
    Bytes(Compression),
    Fax(Code),
    /// JPEG streams, with tables that all share.
    Jpeg(Vec<u8>),
    /// Bare codes of JPEG.
    OldJpeg(old_jpeg::Header),
}

impl Coding {
    /// Whether strips and tiles are decoded whole.
    pub(super) fn is_jpeg(&self) -> bool {
        matches!(self, Self::Jpeg(_) | Self::OldJpeg(_))
    }
}

/// How the samples lie in the file.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a tag")]
pub(super) struct Plan {
    pub(super) width: usize,
    pub(super) height: usize,
    /// What comes out.
    pub(super) layout: Layout,
    /// Depth of a result.
    pub(super) depth: Depth,
    pub(super) coding: Coding,
    pub(super) packing: Packing,
    pub(super) pixels: Pixels,
    /// Bits of a byte stand the other way around.
    pub(super) reversed: bool,
    pub(super) planar: bool,
    /// JPEG streams of three components are RGB.
    pub(super) stores_rgb: bool,
    /// Pixels that share the color differences of `YCbCr`, across and down.
    pub(super) shared: (usize, usize),
    /// Width and height of a strip or tile.
    pub(super) chunk: (usize, usize),
    pub(super) tiled: bool,
    /// Place and length in the file of each strip or tile.
    pub(super) places: Vec<(u64, u64)>,
}

impl Plan {
    /// Reads the tags of a page. CMYK is by the plain formula until [`Plan::use_profile`].
    pub(super) fn read(
        path: &Path,
        file: &File,
        entries: &Entries,
        limits: &Limits,
    ) -> Result<Self> {
        let tags = Tags { path, file, entries };
        let (width, height) = tags.size()?;
        let samples = tags.number(277, 1)?;
        if samples == 0 || samples > MOST_SAMPLES {
            return Err(unsupported(path, format!("TIFF of {samples} samples a pixel")));
        }
        let samples = samples as usize;
        let coding = tags.coding(samples)?;
        let photometric = tags.number(262, 1)?;
        let mut packing = tags.packing(samples, &coding)?;
        let (meaning, shared) = tags.meaning(photometric, &mut packing, &coding)?;
        let colors = Pixels::colors(&meaning);
        if samples < colors {
            return Err(damaged(path, format!("{samples} samples of color, expected {colors}")));
        }
        let alpha = tags.alpha(samples, colors)?;
        let planar = tags.number(284, 1)? == 2 && samples > 1;
        let plain = matches!(meaning, Meaning::Gray { .. } | Meaning::Rgb);
        let full = packing.full() as f32;
        let pixels = Pixels { meaning, samples, alpha, full };
        let depth = if matches!(coding, Coding::Fax(_)) { Depth::Eight } else { packing.depth() };
        let reversed = tags.number(266, 1)? == 2 && !coding.is_jpeg();
        if !plain && planar && shared != (1, 1) {
            return Err(unsupported(path, "YCbCr color in separate planes of different size"));
        }
        let stream = tags.old_jpeg_stream()?;
        let (tiled, chunk) = match stream {
            Some(_) => (false, (width, height)),
            None => tags.chunk(width, height)?,
        };
        let mut plan = Self {
            width,
            height,
            layout: pixels.layout(packing.depth()),
            depth,
            coding,
            packing,
            pixels,
            reversed,
            planar,
            stores_rgb: photometric == 2,
            shared,
            chunk,
            tiled,
            places: Vec::new(),
        };
        let pixels = width as u64 * height as u64;
        if pixels > LARGE && pixels / file.length > MOST_PIXELS_A_BYTE {
            let reason = format!("{pixels} pixels in {} bytes", file.length);
            return Err(Error::Limit { path: path.into(), reason });
        }
        plan.check_memory(path, limits)?;
        plan.places = match stream {
            Some(place) => vec![place],
            None => tags.places(&plan, limits)?,
        };
        plan.check_places(path, file.length)?;
        Ok(plan)
    }

    /// Prepares the conversion of CMYK through a profile, and warns of what is lost.
    pub(super) fn use_profile(&mut self, path: &Path, icc: Option<&[u8]>) {
        if let Meaning::Cmyk(inks) = &mut self.pixels.meaning {
            *inks = Inks::new(path, icc);
        }
        let colors = Pixels::colors(&self.pixels.meaning);
        let left = self.pixels.samples - colors - usize::from(self.pixels.alpha.is_some());
        if left > 0 {
            let path = path.display();
            log::warn!("{path}: {left} extra samples a pixel are not carried to the result");
        }
    }

    /// Strips or tiles that the file must have.
    fn chunks(&self) -> usize {
        let (width, height) = self.chunk;
        self.width.div_ceil(width) * self.height.div_ceil(height) * self.planes()
    }

    /// Refuses what takes more memory than allowed, whatever its data are.
    fn check_memory(&self, path: &Path, limits: &Limits) -> Result<()> {
        let row = self.row_bytes() as u64;
        let pixel = (self.layout.channels() * self.layout.sample_bytes()) as u64;
        let stored = (self.pixels.samples * sample_bytes(self.packing.depth())) as u64;
        let (width, rows) = (self.width as u64, self.chunk.1.min(self.height) as u64);
        let tiles = if self.tiled { width.saturating_mul(rows).saturating_mul(stored) } else { 0 };
        let whole =
            if self.coding.is_jpeg() { row.saturating_mul(2 * self.chunk.1 as u64) } else { 0 };
        let held = tiles.saturating_add(whole).saturating_add(row * 2 + width * pixel);
        limits.check_memory(path, if self.tiled { "a row of tiles" } else { "a strip" }, held)
    }

    /// Checks that all strips or tiles are there and lie within the file.
    fn check_places(&self, path: &Path, length: u64) -> Result<()> {
        let wanted = self.chunks();
        if self.places.len() < wanted {
            let found = self.places.len();
            return Err(damaged(path, format!("{found} strips or tiles, expected {wanted}")));
        }
        let plain = matches!(self.coding, Coding::Bytes(Compression::None));
        for (index, &(offset, count)) in self.places.iter().enumerate() {
            let needed = self.data_bytes(index);
            if plain && count < needed {
                let reason = format!("strip or tile {index} has {count} bytes, expected {needed}");
                return Err(damaged(path, reason));
            }
            let read = if plain { needed } else { count };
            if offset.checked_add(read).is_none_or(|end| end > length) || read == 0 {
                let reason = format!("truncated: strip or tile {index} ends beyond the file");
                return Err(damaged(path, reason));
            }
        }
        Ok(())
    }

    /// Bytes of the file that hold the pixels.
    pub(super) fn stored_bytes(&self) -> u64 {
        let plain = matches!(self.coding, Coding::Bytes(Compression::None));
        let bytes = self.places.iter().enumerate();
        bytes.fold(0, |sum: u64, (index, &(_, count))| {
            sum.saturating_add(if plain { self.data_bytes(index) } else { count })
        })
    }

    /// Bytes of a strip or tile that is not compressed.
    fn data_bytes(&self, index: usize) -> u64 {
        let rows = self.rows(index) as u64;
        if self.shared == (1, 1) {
            return (self.row_bytes() as u64).saturating_mul(rows);
        }
        let (across, down) = self.shared;
        let units = self.chunk.0.div_ceil(across) as u64 * rows.div_ceil(down as u64);
        units.saturating_mul((across * down + 2) as u64)
    }

    /// Rows of a strip or tile.
    pub(super) fn rows(&self, index: usize) -> usize {
        if self.tiled {
            return self.chunk.1;
        }
        let down = self.height.div_ceil(self.chunk.1);
        self.chunk.1.min(self.height - index % down * self.chunk.1)
    }

    pub(super) fn planes(&self) -> usize {
        if self.planar { self.pixels.samples } else { 1 }
    }

    /// Stored samples from a pixel to the next in a plane.
    pub(super) fn stride(&self) -> usize {
        if self.planar { 1 } else { self.pixels.samples }
    }

    /// Bytes of a row of a strip or tile, in a plane.
    pub(super) fn row_bytes(&self) -> usize {
        self.packing.row_bytes(self.chunk.0 * self.stride())
    }
}

fn sample_bytes(depth: Depth) -> usize {
    Layout { color: false, alpha: false, depth }.sample_bytes()
}

/// Reads tags for a [`Plan`].
struct Tags<'a> {
    path: &'a Path,
    file: &'a File,
    entries: &'a Entries,
}

impl Tags<'_> {
    fn number(&self, tag: u16, default: u64) -> Result<u64> {
        Ok(self.file.integer(self.path, self.entries, tag)?.unwrap_or(default))
    }

    /// At most the first `most` numbers.
    fn numbers(&self, tag: u16, most: usize) -> Result<Vec<u64>> {
        let list = self.file.integers(self.path, self.entries, tag, most as u64)?;
        Ok(list.unwrap_or_default())
    }

    /// At most the first `most` fractions or floats.
    fn floats(&self, tag: u16, most: u64) -> Result<Vec<f32>> {
        let value = self.file.value(self.path, self.entries, tag, most)?;
        Ok(value.as_ref().map(floats).unwrap_or_default())
    }

    fn size(&self) -> Result<(usize, usize)> {
        let side = |tag, name| {
            let side = self.number(tag, 0)?;
            u32::try_from(side).map_err(|_| damaged(self.path, format!("{name} {side}")))
        };
        Ok((side(256, "width")? as usize, side(257, "height")? as usize))
    }

    fn coding(&self, samples: usize) -> Result<Coding> {
        let compression = self.number(259, 1)?;
        if let Some(compression) = u16::try_from(compression).ok().and_then(Compression::from_tag) {
            return Ok(Coding::Bytes(compression));
        }
        Ok(match compression {
            2 => Coding::Fax(Code::Rle),
            3 => {
                let two_dimensions = self.number(292, 0)? & 1 == 1;
                Coding::Fax(Code::Group3 { two_dimensions })
            }
            4 => Coding::Fax(Code::Group4),
            32771 => Coding::Fax(Code::RleWords),
            7 => {
                let tables = self.file.value(self.path, self.entries, 347, 1 << 16)?;
                Coding::Jpeg(tables.map(|value| value.bytes).unwrap_or_default())
            }
            6 if self.old_jpeg_stream()?.is_some() => Coding::Jpeg(Vec::new()),
            6 => {
                let shared = match self.numbers(530, 2)?[..] {
                    _ if self.number(262, 1)? != 6 => (1, 1),
                    [across @ (1 | 2 | 4), down @ (1 | 2 | 4)] => (across as u8, down as u8),
                    _ => (2, 2), // TIFF 6.0, section 21
                };
                let Self { path, file, entries } = self;
                Coding::OldJpeg(old_jpeg::Header::read(path, file, entries, samples, shared)?)
            }
            other => {
                let reason = format!("TIFF compression {}", compression_name(other));
                return Err(unsupported(self.path, reason));
            }
        })
    }

    /// Place and length of the stream that JPEG of before 1995 was (TIFF 6.0, section 22), where a file
    /// has it whole.
    fn old_jpeg_stream(&self) -> Result<Option<(u64, u64)>> {
        if self.number(259, 1)? != 6 {
            return Ok(None);
        }
        let at = self.number(513, 0)?;
        let rest = self.file.length.saturating_sub(at);
        let length = match self.number(514, rest)? {
            0 => rest,
            length => length.min(rest),
        };
        // Others store nothing there but the tables once more.
        let ends = |bytes: &[u8]| bytes.starts_with(b"\xFF\xD8") && bytes.ends_with(b"\xFF\xD9");
        if at == 0 || length < 4 {
            return Ok(None);
        }
        let edges =
            [self.file.bytes(self.path, at, 2)?, self.file.bytes(self.path, at + length - 2, 2)?];
        Ok(ends(&edges.concat()).then_some((at, length)))
    }

    fn packing(&self, samples: usize, coding: &Coding) -> Result<Packing> {
        let path = self.path;
        let all = |tag, default| {
            let list = self.numbers(tag, samples)?;
            let first = list.first().copied().unwrap_or(default);
            let same = list.iter().all(|&v| v == first);
            Ok::<_, Error>((first, same))
        };
        let (bits, same) = all(258, 1)?;
        if !same {
            return Err(unsupported(path, "samples of different bits in one TIFF"));
        }
        let (kind, same) = all(339, 1)?;
        let kind = match kind {
            1 | 4 => Kind::Unsigned,
            2 => Kind::Signed,
            3 => Kind::Float,
            5 | 6 => return Err(unsupported(path, "complex numbers in TIFF")),
            other => return Err(damaged(path, format!("samples of kind {other}"))),
        };
        if !same {
            return Err(unsupported(path, "samples of different kinds in one TIFF"));
        }
        let handled = match kind {
            Kind::Float => matches!(bits, 16 | 32 | 64),
            _ => (1..=64).contains(&bits) && (bits <= 32 || bits == 64),
        };
        if !handled {
            let kind = if kind == Kind::Float { "float " } else { "" };
            return Err(unsupported(path, format!("{bits}-bit {kind}samples in TIFF")));
        }
        let bits = bits as u16;
        let compression = match coding {
            Coding::Bytes(compression) => *compression,
            Coding::Fax(_) if bits != 1 || samples != 1 => {
                return Err(damaged(path, format!("CCITT data of {samples} x {bits} bits")));
            }
            Coding::Jpeg(_) | Coding::OldJpeg(_)
                if !matches!(bits, 8 | 16) || kind != Kind::Unsigned =>
            {
                return Err(unsupported(path, format!("{bits}-bit JPEG in TIFF")));
            }
            Coding::Fax(_) | Coding::Jpeg(_) | Coding::OldJpeg(_) => Compression::None,
        };
        let predictor = match self.number(317, 1)? {
            // Without compression there is none, whatever is said.
            _ if matches!(compression, Compression::None | Compression::PackBits) => {
                Predictor::None
            }
            1 => Predictor::None,
            2 if matches!(bits, 8 | 16 | 32 | 64) => Predictor::Horizontal,
            3 if kind == Kind::Float => Predictor::Float,
            other => {
                let reason = format!("TIFF predictor {other} with {bits}-bit samples");
                return Err(unsupported(path, reason));
            }
        };
        let range = match (self.floats(340, 1)?.first(), self.floats(341, 1)?.first()) {
            (black, Some(&white)) if kind == Kind::Float => {
                Some((black.copied().unwrap_or(0.0), white))
            }
            _ => None,
        };
        let range = range.filter(|(black, white)| black < white && (white - black).is_finite());
        let big_endian = self.file.big_endian;
        Ok(Packing { bits, kind, big_endian, predictor, scaled: true, range })
    }

    /// What samples mean, and how many pixels share color differences.
    fn meaning(
        &self,
        photometric: u64,
        packing: &mut Packing,
        coding: &Coding,
    ) -> Result<(Meaning, (usize, usize))> {
        let path = self.path;
        let meaning = match photometric {
            0 | 1 => Meaning::Gray { inverted: photometric == 0 },
            2 => Meaning::Rgb,
            3 => Meaning::Palette(self.palette(packing)?),
            5 => {
                let inks = self.number(332, 1)?;
                if inks != 1 {
                    return Err(unsupported(path, "inks other than CMYK in TIFF"));
                }
                Meaning::Cmyk(Inks::default())
            }
            // The decoder gives RGB.
            6 if coding.is_jpeg() => Meaning::Rgb,
            6 if packing.bits == 8 && packing.kind == Kind::Unsigned => {
                let shared = match self.numbers(530, 2)?[..] {
                    [across, down] => (across as usize, down as usize),
                    _ => (2, 2), // TIFF 6.0, section 21
                };
                if ![shared.0, shared.1].iter().all(|v| matches!(v, 1 | 2 | 4)) {
                    return Err(damaged(path, format!("color shared by {shared:?} pixels")));
                }
                if shared != (1, 1) && packing.predictor != Predictor::None {
                    return Err(unsupported(path, "a predictor with YCbCr color that is shared"));
                }
                return Ok((Meaning::YCbCr(self.conversion()?), shared));
            }
            6 => return Err(unsupported(path, format!("YCbCr color of {} bits", packing.bits))),
            8 | 9 if matches!(packing.bits, 8 | 16) && packing.kind != Kind::Float => {
                packing.kind = Kind::Unsigned; // signs are undone with the meaning
                Meaning::Lab(if photometric == 8 { LabCode::Cie } else { LabCode::Icc })
            }
            8 | 9 => return Err(unsupported(path, format!("Lab color of {} bits", packing.bits))),
            4 => return Err(unsupported(path, "a transparency mask in TIFF")),
            10 => return Err(unsupported(path, "ITU Lab color in TIFF")),
            32803 | 34892 => return Err(unsupported(path, "camera raw (DNG) in TIFF")),
            32844 | 32845 => return Err(unsupported(path, "LogLuv color in TIFF")),
            other => return Err(unsupported(path, format!("TIFF color of kind {other}"))),
        };
        Ok((meaning, (1, 1)))
    }

    fn palette(&self, packing: &mut Packing) -> Result<Vec<[u16; 3]>> {
        if packing.bits > 16 || packing.kind == Kind::Float {
            return Err(unsupported(self.path, format!("{}-bit palette color", packing.bits)));
        }
        (packing.kind, packing.scaled) = (Kind::Unsigned, false);
        let colors = 1_usize << packing.bits;
        let numbers = self.numbers(320, 3 * colors)?;
        if numbers.len() < 3 * colors {
            return Err(damaged(self.path, format!("a palette of {} numbers", numbers.len())));
        }
        // Some writers give 8 bits where 16 are asked for.
        let scale = if numbers.iter().all(|&v| v < 256) { 257 } else { 1 };
        let color =
            |i: usize| [0, 1, 2].map(|c| (numbers[c * colors + i] * scale).min(65535) as u16);
        Ok((0..colors).map(color).collect())
    }

    fn conversion(&self) -> Result<YCbCr> {
        let weights = match self.floats(529, 3)?[..] {
            [r, g, b] if [r, g, b].iter().all(|v| *v > 0.0 && *v < 1.0) => [r, g, b],
            _ => [0.299, 0.587, 0.114], // ITU-R BT.601
        };
        let mut reference = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];
        let told = self.floats(532, 6)?;
        if told.len() == 6 && told.iter().all(|v| v.is_finite()) {
            reference.copy_from_slice(&told);
        }
        Ok(YCbCr { weights, reference })
    }

    /// Finds the opacity among the samples behind those of color.
    fn alpha(&self, samples: usize, colors: usize) -> Result<Option<Alpha>> {
        let extra = self.numbers(338, samples)?;
        let meanings = (colors..samples).zip(extra.iter().copied().chain(std::iter::repeat(0)));
        let mut alphas = meanings.clone().filter(|&(_, meaning)| matches!(meaning, 1 | 2));
        let found = alphas.next();
        let only = meanings.last().filter(|_| samples == colors + 1);
        let found = found.or(only);
        Ok(found.map(|(index, meaning)| Alpha { index, premultiplied: meaning == 1 }))
    }

    /// Whether there are tiles, and the size of a tile or strip.
    fn chunk(&self, width: usize, height: usize) -> Result<(bool, (usize, usize))> {
        let tiled = self.entries.contains(324) || self.entries.contains(322);
        let chunk = if tiled {
            let side = |tag| Ok::<_, Error>(self.number(tag, 0)?.min(u32::MAX.into()) as usize);
            (side(322)?, side(323)?)
        } else {
            let rows = self.number(278, height as u64)?.min(height as u64) as usize;
            (width, if rows == 0 { height } else { rows })
        };
        if chunk.0 == 0 || chunk.1 == 0 {
            return Err(damaged(self.path, "strips or tiles of no size"));
        }
        Ok((tiled, chunk))
    }

    /// Places and lengths of the strips or tiles.
    fn places(&self, plan: &Plan, limits: &Limits) -> Result<Vec<(u64, u64)>> {
        let wanted = plan.chunks();
        if wanted > MOST_CHUNKS || 32 * wanted as u64 > limits.memory {
            let reason = format!("{wanted} strips or tiles");
            return Err(Error::Limit { path: self.path.into(), reason });
        }
        let (offsets, counts) = if self.entries.contains(324) {
            (self.numbers(324, wanted)?, self.numbers(325, wanted)?)
        } else {
            (self.numbers(273, wanted)?, self.numbers(279, wanted)?)
        };
        let told = counts.len() == offsets.len() && !counts.contains(&0);
        if told {
            return Ok(offsets.into_iter().zip(counts).collect());
        }
        // Old writers leave the lengths out: each strip ends where another starts.
        let mut starts = offsets.clone();
        starts.sort_unstable();
        let ends = |i: usize, offset: u64| {
            let count = counts.get(i).copied().filter(|&count| count > 0);
            let next = starts.get(starts.partition_point(|&start| start <= offset));
            let rest = next.unwrap_or(&self.file.length).saturating_sub(offset);
            (offset, count.unwrap_or(rest))
        };
        Ok(offsets.iter().enumerate().map(|(i, &offset)| ends(i, offset)).collect())
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

/// What a compression is called, by its number in tag 259.
fn compression_name(number: u64) -> String {
    let name = match number {
        9 | 10 | 34661 => "JBIG",
        32766 => "NeXT",
        32809 => "ThunderScan",
        32895..=32898 => "of a graphic arts system",
        32908 | 32909 => "Pixar",
        33003..=33005 | 34712 => "JPEG 2000",
        34676 | 34677 => "SGI LogLuv",
        34887 => "LERC",
        34892 | 52546 => "lossy DNG, or JPEG XL",
        34925 => "LZMA",
        50001 => "WebP",
        50002 => "JPEG XL",
        _ => return format!("of number {number}"),
    };
    name.to_owned()
}
