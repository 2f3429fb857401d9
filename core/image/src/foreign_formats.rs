//! Files of other programs and cameras, told by their first bytes so that they are refused by name.

/// Bytes that [`name`] needs.
pub(crate) const START: u64 = 32;

/// What a file is that is not read; `None`: nothing known.
pub(crate) fn name(start: &[u8]) -> Option<&'static str> {
    Some(match start {
        [b'I', b'I', 42, 0, _, _, _, _, b'C', b'R', ..] => "camera raw of Canon (CR2)",
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => {
            "camera raw of Olympus (ORF)"
        }
        [b'I', b'I', b'U', 0, ..] => "camera raw of Panasonic (RW2)",
        [b'F', b'O', b'V', b'b', ..] => "camera raw of Sigma (X3F)",
        [0, b'M', b'R', b'M', ..] => "camera raw of Minolta (MRW)",
        _ if start.starts_with(b"FUJIFILMCCD-RAW") => "camera raw of Fujifilm (RAF)",
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4)? {
            b"crx " => "camera raw of Canon (CR3)",
            b"avif" | b"avis" => "AVIF",
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => "HEIC",
            b"jp2 " | b"jpx " | b"jpm " => "JPEG 2000",
            _ => "a film",
        },
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => "JPEG 2000",
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] | [0xFF, 0x0A, ..] => "JPEG XL",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop document (PSD)",
        [b'G', b'I', b'F', b'8', ..] => "GIF",
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => "BMP",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [0x76, 0x2F, 0x31, 0x01, ..] => "OpenEXR",
        [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] => "PNM",
        _ if start.starts_with(b"gimp xcf ") => "a GIMP document (XCF)",
        _ if start.starts_with(b"AT&TFORM") => "DjVu",
        _ => return None,
    })
}
