//! What is wrong is told in words that are not those of libraries.

use polychromify_core::{Format, Notice, Scan};

use crate::beside::{jpeg_with, png_with, tiff_with_xmp, told};
use crate::files::{File, gray_png};

/// Why a file is damaged.
fn damage(bytes: &[u8]) -> String {
    let file = File::new(bytes);
    let read = |mut scan: Scan| scan.read_lightness(5, &mut |_, _| Ok(()));
    let error = file.open().and_then(read).unwrap_err().to_string();
    let (_, reason) = error.split_once("damaged: ").unwrap();
    reason.to_owned()
}

#[test]
fn damage_is_told_in_words_that_are_not_those_of_libraries() {
    let whole = gray_png(16, 12);
    let data = whole.windows(4).position(|window| window == b"IDAT").unwrap();
    let altered = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    let end = whole.len() - 12;
    let cases = [
        (altered(16), "a checksum does not match: bytes of the file were changed"),
        (altered(end - 2), "a checksum does not match: bytes of the file were changed"),
        ([&whole[..data - 4], &whole[end..]].concat(), "it holds no samples"),
        (png_with(&[(b"IDAT", b"no samples")]), "the compressed samples are broken"),
        (png_with(&[(b"NOne", b"")]), "it has a part of an unknown kind that must be understood"),
    ];
    for (bytes, words) in cases {
        assert_eq!(damage(&bytes), words);
    }
    let webp = told(&File::new(&whole), Format::Webp).0.bytes();
    let data = webp.windows(4).position(|window| window == b"VP8L").unwrap();
    let mut broken = webp.clone();
    broken[data + 14..data + 40].fill(0xA5);
    assert_eq!(damage(&broken), "the compressed samples are broken");
}

#[test]
fn broken_xmp_is_told_in_words_that_are_not_those_of_libraries() {
    for broken in ["<x:xmpmeta", "<a><b></a></b>", "<a b=></a>", "<a>&</a>"] {
        let notices = told(&tiff_with_xmp(broken), Format::Tiff).1;
        let [Notice::XmpLeftOut { reason }] = &notices[..] else { panic!("{notices:?}") };
        assert!(["it is no well-formed XML", "it holds no description"].contains(&&**reason));
    }
    let latin = jpeg_with(&[(0xE1, b"http://ns.adobe.com/xap/1.0/\0<a>\xE4</a>")]);
    let reason = "it is not UTF-8".to_owned();
    assert_eq!(told(&latin, Format::Tiff).1, [Notice::XmpLeftOut { reason }]);
}
