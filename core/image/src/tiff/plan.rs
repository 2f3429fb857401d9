//! How the samples lie in a TIFF file, as its tags say; what is not read is refused here.

use super::coding::Coding;
use super::directory::{Directories, Entries};
use super::pixels::{Meaning, Pixels};
use super::tags::{OldJpeg, Tags};
use super::unpack::Packing;
use crate::color::profile::cmyk::CmykConversion;
use crate::compression::Compression;
use crate::error::{damaged, unsupported};
use crate::jpeg::Transform;
use crate::metadata::tag;
use crate::samples::{Depth, Layout};
use crate::{Error, Notice, Result};

/// Bytes that a file begins with, in which no strip or tile lies.
const FILE_HEADER: u64 = 8;

/// Most samples a pixel.
const MOST_SAMPLES: u64 = 16;

/// Pixels from which on a file must have some bytes for them, and how many there may be for each: a
/// blank row of Group 4 is one bit, but no scan of this size is blank.
const LARGE: u64 = 1 << 28;
const MOST_PIXELS_A_BYTE: u64 = 50_000;

/// How the samples lie in the file.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// What comes out.
    pub(crate) layout: Layout,
    /// Depth of a result.
    pub(crate) depth: Depth,
    pub(crate) coding: Coding,
    pub(crate) packing: Packing,
    pub(crate) pixels: Pixels,
    /// Bits of a byte stand the other way around.
    pub(crate) reversed: bool,
    pub(crate) planar: bool,
    /// Whether the components of JPEG streams are luma and chroma to be turned into RGB: the tags
    /// tell, as with libtiff, and not the streams.
    pub(crate) transform: Transform,
    /// No tag says what the values mean: 0 is taken for white, where it is.
    assumed: Option<&'static str>,
    /// Pixels that share the color differences of `YCbCr`, across and down.
    pub(crate) shared: (usize, usize),
    /// Width and height of a strip or tile.
    pub(crate) chunk: (usize, usize),
    pub(crate) tiled: bool,
    /// Place and length in the file of each strip or tile.
    pub(crate) places: Vec<(u64, u64)>,
}

impl Plan {
    /// Reads the tags of a page. CMYK is by the plain formula until [`Plan::use_profile`].
    pub(crate) fn read(file: &Directories, entries: &Entries) -> Result<Self> {
        let tags = Tags { file, entries };
        let (width, height) = tags.size()?;
        let samples = match tags.number(tag::SAMPLES_PER_PIXEL, 1)? {
            samples @ 1..=MOST_SAMPLES => samples as usize,
            samples => return Err(unsupported(format!("TIFF of {samples} samples a pixel"))),
        };
        let coding = tags.coding(samples)?;
        let (photometric, assumed) = tags.photometric(samples, &coding)?;
        let mut packing = tags.packing(samples, &coding)?;
        let (meaning, shared) = tags.meaning(photometric, &mut packing, &coding)?;
        let becomes_rgb = photometric == 6 && matches!(meaning, Meaning::Rgb);
        let colors = Pixels::colors(&meaning);
        if samples < colors {
            return Err(damaged(format!("{samples} samples of color, expected {colors}")));
        }
        let alpha = tags.alpha(samples, colors)?;
        let planar = tags.number(tag::PLANAR_CONFIGURATION, 1)? == 2 && samples > 1;
        let full = packing.full() as f32;
        let pixels = Pixels { meaning, samples, alpha, full };
        let depth = if matches!(coding, Coding::Fax(_)) { Depth::Eight } else { packing.depth() };
        let reversed = tags.number(tag::FILL_ORDER, 1)? == 2 && !coding.is_jpeg();
        refuse_arrangements(&pixels, planar, shared, becomes_rgb)?;
        let stream = match tags.old_jpeg()? {
            Some(OldJpeg::Whole(place)) => Some(place),
            Some(OldJpeg::Head(_)) | None => None,
        };
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
            transform: if becomes_rgb { Transform::Ycc } else { Transform::None },
            assumed: assumed.then(|| assumption(photometric)),
            shared,
            chunk,
            tiled,
            places: Vec::new(),
        };
        plan.check_size(file.length)?;
        let _rows = file.budget.draw(plan.unit(), plan.held())?;
        plan.places = match stream {
            Some(place) => vec![place],
            None => tags.places(plan.chunks())?,
        };
        plan.check_places(file.length)?;
        Ok(plan)
    }

    /// Prepares the conversion of CMYK through a profile, and tells what is lost.
    pub(crate) fn use_profile(&mut self, icc: Option<&[u8]>, notices: &mut Vec<Notice>) {
        if let Meaning::Cmyk(inks) = &mut self.pixels.meaning {
            *inks = CmykConversion::new(icc, notices);
        }
        if let Some(meaning) = self.assumed {
            notices.push(Notice::MeaningAssumed { meaning: meaning.into() });
        }
        let colors = Pixels::colors(&self.pixels.meaning);
        let count = self.pixels.samples - colors - usize::from(self.pixels.alpha.is_some());
        if count > 0 {
            notices.push(Notice::ExtraSamples { count });
        }
    }

    /// Strips or tiles that the file must have.
    fn chunks(&self) -> usize {
        let (width, height) = self.chunk;
        self.width.div_ceil(width) * self.height.div_ceil(height) * self.planes()
    }

    /// Refuses a file that is too small for its picture.
    fn check_size(&self, length: u64) -> Result<()> {
        let pixels = self.width as u64 * self.height as u64;
        if pixels > LARGE && pixels / length > MOST_PIXELS_A_BYTE {
            return Err(Error::Limit(format!("{pixels} pixels in {length} bytes")));
        }
        Ok(())
    }

    /// What is held while rows are read, in words.
    pub(crate) fn unit(&self) -> &'static str {
        if self.tiled { "a row of tiles" } else { "a strip" }
    }

    /// Bytes of the list of strips or tiles.
    pub(crate) fn places_bytes(&self) -> u64 {
        size_of_val(&self.places[..]) as u64
    }

    /// Bytes that are held while rows are read, whatever their data are.
    pub(crate) fn held(&self) -> u64 {
        let row = self.row_bytes() as u64;
        let pixel = (self.layout.channels() * self.layout.sample_bytes()) as u64;
        let stored = (self.pixels.samples * sample_bytes(self.packing.depth())) as u64;
        let (width, rows) = (self.width as u64, self.chunk.1.min(self.height) as u64);
        let tiles = if self.tiled { width.saturating_mul(rows).saturating_mul(stored) } else { 0 };
        // Strips of several planes are held at once.
        let whole = if self.coding.is_jpeg() {
            row.saturating_mul(self.chunk.1 as u64).saturating_mul(self.planes() as u64)
        } else {
            0
        };
        tiles.saturating_add(whole).saturating_add(row * 2 + width * pixel)
    }

    /// Checks that all strips or tiles are there and lie within the file.
    fn check_places(&self, length: u64) -> Result<()> {
        let wanted = self.chunks();
        if self.places.len() < wanted {
            let found = self.places.len();
            return Err(damaged(format!("{found} strips or tiles, expected {wanted}")));
        }
        let plain = matches!(self.coding, Coding::Bytes(Compression::None));
        for (index, &(offset, count)) in self.places.iter().enumerate() {
            if offset < FILE_HEADER || count == 0 && offset < length {
                let reason =
                    format!("strip or tile {index} is missing: the file has no bytes for it");
                return Err(damaged(reason));
            }
            let needed = self.data_bytes(index);
            if plain && count < needed {
                let reason = format!("strip or tile {index} has {count} bytes, expected {needed}");
                return Err(damaged(reason));
            }
            let read = if plain { needed } else { count };
            if offset.checked_add(read).is_none_or(|end| end > length) || read == 0 {
                let reason = format!("truncated: strip or tile {index} ends beyond the file");
                return Err(damaged(reason));
            }
        }
        Ok(())
    }

    /// Bytes of the file that hold the pixels.
    pub(crate) fn stored_bytes(&self) -> u64 {
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
    pub(crate) fn rows(&self, index: usize) -> usize {
        if self.tiled {
            return self.chunk.1;
        }
        let down = self.height.div_ceil(self.chunk.1);
        self.chunk.1.min(self.height - index % down * self.chunk.1)
    }

    pub(crate) fn planes(&self) -> usize {
        if self.planar { self.pixels.samples } else { 1 }
    }

    /// Stored samples from a pixel to the next in a plane.
    pub(crate) fn stride(&self) -> usize {
        if self.planar { 1 } else { self.pixels.samples }
    }

    /// Bytes of a row of a strip or tile, in a plane.
    pub(crate) fn row_bytes(&self) -> usize {
        self.packing.row_bytes(self.chunk.0 * self.stride())
    }
}

/// Refuses samples that are not brought into pixels; `becomes_rgb`: JPEG streams of luma and chroma do.
fn refuse_arrangements(
    pixels: &Pixels,
    planar: bool,
    shared: (usize, usize),
    becomes_rgb: bool,
) -> Result<()> {
    let plain = matches!(pixels.meaning, Meaning::Gray { .. } | Meaning::Rgb);
    if !plain && pixels.alpha.is_some_and(|alpha| alpha.premultiplied) {
        let what = "colors multiplied by opacity in CMYK, Lab, YCbCr or a palette";
        return Err(unsupported(what));
    }
    if !plain && planar && shared != (1, 1) {
        return Err(unsupported("YCbCr color in separate planes of different size"));
    }
    if becomes_rgb && (planar || pixels.samples != Pixels::colors(&pixels.meaning)) {
        return Err(unsupported("YCbCr color by JPEG in separate planes, or with more samples"));
    }
    Ok(())
}

/// What values are taken for, where no tag says what they mean.
fn assumption(photometric: u64) -> &'static str {
    match photometric {
        0 => "0 is white",
        1 => "0 is black",
        6 => "luma and chroma",
        _ => "red, green and blue",
    }
}

fn sample_bytes(depth: Depth) -> usize {
    Layout { color: false, alpha: false, depth }.sample_bytes()
}
