//! The chunks of a PNG that say something besides its pixels.

use std::collections::BTreeSet;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::{RAW_PROFILE, XMP};
use crate::budget::{Budget, copied, filled};
use crate::error::damaged;
use crate::metadata::{Density, Metadata, Unit};
use crate::{Error, Notice, Result, Source, notice};

/// Chunks of samples and of what they mean, or that are as true of no other file: the decoder reads
/// them, or nobody misses them.
const OF_SAMPLES: [&[u8; 4]; 24] = [
    b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP",
    b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"bKGD", b"hIST", b"sPLT", b"tIME", b"acTL", b"fcTL",
    b"fdAT", b"iDOT", b"dSIG", b"CgBI",
];

/// Those of them that say what samples mean; the decoder reads them, but for the profile.
const OF_COLOR: [&[u8; 4]; 4] = [b"cICP", b"iCCP", b"gAMA", b"cHRM"];

/// A chunk that holds metadata; of one that must not be copied the data are not read.
pub(super) struct Chunk {
    pub(super) kind: [u8; 4],
    pub(super) data: Vec<u8>,
}

/// Most bytes that a chunk without data counts as: a list of very many takes as much.
const CHUNK_OVERHEAD: u64 = 48;

/// Most kinds of chunks that are told by their names.
const MOST_NAMED: usize = 20;

/// Walks the chunks to the end of the picture: those that say what samples mean, of which only the
/// profile has its data, and those of metadata.
pub(super) fn read(source: &Source, budget: &Budget) -> Result<(Vec<Chunk>, Vec<Chunk>)> {
    let length = source.length();
    let mut reader = BufReader::new(source.stream(0));
    let truncated = || damaged("truncated: the last chunk is missing");
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => truncated(),
        _ => Error::reading(error),
    };
    reader.seek(SeekFrom::Start(8)).map_err(Error::reading)?;
    let mut at = 8;
    let most = budget.metadata_room() as u64;
    let mut left = most;
    let mut found = Vec::new();
    let (mut named, mut named_of_color) = (BTreeSet::new(), BTreeSet::new());
    let mut behind_pixels = false;
    for chunk in 0_u32.. {
        if chunk.is_multiple_of(1024) {
            budget.check_time()?;
        }
        let mut head = [0; 8];
        reader.read_exact(&mut head).map_err(failed)?;
        let [a, b, c, d, kind @ ..] = head;
        let size = u32::from_be_bytes([a, b, c, d]);
        at += 12 + u64::from(size);
        if at > length {
            return Err(truncated());
        }
        if &kind == b"IEND" {
            break;
        }
        behind_pixels |= &kind == b"IDAT";
        let is_read = match &kind {
            b"eXIf" | b"iTXt" | b"zTXt" | b"tEXt" | b"pHYs" => true,
            b"iCCP" => !behind_pixels, // where it counts
            _ => false,
        };
        let is_other = !is_read && !OF_SAMPLES.contains(&&kind);
        if is_read || is_other && may_be_copied(kind) {
            let Some(rest) = left.checked_sub(CHUNK_OVERHEAD + u64::from(size)) else {
                let reason = format!("more than {most} bytes of metadata");
                return Err(Error::Limit(reason));
            };
            left = rest;
            let mut data = filled(0, size as usize)?;
            reader.read_exact(&mut data).map_err(failed)?;
            found.push(Chunk { kind, data });
        } else {
            // One more than are named, so that the others show.
            let is_news = is_other && named.len() <= MOST_NAMED && named.insert(kind);
            if is_news || OF_COLOR.contains(&&kind) && named_of_color.insert(kind) {
                found.push(Chunk { kind, data: Vec::new() });
            }
            // Relative, which keeps the buffer: there may be millions of chunks.
            reader.seek_relative(size.into()).map_err(Error::reading)?;
        }
        reader.seek_relative(4).map_err(Error::reading)?; // the checksum
    }
    Ok(found.into_iter().partition(|chunk| OF_COLOR.contains(&&chunk.kind)))
}

/// Whether a chunk may stay although the samples change (PNG, third edition, 5.4).
fn may_be_copied(kind: [u8; 4]) -> bool {
    kind[3].is_ascii_lowercase()
}

/// What the chunks say, and an ICC profile that is told as text.
pub(super) fn metadata(
    chunks: Vec<Chunk>,
    budget: &Budget,
    notices: &mut Vec<Notice>,
) -> Result<(Metadata, Option<Vec<u8>>)> {
    let mut metadata = Metadata::default();
    let (mut xmp, mut icc) = (None, None);
    let has_exif = chunks.iter().any(|chunk| &chunk.kind == b"eXIf");
    let mut left = budget.metadata_room() as u64;
    let (mut broken_texts, mut named) = (0, 0);
    for Chunk { kind, data } in chunks {
        match &kind {
            b"eXIf" => metadata.add_exif(&data, notices)?,
            b"pHYs" => metadata.density = density(&data),
            b"iTXt" | b"zTXt" | b"tEXt" => {
                let found = text(kind, &data, &mut left)?;
                let profile = found.as_ref().and_then(|(keyword, _)| raw_profile_name(keyword));
                match (found, profile) {
                    (None, _) => broken_texts += 1,
                    (Some((keyword, _)), None) if keyword == XMP.as_bytes() && xmp.is_some() => {
                        notice::add(notices, Notice::repeated("XMP"));
                    }
                    (Some((keyword, text)), None) if keyword == XMP.as_bytes() => xmp = Some(text),
                    (Some(_), None) => metadata.chunks.push((kind, data)),
                    (Some((_, text)), Some(name)) => {
                        let known = match from_raw_profile(&text) {
                            Some(profile) if name.starts_with("ic") => {
                                !icc.insert(profile).is_empty()
                            }
                            Some(profile) => {
                                add_raw_profile(&mut metadata, profile, !has_exif, notices)?
                            }
                            None => false,
                        };
                        broken_texts += usize::from(!known);
                    }
                }
            }
            _ if may_be_copied(kind) => metadata.chunks.push((kind, data)),
            b"caBX" => notices.push(not_of_result("content credentials (C2PA)".into())),
            _ if named == MOST_NAMED => notices.push(not_of_result("other PNG chunks".into())),
            _ => {
                named += 1;
                let name = String::from_utf8_lossy(&kind).into_owned();
                notices.push(not_of_result(format!("PNG chunk {name}")));
            }
        }
    }
    if broken_texts > 0 {
        notices.push(Notice::TextBroken { count: broken_texts });
    }
    metadata.xmp = xmp.or(metadata.xmp); // what has a chunk of its own counts
    // Programs that add EXIF to a PNG leave a resolution in it that nobody measured.
    if let Some(density) = metadata.density {
        metadata.set_density(density);
    }
    Ok((metadata, icc))
}

fn not_of_result(what: String) -> Notice {
    Notice::NotOfResult { what }
}

/// Which profile a text holds in hexadecimal, by its keyword.
fn raw_profile_name(keyword: &[u8]) -> Option<&'static str> {
    let name = keyword.strip_prefix(RAW_PROFILE.as_bytes())?;
    let known = ["exif", "app1", "xmp", "icc", "icm", "iptc", "8bim"];
    known.into_iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Adds what a profile holds, whatever its name: programs differ in what they call APP1 or IPTC.
/// `false`: something else.
fn add_raw_profile(
    metadata: &mut Metadata,
    profile: Vec<u8>,
    with_exif: bool,
    notices: &mut Vec<Notice>,
) -> Result<bool> {
    let starts = |start: &[u8]| profile.starts_with(start);
    if let Some(xmp) = profile.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
        metadata.xmp = Some(xmp.to_vec());
    } else if starts(b"Exif\0\0") || starts(b"II*\0") || starts(b"MM\0*") {
        if with_exif {
            metadata.add_exif(profile.strip_prefix(b"Exif\0\0").unwrap_or(&profile), notices)?;
        }
    } else if starts(b"\x1C") {
        metadata.iptc = Some(profile);
    } else if starts(b"8BIM") || starts(b"Photoshop 3.0\0") {
        let resources = profile.strip_prefix(b"Photoshop 3.0\0").unwrap_or(&profile);
        metadata.add_resources(resources, notices);
    } else if profile.contains(&b'<') {
        metadata.xmp = Some(profile);
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn density(data: &[u8]) -> Option<Density> {
    let &[a, b, c, d, e, f, g, h, unit] = data else { return None };
    let (x, y) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    if x == 0 || y == 0 {
        return None;
    }
    Some(match unit {
        1 => {
            // Whole pixels an inch where that is what was meant.
            let inch = |v: u32| f64::from(v) * 0.0254;
            let whole = |v: u32| (inch(v) - inch(v).round()).abs() < 0.02;
            if whole(x) && whole(y) {
                let value = |v| (inch(v).round() as u32, 1);
                Density { x: value(x), y: value(y), unit: Unit::Inch }
            } else {
                Density { x: (x, 100), y: (y, 100), unit: Unit::Centimeter }
            }
        }
        _ => Density { x: (x, 1), y: (y, 1), unit: Unit::None },
    })
}

/// Keyword and text of a text chunk, `None` if it is broken; of all texts together, `left` bytes may be
/// unpacked.
fn text<'a>(kind: [u8; 4], data: &'a [u8], left: &mut u64) -> Result<Option<(&'a [u8], Vec<u8>)>> {
    let parts = || {
        let (keyword, rest) = split(data)?;
        match &kind {
            b"tEXt" => Some((keyword, false, rest)),
            b"zTXt" => Some((keyword, true, rest.get(1..)?)),
            _ => {
                let (compressed, rest) = (*rest.first()? == 1, rest.get(2..)?);
                let (_language, rest) = split(rest)?;
                let (_translated, rest) = split(rest)?;
                Some((keyword, compressed, rest))
            }
        }
    };
    let Some((keyword, compressed, rest)) = parts() else { return Ok(None) };
    let text = if compressed { inflate(rest, left)? } else { Some(copied(rest)?) };
    Ok(text.map(|text| (keyword, text)))
}

fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&b| b == 0)?;
    Some((&data[..end], &data[end + 1..]))
}

/// `None`: it is broken, or longer than what is left.
fn inflate(data: &[u8], left: &mut u64) -> Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let mut stream = flate2::read::ZlibDecoder::new(data).take(*left);
    let whole = stream.read_to_end(&mut text); // which asks politely for memory
    *left -= text.len() as u64;
    match whole {
        Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => Err(Error::Read(error)),
        whole => Ok((whole.is_ok() && *left > 0).then_some(text)),
    }
}

/// The bytes of a profile in hexadecimal, behind its name and length.
fn from_raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let (_name, rest) = text.split_once('\n')?;
    let (length, digits) = rest.trim_start().split_once('\n')?;
    let length: usize = length.trim().parse().ok()?;
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (bytes.len() == length).then_some(bytes)
}
