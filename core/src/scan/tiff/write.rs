//! Writes RGB in strips, the descriptive tags of the source beside it.

use std::io::{self, Seek, Write};

use ::tiff::encoder::compression::{CompressionAlgorithm, Lzw, Packbits};
use ::tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard};
use ::tiff::tags::{Tag, Type};
use ::tiff::{Directory as TiffDirectory, TiffError};
use rayon::prelude::*;

use super::Compression;
use crate::scan::color::ColorRows;
use crate::scan::ifd::{self, Directory, Value};
use crate::scan::metadata::{Metadata, density_tags};
use crate::scan::samples::{Layout, Samples};
use crate::scan::{Depth, Result, write_failed};

/// Uncompressed bytes of a strip, about; TIFF 6.0 asks for 8 KiB, which is small for today's files.
const STRIP_BYTES: usize = 512 << 10;

/// Uncompressed size from which on a result is a `BigTIFF`: 4 GiB less room for tags.
const BIG: u64 = (4 << 30) - (256 << 20);

/// Writes the rows with metadata that is true of the result.
pub(in crate::scan) fn write<W: Write + Seek>(
    out: W,
    rows: &mut ColorRows<'_>,
    compression: Compression,
    metadata: &Metadata,
    icc: &[u8],
    xmp: &[u8],
) -> Result<()> {
    let (width, height) = rows.size();
    let bytes = rows.layout().bytes(width, u64::from(height));
    let tags = Tags { compression, metadata, icc, xmp };
    if bytes > BIG {
        write_kind::<W, TiffKindBig>(out, rows, &tags)
    } else {
        write_kind::<W, TiffKindStandard>(out, rows, &tags)
    }
}

struct Tags<'a> {
    compression: Compression,
    metadata: &'a Metadata,
    icc: &'a [u8],
    xmp: &'a [u8],
}

fn write_kind<W: Write + Seek, K: TiffKind>(
    out: W,
    rows: &mut ColorRows<'_>,
    tags: &Tags<'_>,
) -> Result<()> {
    let path = rows.path().to_path_buf();
    let failed = |error: TiffError| {
        let error = match error {
            TiffError::IoError(error) => error,
            error => io::Error::other(error),
        };
        write_failed(&path, error)
    };
    let mut encoder = TiffEncoder::<W, K>::new_generic(out).map_err(failed)?;
    let mut pointers = Directory::new();
    for (tag, sub) in [(34665, &tags.metadata.exif), (34853, &tags.metadata.gps)] {
        if !sub.is_empty() {
            let mut directory = encoder.extra_directory().map_err(failed)?;
            write_tags(&mut directory, sub).map_err(failed)?;
            let at = directory.finish_with_offsets().map_err(failed)?.pointer.0;
            pointers.insert(tag, Value::long(at as u32)); // written first, so within 4 GiB
        }
    }
    let mut directory = encoder.image_directory().map_err(failed)?;
    let strips = write_strips(&mut directory, rows, tags.compression, &failed)?;

    let mut values = tags.metadata.image.clone();
    values.extend(pointers);
    if let Some(density) = &tags.metadata.density() {
        values.extend(density_tags(density));
    }
    let layout = rows.layout();
    let (width, height) = rows.size();
    let channels = layout.channels() as u16;
    values.extend([
        (254, Value::long(0)),
        (256, Value::long(width)),
        (257, Value::long(height)),
        (258, Value::shorts(&vec![8 * layout.sample_bytes() as u16; usize::from(channels)])),
        (259, Value::short(tags.compression.tag())),
        (262, Value::short(2)),
        (277, Value::short(channels)),
        (278, Value::long(rows_per_strip(layout, width).min(height as usize) as u32)),
        (284, Value::short(1)),
        (34675, Value::undefined(tags.icc.to_vec())),
        (700, Value { kind: ifd::kind::BYTE, bytes: tags.xmp.to_vec() }),
    ]);
    if layout.depth == Depth::Float {
        values.insert(339, Value::shorts(&vec![3; usize::from(channels)]));
    } else if tags.compression.predicts() {
        values.insert(317, Value::short(2));
    }
    if layout.alpha {
        values.insert(338, Value::short(2));
    }
    if let Some(iptc) = &tags.metadata.iptc {
        values.insert(33723, Value::undefined(iptc.clone()));
    }
    if let Some(resources) = tags.metadata.resource_block() {
        values.insert(34377, Value { kind: ifd::kind::BYTE, bytes: resources });
    }
    write_tags(&mut directory, &values).map_err(failed)?;
    let small = |list: &[u64]| list.iter().map(|&v| v as u32).collect::<Vec<_>>();
    if strips.offsets.iter().all(|&offset| u32::try_from(offset).is_ok()) {
        directory.write_tag(Tag::StripOffsets, &small(&strips.offsets)[..]).map_err(failed)?;
    } else {
        directory.write_tag(Tag::StripOffsets, &strips.offsets[..]).map_err(failed)?;
    }
    directory.write_tag(Tag::StripByteCounts, &small(&strips.counts)[..]).map_err(failed)?;
    directory.finish().map_err(failed)
}

/// Places of the strips in the file.
#[derive(Default)]
struct Strips {
    offsets: Vec<u64>,
    counts: Vec<u64>,
}

fn write_strips<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    rows: &mut ColorRows<'_>,
    compression: Compression,
    failed: &dyn Fn(TiffError) -> crate::Error,
) -> Result<Strips> {
    let path = rows.path().to_path_buf();
    let layout = rows.layout();
    let width = rows.size().0;
    let row = layout.channels() * width as usize;
    let strip = row * rows_per_strip(layout, width);
    let mut strips = Strips::default();
    let mut write = |raw: &[Samples]| {
        let packed: Vec<io::Result<Vec<u8>>> =
            raw.par_iter().map(|strip| compress(compression, layout, strip, row)).collect();
        for bytes in packed {
            let mut bytes = bytes.map_err(|error| write_failed(&path, error))?;
            strips.counts.push(bytes.len() as u64);
            bytes.extend((bytes.len() % 2 == 1).then_some(0)); // what follows starts on a word
            strips.offsets.push(directory.write_data(&bytes[..]).map_err(failed)?);
        }
        Ok::<(), crate::Error>(())
    };
    let together = rayon::current_num_threads();
    let mut full = Vec::new();
    let mut current = Samples::new(layout.depth);
    while let Some(mut band) = rows.next()? {
        while !band.is_empty() {
            let (now, later) = band.split_at(band.len().min(strip - current.len()));
            current.extend(now);
            band = later;
            if current.len() == strip {
                full.push(std::mem::replace(&mut current, Samples::new(layout.depth)));
                if full.len() >= together {
                    write(&full)?;
                    full.clear();
                }
            }
        }
    }
    if current.len() > 0 {
        full.push(current);
    }
    write(&full)?;
    Ok(strips)
}

fn rows_per_strip(layout: Layout, width: u32) -> usize {
    (STRIP_BYTES as u64 / layout.bytes(width, 1)).max(1) as usize
}

/// The bytes of a strip as the file has them; `row` is in samples.
fn compress(
    compression: Compression,
    layout: Layout,
    strip: &Samples,
    row: usize,
) -> io::Result<Vec<u8>> {
    let mut raw = Vec::with_capacity(strip.len() * layout.sample_bytes());
    if compression.predicts() && layout.depth != Depth::Float {
        differences(strip, row, layout.channels())
            .all()
            .to_bytes(cfg!(target_endian = "big"), &mut raw);
    } else {
        strip.all().to_bytes(cfg!(target_endian = "big"), &mut raw);
    }
    let mut packed = Vec::new();
    match compression {
        Compression::None => return Ok(raw),
        Compression::PackBits => {
            // Runs do not cross rows (TIFF 6.0, section 9).
            for row in raw.chunks_exact(row * layout.sample_bytes()) {
                Packbits.write_to(&mut packed, row)?;
            }
        }
        Compression::Lzw => {
            Lzw.write_to(&mut packed, &raw)?;
        }
        Compression::Deflate => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(packed, flate2::Compression::default());
            encoder.write_all(&raw)?;
            packed = encoder.finish()?;
        }
        Compression::Zstd => packed = zstd::bulk::compress(&raw, 0)?,
    }
    Ok(packed)
}

impl Compression {
    /// Whether results store differences, which dictionaries find more repetition in.
    fn predicts(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstd)
    }
}

/// Each sample less the one a pixel to the left (TIFF 6.0, section 14).
fn differences(strip: &Samples, row: usize, channels: usize) -> Samples {
    let mut strip = strip.clone();
    match &mut strip {
        Samples::Eight(v) => {
            for row in v.chunks_exact_mut(row) {
                for i in (channels..row.len()).rev() {
                    row[i] = row[i].wrapping_sub(row[i - channels]);
                }
            }
        }
        Samples::Sixteen(v) => {
            for row in v.chunks_exact_mut(row) {
                for i in (channels..row.len()).rev() {
                    row[i] = row[i].wrapping_sub(row[i - channels]);
                }
            }
        }
        Samples::Float(_) => {} // differences of floats round
    }
    strip
}

fn write_tags<W: Write + Seek, K: TiffKind>(
    directory: &mut DirectoryEncoder<'_, W, K>,
    tags: &Directory,
) -> Result<(), TiffError> {
    let mut entries = Vec::new();
    for (&tag, value) in tags {
        let Some(kind) = Type::from_u16(value.kind) else { continue };
        let mut value = value.clone();
        if cfg!(target_endian = "big") {
            value.swap();
        }
        let entry = directory.write_entry_bytes(kind, &value.bytes)?;
        if value.bytes.len() % 2 == 1 {
            directory.write_data(&[0_u8][..])?; // what follows starts on a word
        }
        entries.push((Tag::from_u16_exhaustive(tag), entry));
    }
    directory.extend_from(&TiffDirectory::from_iter(entries));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::SamplesMut;
    use crate::scan::rows::Rows;
    use crate::scan::{Limits, Scan};

    #[test]
    fn a_bigtiff_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.png");
        image::GrayImage::from_fn(20, 30, |x, y| image::Luma([(8 * x + y) as u8]))
            .save(&path)
            .unwrap();
        let limits = Limits { pixels: 1000, memory: 1 << 20 };
        let mut scan = Scan::open(&path, &limits).unwrap();
        let layout = scan.header.layout;
        let rows = Rows::new(&scan.header, &mut scan.reader, None).unwrap();
        let paint = |_: u32, lightness: &[f32], rgb: SamplesMut<'_>| {
            if let SamplesMut::Eight(rgb) = rgb {
                rgb.chunks_exact_mut(3).zip(lightness).for_each(|(p, l)| p.fill(*l as u8));
            }
        };
        let size = (20, 30);
        let mut rows = ColorRows::new(
            &path,
            rows,
            (layout, Depth::Eight),
            (size, size),
            &scan.conversion,
            &paint,
            7,
        );
        let metadata = Metadata::default();
        let tags =
            Tags { compression: Compression::Lzw, metadata: &metadata, icc: b"icc", xmp: b"x" };
        let mut out = Cursor::new(Vec::new());
        write_kind::<_, TiffKindBig>(&mut out, &mut rows, &tags).unwrap();
        let written = folder.path().join("big.tif");
        std::fs::write(&written, out.into_inner()).unwrap();
        assert_eq!(std::fs::read(&written).unwrap()[2], 43);
        let info = Scan::open(&written, &limits).unwrap().info().clone();
        assert_eq!((info.width, info.height), size);
    }
}
