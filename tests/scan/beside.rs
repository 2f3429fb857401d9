//! What files of the field say beside their pixels is kept, or told as left out.

use polychromify_core::{Error, Format, Notice};
use polychromify_image::Orientation;
use polychromify_image::color::lab::RgbSpace;
use polychromify_image::color::output_profiles::profile;

use crate::carried::image_tags;
use crate::files::{
    File, Tiff, colored, encoding, gray_png, jpeg, lightness, png, samples, to_eight,
};

/// A result with what was left out of it or assumed.
pub(crate) fn told(file: &File, format: Format) -> (File, Vec<Notice>) {
    let mut scan = file.open().unwrap();
    lightness(&mut scan);
    let result = colored(&mut scan, &encoding(format)).unwrap();
    let notices = scan.notices().iter().map(|notice| notice.notice.clone()).collect();
    (File::new(&result), notices)
}

/// A packet of one description that begins with these attributes.
pub(crate) fn packet(attributes: &str, elements: &str) -> String {
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
}

pub(crate) fn tiff_with_xmp(packet: &str) -> File {
    let mut tiff = Tiff::new((16, 12), 1, 8);
    tiff.tags.push((700, 1, packet.as_bytes().to_vec()));
    File::new(&tiff.bytes(&samples(16, 12, 1)))
}

#[test]
fn no_packet_is_too_large_for_the_label_in_jpeg() {
    let large = "A".repeat(90_000);
    let sources = [
        packet(&format!(r#"rdf:about="" dc:source="box 12" dc:identifier="{large}""#), ""),
        packet(r#"rdf:about="" dc:source="box 12""#, &format!("<dc:title>{large}</dc:title>")),
        packet(&format!(r#"rdf:about="" xmlns:a="urn:{large}" dc:source="box 12""#), ""),
    ];
    for source in sources {
        let (result, notices) = told(&tiff_with_xmp(&source), Format::Jpeg);
        assert_eq!(notices, []);
        assert!(
            result.open().unwrap().label().unwrap().unwrap().software.starts_with("Polychromify")
        );
        // Readers of the standard packet alone find the label.
        let bytes = result.bytes();
        let at = bytes.windows(4).position(|w| w == b"http").unwrap();
        let standard = String::from_utf8_lossy(&bytes[at..at + 65_000]);
        assert!(standard.contains("compositeWithTrainedAlgorithmicMedia"));
        let again = told(&result, Format::Tiff).0.bytes();
        for part in [large.as_bytes(), b"box 12"] {
            assert!(again.windows(part.len()).any(|w| w == part));
        }
    }
}

#[test]
fn a_packet_that_cannot_be_taken_apart_gives_way_to_the_label() {
    let large = packet(r#"rdf:about="""#, &format!("<dc:title>{}</dc:title>", "A".repeat(90_000)));
    let odd = large.replace("\"adobe:ns:meta/\"", "\"adobe:ns:meta/\" odd");
    let (result, notices) = told(&tiff_with_xmp(&odd), Format::Jpeg);
    assert!(matches!(&notices[..], [Notice::XmpLeftOut { .. }]), "{notices:?}");
    assert!(result.open().unwrap().label().unwrap().is_some());
}

#[test]
fn a_label_that_has_no_room_is_an_error() {
    let large = packet(&format!(r#"rdf:about="{}""#, "A".repeat(90_000)), "");
    let mut scan = tiff_with_xmp(&large).open().unwrap();
    let error = colored(&mut scan, &encoding(Format::Jpeg)).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("label"), "{error}");
}

/// A little-endian directory that lies at `at`, with its values behind it; of number, type, value.
pub(crate) fn directory(at: usize, entries: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let mut values = at + 2 + 12 * entries.len() + 4;
    let mut bytes = (entries.len() as u16).to_le_bytes().to_vec();
    let mut behind = Vec::new();
    for &(tag, kind, value) in entries {
        let item = match kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 => 8,
            _ => 1,
        };
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend((value.len() as u32 / item).to_le_bytes());
        if value.len() > 4 {
            bytes.extend((values as u32).to_le_bytes());
            behind.extend(value);
            behind.resize(behind.len().next_multiple_of(2), 0);
            values = at + 2 + 12 * entries.len() + 4 + behind.len();
        } else {
            bytes.extend(value.iter().copied().chain([0; 4]).take(4));
        }
    }
    bytes.extend([0; 4]);
    [bytes, behind].concat()
}

/// An EXIF block of one directory.
pub(crate) fn exif(entries: &[(u16, u16, &[u8])]) -> Vec<u8> {
    [b"II*\0\x08\0\0\0".to_vec(), directory(8, entries)].concat()
}

pub(crate) fn holds(file: &File, part: &[u8]) -> bool {
    file.bytes().windows(part.len()).any(|window| window == part)
}

/// A PNG of gray in red, green and blue, with more.
fn gray_in_color(more: impl FnOnce(&mut png::Info<'static>)) -> File {
    let gray = to_eight(&samples(16, 12, 1));
    let rgb: Vec<u8> = gray.iter().flat_map(|&v| [v; 3]).collect();
    File::new(&png((16, 12), png::ColorType::Rgb, png::BitDepth::Eight, &rgb, more))
}

/// Adds a profile as text in hexadecimal, in a chunk of one of the three kinds.
fn raw_profile(info: &mut png::Info<'_>, chunk: usize, name: &str, profile: &[u8]) {
    use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};
    let keyword = format!("Raw profile type {name}");
    let digits: Vec<String> = profile.iter().map(|byte| format!("{byte:02X}")).collect();
    let lines: Vec<String> = digits.chunks(36).map(<[String]>::concat).collect();
    let text = format!("\n{name}\n{:8}\n{}\n", profile.len(), lines.join("\n"));
    match chunk {
        0 => info.uncompressed_latin1_text.push(TEXtChunk::new(keyword, text)),
        1 => info.compressed_latin1_text.push(ZTXtChunk::new(keyword, text)),
        _ => info.utf8_text.push(ITXtChunk::new(keyword, text)),
    }
}

/// Photoshop's resources: IPTC, and another.
const RESOURCES: &[u8] =
    b"8BIM\x04\x04\0\0\0\0\0\x0A\x1C\x02\x78\0\x05Hello8BIM\x04\x21\0\0\0\0\0\x10http://a.example";
const IPTC: &[u8] = b"\x1C\x02\x78\0\x05Hello";

#[test]
fn raw_profiles_of_a_png_are_read_as_the_chunks_are() {
    let block = exif(&[(270, 2, b"Glass negative\0"), (274, 3, &[6, 0])]);
    let exif = [b"Exif\0\0", &block[..]].concat();
    let xmp = packet(r#"rdf:about="" dc:source="box 12""#, "").into_bytes();
    let app1 = [b"http://ns.adobe.com/xap/1.0/\0", &xmp[..]].concat();
    for chunk in 0..3 {
        for (name, profile) in [("exif", &exif), ("exif", &block), ("APP1", &exif)] {
            let file = gray_in_color(|info| raw_profile(info, chunk, name, profile));
            let tags = image_tags(&told(&file, Format::Tiff).0, Format::Tiff);
            assert_eq!((&*tags[&270], &*tags[&274]), ("Glass negative", "6"), "{name}");
            let orientation = file.open().unwrap().info().orientation;
            assert_eq!(orientation, Orientation::from_exif(6));
        }
        for (name, profile) in [("xmp", &xmp), ("APP1", &app1)] {
            let file = gray_in_color(|info| raw_profile(info, chunk, name, profile));
            assert!(holds(&told(&file, Format::Tiff).0, b"box 12"), "{name}");
        }
        for (name, profile) in [("iptc", IPTC), ("iptc", RESOURCES), ("8bim", RESOURCES)] {
            let file = gray_in_color(|info| raw_profile(info, chunk, name, profile));
            assert!(holds(&told(&file, Format::Tiff).0, IPTC), "{name}");
        }
        for name in ["icc", "icm"] {
            let adobe = profile(RgbSpace::AdobeRgb);
            let proper = gray_in_color(|info| info.icc_profile = Some(adobe.into()));
            let raw = gray_in_color(|info| raw_profile(info, chunk, name, adobe));
            assert_eq!(raw.lightness(), proper.lightness());
            let both = gray_in_color(|info| {
                info.icc_profile = Some(adobe.into());
                raw_profile(info, chunk, name, profile(RgbSpace::ProPhoto));
            });
            assert_eq!(both.lightness(), proper.lightness());
        }
        let broken = gray_in_color(|info| raw_profile(info, chunk, "exif", &[]));
        assert_eq!(told(&broken, Format::Png).1, [Notice::TextBroken { count: 1 }]);
    }
}

#[test]
fn chunks_count_more_than_raw_profiles() {
    let [first, second] = ["of the chunk\0", "of the text.\0"];
    let file = gray_in_color(|info| {
        info.exif_metadata = Some(exif(&[(270, 2, first.as_bytes())]).into());
        raw_profile(info, 1, "exif", &exif(&[(270, 2, second.as_bytes()), (271, 2, b"Epson\0")]));
    });
    let tags = image_tags(&told(&file, Format::Tiff).0, Format::Tiff);
    assert!(tags[&270] == "of the chunk" && !tags.contains_key(&271), "{tags:?}");
}

#[test]
fn resources_without_iptc_stay_in_png() {
    let other = &RESOURCES[22..];
    let file = gray_in_color(|info| raw_profile(info, 1, "8bim", other));
    let (result, notices) = told(&file, Format::Png);
    assert_eq!(notices, []);
    assert!(holds(&told(&result, Format::Jpeg).0, other));
}

/// A JPEG with these segments behind its first.
pub(crate) fn jpeg_with(segments: &[(u8, &[u8])]) -> File {
    let plain = jpeg((16, 12), 1, |_| {});
    let mut bytes = plain[..2].to_vec();
    for (marker, data) in segments {
        bytes.extend([0xFF, *marker]);
        bytes.extend((data.len() as u16 + 2).to_be_bytes());
        bytes.extend(*data);
    }
    File::new(&[&bytes, &plain[2..]].concat())
}

/// What notices tell as not true of a result.
fn untrue(notices: &[Notice]) -> Vec<&str> {
    fn what(notice: &Notice) -> &str {
        match notice {
            Notice::NotOfResult { what } => what,
            other => panic!("{other}"),
        }
    }
    notices.iter().map(what).collect()
}

#[test]
fn videos_and_gain_maps_are_left_out_with_what_xmp_says_of_them() {
    let names = r#"rdf:about="" dc:source="box 12" xmlns:g="http://ns.google.com/photos/1.0/camera/" xmlns:c="http://ns.google.com/photos/1.0/container/" xmlns:i="http://ns.google.com/photos/1.0/container/item/" xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" g:SpecialTypeID="kept""#;
    let directory = r#"<c:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><c:Item i:Length="4032" i:Mime="video/mp4"/></rdf:li></rdf:Seq></c:Directory>"#;
    let attributes =
        r#"g:MotionPhoto="1" g:MicroVideo="1" g:MicroVideoOffset="4032" h:Version="1.0""#;
    let elements = "<g:MotionPhoto>1</g:MotionPhoto><g:MotionPhotoPresentationTimestampUs/>\
                    <g:MicroVideoOffset>4032</g:MicroVideoOffset><h:GainMapMin>4032</h:GainMapMin>";
    for source in [
        packet(&format!("{names} {attributes}"), directory),
        packet(names, &format!("{elements}{directory}")),
    ] {
        for format in [Format::Jpeg, Format::Png, Format::Tiff] {
            let xmp = [b"http://ns.adobe.com/xap/1.0/\0", source.as_bytes()].concat();
            let (result, notices) = told(&jpeg_with(&[(0xE1, &xmp)]), format);
            let expected = ["gain map", "list of the file's parts", "motion photo"];
            assert_eq!(untrue(&notices), expected);
            assert!(holds(&result, b"box 12") && holds(&result, b"g:SpecialTypeID=\"kept\""));
            for gone in ["MotionPhoto", "MicroVideo", "4032", "Directory", "<h:", " h:"] {
                assert!(!holds(&result, gone.as_bytes()), "{gone}");
            }
            assert_eq!(told(&result, format).1, []);
        }
    }
}

#[test]
fn a_list_of_further_pictures_is_left_out_and_told() {
    let file = jpeg_with(&[
        (0xE2, b"MPF\0II*\0\x08\0\0\0"),
        (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
    ]);
    let (result, notices) = told(&file, Format::Jpeg);
    assert_eq!(untrue(&notices), ["gain map", "list of further pictures (MPF)"]);
    assert!(!holds(&result, b"MPF\0") && !holds(&result, b"21496"));
}

#[test]
fn the_url_of_the_rights_is_kept() {
    let url = b"8BIM\x04\x0B\0\0\0\0\0\x10http://a.example";
    let file = jpeg_with(&[(0xED, &[b"Photoshop 3.0\0", &url[..]].concat())]);
    for format in [Format::Jpeg, Format::Tiff] {
        let (result, notices) = told(&file, format);
        assert!(notices.is_empty() && holds(&result, url));
    }
    let (result, notices) = told(&file, Format::Png);
    assert!(notices.is_empty() && holds(&told(&result, Format::Tiff).0, url));
}

fn no_place(format: &str, parts: &[&str]) -> Notice {
    let parts = parts.iter().map(|&part| part.to_owned()).collect();
    Notice::NoPlace { format: format.to_owned(), parts }
}

#[test]
fn what_is_not_understood_stays_in_its_format_and_is_told_elsewhere() {
    let parts: [(u8, &[u8]); 4] = [
        (0xE3, b"Meta\0\0MM\0*film 078"),
        (0xEC, b"Ducky\0\x01\0\x04\0\0\0\x3C\0\x03\0\x04\0\0\0\x01\0\0"),
        (0xEC, b"Ducky\0\x01\0\x04\0\0\0\x3C\0\0"), // quality alone
        (0xFE, b"box 12, no. 7"),
    ];
    let file = jpeg_with(&parts);
    let (result, notices) = told(&file, Format::Jpeg);
    assert_eq!(notices, []);
    assert!(holds(&result, parts[0].1) && holds(&result, b"\xFF\xFE\0\x0Fbox 12, no. 7"));
    assert!(holds(&result, b"\0\x11Ducky\0\x03\0\x04\0\0\0\x01\0\0"));
    assert_eq!(result.bytes().windows(5).filter(|w| w == b"Ducky").count(), 1);
    assert_eq!(told(&result, Format::Jpeg).1, []);
    for (format, name) in [(Format::Png, "PNG"), (Format::Tiff, "TIFF"), (Format::Webp, "WebP")] {
        let expected = no_place(name, &["APP12 Ducky", "APP3 Meta", "JPEG comment"]);
        assert_eq!(told(&file, format).1, [expected]);
    }
    let file = jpeg_with(&[(0xE0, b"AVI1\0"), (0xE0, b"JFXX\0\x10thumbnail"), (0xE8, b"SPIFF\0")]);
    let (result, notices) = told(&file, Format::Jpeg);
    assert_eq!(notices, [no_place("JPEG", &["APP0 AVI1"])]);
    assert!(!holds(&result, b"thumbnail") && !holds(&result, b"SPIFF"));
    let file = jpeg_with(&[(0xEB, b"JP\0\x01c2pa")]);
    let (result, notices) = told(&file, Format::Jpeg);
    assert_eq!(untrue(&notices), ["content credentials or other boxes (JUMBF)"]);
    assert!(!holds(&result, b"c2pa"));
}

#[test]
fn texts_stay_in_png_and_are_told_elsewhere() {
    use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};
    let file = gray_in_color(|info| {
        let text = |keyword: &str| (keyword.to_owned(), "box 12".to_owned());
        let (title, author, comment) = (text("Title"), text("Author"), text("Comment"));
        info.uncompressed_latin1_text.push(TEXtChunk::new(title.0, title.1));
        info.compressed_latin1_text.push(ZTXtChunk::new(author.0, author.1));
        info.utf8_text.push(ITXtChunk::new(comment.0, comment.1));
    });
    let (result, notices) = told(&file, Format::Png);
    assert_eq!(notices, []);
    for format in [Format::Jpeg, Format::Tiff, Format::Webp] {
        let (first, second) = (told(&file, format).1, told(&result, format).1);
        assert_eq!(first, second);
        let Notice::NoPlace { parts, .. } = &first[0] else { panic!("{first:?}") };
        assert_eq!(parts[..], ["PNG text Author", "PNG text Comment", "PNG text Title"]);
    }
}

#[test]
fn webp_has_no_place_for_iptc_and_says_so() {
    let file = gray_in_color(|info| raw_profile(info, 1, "8bim", RESOURCES));
    let expected = no_place("WebP", &["IPTC", "Photoshop's resources"]);
    assert_eq!(told(&file, Format::Webp).1, [expected]);
}

/// A gray PNG with chunks behind its header.
pub(crate) fn png_with(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    with_chunks(&gray_png(16, 12), chunks)
}

/// A PNG with chunks behind its header.
pub(crate) fn with_chunks(png: &[u8], chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    const HEADER: usize = 33;
    let (header, rest) = png.split_at(HEADER);
    let mut bytes = header.to_vec();
    for (kind, data) in chunks {
        let mut crc = flate2::Crc::new();
        crc.update(*kind);
        crc.update(data);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend([&kind[..], data, &crc.sum().to_be_bytes()].concat());
    }
    bytes.extend(rest);
    bytes
}

#[test]
fn chunks_that_may_be_copied_stay_in_png_and_others_are_told() {
    let chunks: [(&[u8; 4], &[u8]); 5] = [
        (b"vpAg", b"\0\0\0\x10\0\0\0\x0C\0"),
        (b"prVW", b"a preview"),
        (b"prVW", b"a preview"),
        (b"caBX", b"credentials"),
        (b"tIME", b"\x07\xD0\x01\x01\0\0\0"),
    ];
    let file = File::new(&png_with(&chunks));
    let (result, notices) = told(&file, Format::Png);
    assert_eq!(untrue(&notices), ["PNG chunk prVW", "content credentials (C2PA)"]);
    assert!(holds(&result, b"vpAg\0\0\0\x10") && !holds(&result, b"preview"));
    let file = File::new(&png_with(&chunks[..1]));
    assert_eq!(told(&file, Format::Tiff).1, [no_place("TIFF", &["PNG chunk vpAg"])]);
}

#[test]
fn what_stands_behind_a_jpeg_is_told_unless_it_is_padding() {
    let picture = jpeg((16, 12), 1, |_| {});
    let notices = |trailer: &[u8]| {
        let (result, notices) = told(&File::new(&[&picture, trailer].concat()), Format::Jpeg);
        assert_eq!(told(&result, Format::Jpeg).1, []);
        notices
    };
    let video = [b"\0\0\0\x18ftypmp42", &[7; 400][..]].concat();
    assert_eq!(notices(&video), [Notice::TrailerLeftOut { bytes: video.len() }]);
    for padding in [&[0; 500][..], &[0xFF; 500], b"\r\n", b""] {
        assert_eq!(notices(padding), []);
    }
}
