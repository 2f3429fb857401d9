//! What a scan's file says besides its pixels, carried to results of any format.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use self::block::Block;
use self::ifd::{Directory, Value, kind};
use self::left_out::Allowance;
use crate::color::lab::RgbSpace;
use crate::{Notice, Orientation, Result, notice};

mod block;
mod density;
mod exif;
mod format;
pub(crate) mod ifd;
pub(crate) mod left_out;
pub(crate) mod tag;

pub(crate) use density::{Density, Unit, density_tags};

/// Tags of an image directory that tell how its pixels are stored or what their values mean, or
/// that point to other directories; a result has its own. TIFF 6.0 and its supplements; then
/// Photoshop's layers, and what programs of microscopes, scanners of gels, maps and cameras say of
/// the samples: `MetaMorph`, Molecular Dynamics, LSM, `ImageJ`, GDAL, Micro-Manager, NDPI, TIFF/EP.
const STRUCTURAL: &[u16] = &[
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288,
    289, 290, 291, 292, 293, 300, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333,
    334, 336, 338, 339, 340, 341, 342, 343, 344, 345, 346, 347, 400, 401, 402, 403, 404, 405, 512,
    513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559, 700, 33723, 34377, 34665,
    34675, 34853, 37724, 40965, //
    33421, 33422, 33424, 33445, 33446, 33447, 33628, 33629, 33630, 33631, 34361, 34362, 34412,
    37395, 37439, 42113, 50838, 50839, 51123, 65426, 65427, 65432, 65439,
];

/// Tags of DNG (its specification, 1.7, "DNG Tags"), which tell how to develop raw samples.
const DNG: RangeInclusive<u16> = 50706..=52600;

/// Those of them that tell of the camera and its owner: `UniqueCameraModel`,
/// `LocalizedCameraModel`, `CameraSerialNumber`, `LensInfo`, `OriginalRawFileName`.
const DNG_OF_CAMERA: &[u16] = &[50708, 50709, 50735, 50736, 50827];

/// Tags that place the pixels on the ground (`GeoTIFF` 1.1, 7.1), in pixels of the full size.
const GEOGRAPHIC: &[u16] = &[33550, 33922, 34264, 34735, 34736, 34737];

/// Photoshop's resources that are carried elsewhere or are not true of a result (Adobe Photoshop
/// File Formats Specification, "Image Resource IDs"): size and mode; resolution; names and colors
/// of alpha channels; transfer functions and halftones, of duotones too; layers; thumbnails; ICC
/// profile; palette; EXIF and XMP.
const FALSE_RESOURCES: &[u16] = &[
    0x03E8, 0x03ED, 0x03EE, 0x03EF, 0x03F4, 0x03F5, 0x03F6, 0x03F7, 0x03F8, 0x03F9, 0x03FA, 0x0400,
    0x0402, 0x0409, 0x040C, 0x040F, 0x0410, 0x0415, 0x0416, 0x0417, 0x041D, 0x0422, 0x0423, 0x0424,
    0x042D, 0x0430, 0x0435,
];

/// Most of Photoshop's image resources, of which a file has some dozens: an empty one takes many times its
/// bytes.
const MOST_RESOURCES: usize = 10_000;

/// Metadata of a file, format by format brought to the same form.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Image tags without the structural ones.
    pub(crate) image: Directory,
    /// Whether an EXIF block was read.
    has_exif: bool,
    /// The EXIF directory.
    pub(crate) exif: Directory,
    /// Where the maker's note lay in its block: it may hold offsets that start there.
    pub(crate) maker_note_at: Option<u32>,
    /// The GPS directory.
    pub(crate) gps: Directory,
    /// The XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
    /// IPTC-IIM data sets.
    pub(crate) iptc: Option<Vec<u8>>,
    /// Photoshop's image resources besides IPTC and thumbnails.
    pub(crate) resources: Vec<Resource>,
    /// Resolution that is told outside of EXIF: JFIF, pHYs.
    pub(crate) density: Option<Density>,
    /// Whether EXIF says that the samples are Adobe RGB.
    pub(crate) is_adobe_rgb: bool,
    /// APP segments and comments of a JPEG whose contents are not understood, by number.
    pub(crate) segments: Vec<(u8, Vec<u8>)>,
    /// Text chunks of a PNG by type, and others that may stay although the samples change.
    pub(crate) chunks: Vec<([u8; 4], Vec<u8>)>,
}

/// One of Photoshop's image resources ("8BIM" blocks).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    id: u16,
    /// Pascal string, padded to an even length.
    name: Vec<u8>,
    data: Vec<u8>,
}

impl Metadata {
    /// Adds the tags of an EXIF block (without the "Exif\0\0" of JPEG), or tells that it is broken. Of
    /// several blocks the first counts that can be read, as with other programs.
    ///
    /// Fails where there is no memory for them.
    pub(crate) fn add_exif(&mut self, bytes: &[u8], notices: &mut Vec<Notice>) -> Result<()> {
        if self.has_exif {
            notice::add(notices, Notice::repeated("EXIF"));
            return Ok(());
        }
        let Some((block, first)) = Block::new(bytes) else {
            notice::add(notices, Notice::ExifBroken);
            return Ok(());
        };
        let mut allowance = Allowance::new(block.length());
        let Some(image) = block.directory(first, &mut allowance)? else {
            notice::add(notices, Notice::ExifBroken);
            return Ok(());
        };
        self.has_exif = true;
        let pointer = |from: &Directory, tag| usize::try_from(from.get(&tag)?.whole_number()?).ok();
        for (tag, directory) in [(tag::EXIF, &mut self.exif), (tag::GPS, &mut self.gps)] {
            let found = match pointer(&image, tag) {
                Some(at) => block.directory(at, &mut allowance)?,
                None => None,
            };
            if found.is_none() && image.contains_key(&tag) {
                allowance.unreadable(tag);
            }
            *directory = found.unwrap_or_default();
        }
        let interoperability = match pointer(&self.exif, tag::INTEROPERABILITY) {
            Some(at) => block.directory(at, &mut Allowance::new(block.length()))?,
            None => None,
        };
        self.is_adobe_rgb = says_adobe_rgb(&self.exif, interoperability.as_ref());
        let exif = pointer(&image, tag::EXIF);
        let note = exif.and_then(|exif| block.place(exif, tag::MAKER_NOTE));
        self.maker_note_at = note.and_then(|at| u32::try_from(at).ok());
        self.add_blocks(&image, notices);
        self.add_image(image);
        for notice in allowance.into_notices() {
            notice::add(notices, notice);
        }
        Ok(())
    }

    /// Adds XMP, IPTC and Photoshop's resources that are tags of an image directory, unless they are
    /// told elsewhere.
    pub(crate) fn add_blocks(&mut self, image: &Directory, notices: &mut Vec<Notice>) {
        let block = |tag| image.get(&tag).and_then(block_bytes);
        self.xmp = self.xmp.take().or_else(|| block(tag::XMP));
        let iptc = self.iptc.take().or_else(|| image.get(&tag::IPTC).and_then(iptc_bytes));
        if let Some(resources) = block(tag::PHOTOSHOP) {
            self.add_resources(&resources, notices);
        }
        self.iptc = iptc.or(self.iptc.take());
    }

    /// Adds the tags of an image directory that stay true.
    pub(crate) fn add_image(&mut self, directory: Directory) {
        self.image.extend(directory.into_iter().filter(|(tag, value)| stays_true(*tag, value)));
    }

    /// Adds Photoshop's image resources, and the IPTC among them. A file may tell them in two
    /// blocks: those that are known already stay as they are.
    pub(crate) fn add_resources(&mut self, bytes: &[u8], notices: &mut Vec<Notice>) {
        let known: BTreeSet<u16> = self.resources.iter().map(|resource| resource.id).collect();
        let (found, all) = resources(bytes);
        if !all {
            let what = format!("Photoshop's resources beyond {MOST_RESOURCES}");
            notice::add(notices, Notice::MetadataOverLimit { what });
        }
        for resource in found {
            match resource.id {
                0x0404 => self.iptc = Some(resource.data),
                id if FALSE_RESOURCES.contains(&id) || known.contains(&id) => {}
                _ => self.resources.push(resource),
            }
        }
    }

    /// Bytes that are carried.
    pub(crate) fn bytes(&self) -> usize {
        let directories = [&self.image, &self.exif, &self.gps].into_iter();
        let tags = directories.flat_map(Directory::values).map(|value| value.bytes.len());
        let blocks = [&self.xmp, &self.iptc].into_iter().flatten().map(Vec::len);
        let resources = self.resources.iter().map(|resource| resource.data.len());
        let segments = self.segments.iter().map(|(_, data)| data.len());
        let chunks = self.chunks.iter().map(|(_, data)| data.len());
        tags.chain(blocks).chain(resources).chain(segments).chain(chunks).sum()
    }

    /// The XMP packet.
    pub fn xmp(&self) -> Option<&[u8]> {
        self.xmp.as_deref()
    }

    /// How the stored picture is to be turned to be upright.
    pub fn orientation(&self) -> Orientation {
        let value = self.image.get(&tag::ORIENTATION).and_then(Value::whole_number).unwrap_or(1);
        Orientation::from_exif(value as u32)
    }

    /// Resolution, as EXIF or TIFF tells it, else as JFIF or pHYs do.
    pub(crate) fn density(&self) -> Option<Density> {
        let value = |tag| self.image.get(&tag)?.fraction();
        let tags = || {
            let unit = match self.image.get(&tag::RESOLUTION_UNIT).and_then(Value::whole_number) {
                Some(1) => Unit::None,
                Some(3) => Unit::Centimeter,
                _ => Unit::Inch,
            };
            Some(Density { x: value(tag::X_RESOLUTION)?, y: value(tag::Y_RESOLUTION)?, unit })
        };
        tags().or(self.density)
    }

    /// What a result of `to` pixels in a color space, from a source of `from` pixels, carries.
    #[must_use]
    pub fn for_result(&self, from: (u32, u32), to: (u32, u32), space: RgbSpace) -> Self {
        let mut result = self.clone();
        if !result.exif.is_empty() {
            // EXIF 3.0, 4.6.6: sRGB, or "uncalibrated" for all others.
            let space = if space == RgbSpace::Srgb { 1 } else { 0xFFFF };
            result.exif.insert(tag::COLOR_SPACE, Value::short(space));
            for tag in [tag::INTEROPERABILITY, tag::GAMMA, tag::COMPRESSED_BITS] {
                result.exif.remove(&tag);
            }
            for (tag, size) in [(tag::PIXEL_WIDTH, to.0), (tag::PIXEL_HEIGHT, to.1)] {
                if let Some(value) = result.exif.get_mut(&tag) {
                    *value = Value::long(size);
                }
            }
        }
        if from != to {
            result.image.retain(|tag, _| !GEOGRAPHIC.contains(tag));
            result.chunks.retain(|(kind, _)| is_text(*kind));
        }
        for directory in [&mut result.image, &mut result.exif, &mut result.gps] {
            directory.retain(|_, value| value.make_classic());
        }
        if let Some(mut density) = self.density() {
            if from != to {
                let scale = |from: u32, to: u32| f64::from(to) / f64::from(from);
                density = density.scaled((scale(from.0, to.0), scale(from.1, to.1)));
            }
            result.set_density(density);
        }
        result
    }

    /// Numbers a page, from 0, of a result that has fewer pages than its source had, if it is
    /// numbered.
    pub fn set_page(&mut self, page: usize, pages: usize) {
        if let Some(value) = self.image.get_mut(&tag::PAGE_NUMBER) {
            let number = |value: usize| u16::try_from(value).unwrap_or(0);
            *value = Value::shorts(&[number(page), number(pages)]);
        }
    }

    /// Photoshop's image resources, IPTC among them; `None` if there are none.
    pub(crate) fn resource_block(&self) -> Option<Vec<u8>> {
        let iptc = self.iptc.as_ref().map(|data| Resource {
            id: 0x0404,
            name: vec![0, 0],
            data: data.clone(),
        });
        let mut block = Vec::new();
        for resource in iptc.iter().chain(&self.resources) {
            block.extend(b"8BIM");
            block.extend(resource.id.to_be_bytes());
            block.extend(&resource.name);
            block.extend((resource.data.len() as u32).to_be_bytes());
            block.extend(&resource.data);
            block.extend((resource.data.len() % 2 == 1).then_some(0));
        }
        (!block.is_empty()).then_some(block)
    }

    /// Sets the resolution, also where EXIF tells one.
    pub(crate) fn set_density(&mut self, density: Density) {
        self.density = Some(density);
        if self.image.contains_key(&tag::X_RESOLUTION) {
            self.image.extend(density_tags(&density));
        }
    }
}

/// Whether a chunk of a PNG is text.
fn is_text(kind: [u8; 4]) -> bool {
    matches!(&kind, b"tEXt" | b"zTXt" | b"iTXt")
}

/// Whether a tag of an image directory is as true of a result as of its source.
fn stays_true(tag: u16, value: &Value) -> bool {
    let of_samples = tag == tag::IMAGE_DESCRIPTION && describes_samples(&value.bytes);
    tag_stays_true(tag) && !of_samples
}

/// The same of all values of a tag.
fn tag_stays_true(tag: u16) -> bool {
    let developed = DNG.contains(&tag) && !DNG_OF_CAMERA.contains(&tag);
    !STRUCTURAL.contains(&tag) && !developed
}

/// Whether a tag of an image directory is metadata, and not one of those that tell of its samples: it
/// stays true, or is a block or the place of a directory of metadata.
pub(crate) fn is_metadata(tag: u16) -> bool {
    const BLOCKS: [u16; 6] =
        [tag::XMP, tag::IPTC, tag::PHOTOSHOP, tag::EXIF, tag::GPS, tag::ICC_PROFILE];
    BLOCKS.contains(&tag) || tag_stays_true(tag)
}

/// Whether a description is that of `ImageJ`, OME or tifffile, who tell in it how samples and pages
/// make up an array of more dimensions.
fn describes_samples(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    let ome = start.starts_with(b"<?xml") || start.starts_with(b"<OME");
    start.starts_with(b"ImageJ=")
        || start.starts_with(b"{\"shape\":")
        || ome && text.windows(5).take(4096).any(|window| window == b"<OME ")
}

/// Whether a camera says that its samples are Adobe RGB: by the interoperability index of an option
/// file (DCF 2.0, 3.3), or by a color space that some write.
fn says_adobe_rgb(exif: &Directory, interoperability: Option<&Directory>) -> bool {
    match exif.get(&tag::COLOR_SPACE).and_then(Value::whole_number) {
        Some(1) => false,
        Some(2) => true,
        _ => interoperability.is_some_and(|directory| {
            let index = directory.get(&tag::INTEROPERABILITY_INDEX);
            index.is_some_and(|index| index.bytes.starts_with(b"R03"))
        }),
    }
}

/// The bytes of a value that holds a block of another format, such as XMP or IPTC.
pub(crate) fn block_bytes(value: &Value) -> Option<Vec<u8>> {
    match value.kind {
        kind::BYTE | kind::UNDEFINED | kind::ASCII | 6 | kind::LONG => Some(value.bytes.clone()),
        _ => None,
    }
}

/// IPTC is often stored as 32-bit numbers, then in either order.
fn iptc_bytes(value: &Value) -> Option<Vec<u8>> {
    let bytes = block_bytes(value)?;
    if bytes.first() != Some(&0x1C) && bytes.get(3) == Some(&0x1C) {
        let mut swapped = Value { kind: kind::LONG, bytes };
        swapped.swap();
        return Some(swapped.bytes);
    }
    Some(bytes)
}

/// Splits Photoshop's image resources, up to the first that is broken (Adobe Photoshop File
/// Formats Specification, "Image Resource Blocks"), and tells whether these are all.
fn resources(mut bytes: &[u8]) -> (Vec<Resource>, bool) {
    let mut found = Vec::new();
    while let Some((resource, rest)) = first_resource(bytes) {
        if found.len() == MOST_RESOURCES {
            return (found, false);
        }
        found.push(resource);
        bytes = rest;
    }
    (found, true)
}

fn first_resource(bytes: &[u8]) -> Option<(Resource, &[u8])> {
    let rest = bytes.strip_prefix(b"8BIM")?;
    let id = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
    let name_length = (usize::from(*rest.get(2)?) + 1).next_multiple_of(2);
    let name = rest.get(2..2 + name_length)?.to_vec();
    let rest = &rest[2 + name_length..];
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    let data = rest.get(..length)?.to_vec();
    let rest = rest.get(length.checked_add(length % 2)?..).unwrap_or_default();
    Some((Resource { id, name, data }, rest))
}
