//! What of a file's metadata is left out is told, once and not thousands of times.

use polychromify_core::{Format, FoundLabel, Label, Notice};
use polychromify_image::Orientation;
use polychromify_image::provenance::{Vocabulary, packet};

use crate::beside::{exif, holds, jpeg_with, packet as packet_of, png_with, tiff_with_xmp, told};
use crate::files::{File, LIMITS, Tiff, label, samples};

fn jpeg_with_exif(block: &[u8]) -> File {
    jpeg_with(&[(0xE1, &[b"Exif\0\0", block].concat())])
}

#[test]
fn tags_of_unknown_types_are_told() {
    let block = exif(&[(271, 2, b"Epson\0"), (305, 99, b"abcdefgh")]);
    let unreadable = Notice::TagsUnreadable { count: 1, tags: vec![305] };
    let (result, notices) = told(&jpeg_with_exif(&block), Format::Jpeg);
    assert_eq!(notices, std::slice::from_ref(&unreadable));
    assert!(result.bytes().windows(5).any(|window| window == b"Epson"));

    let mut tiff = Tiff::new((16, 12), 1, 8);
    tiff.tags.push((305, 99, b"abcdefgh".to_vec()));
    let tiff = File::new(&tiff.bytes(&samples(16, 12, 1)));
    assert_eq!(told(&tiff, Format::Tiff).1, [unreadable]);
}

#[test]
fn tags_of_unknown_types_that_have_no_value_or_tell_of_samples_are_not_told() {
    let block = exif(&[(305, 0, b"")]);
    assert_eq!(told(&jpeg_with_exif(&block), Format::Jpeg).1, []);
    let mut tiff = Tiff::new((16, 12), 1, 8);
    tiff.tags.push((400, 99, b"abcdefgh".to_vec()));
    assert_eq!(told(&File::new(&tiff.bytes(&samples(16, 12, 1))), Format::Tiff).1, []);
}

#[test]
fn a_directory_that_lies_nowhere_and_values_beyond_the_end_are_told() {
    let far = 60_000_u32.to_le_bytes();
    let block = exif(&[(271, 2, b"Epson\0"), (34665, 4, &far)]);
    let unreadable = |tag| Notice::TagsUnreadable { count: 1, tags: vec![tag] };
    assert_eq!(told(&jpeg_with_exif(&block), Format::Jpeg).1, [unreadable(34665)]);
    let mut block = exif(&[(271, 2, b"Epson\0"), (305, 2, b"VueScan 9\0")]);
    block.truncate(block.len() - 4);
    assert_eq!(told(&jpeg_with_exif(&block), Format::Jpeg).1, [unreadable(305)]);
}

#[test]
fn fifty_thousand_broken_texts_are_told_once() {
    let chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"iTXt", b""); 50_000];
    let notices = told(&File::new(&png_with(&chunks)), Format::Png).1;
    assert_eq!(notices, [Notice::TextBroken { count: 50_000 }]);
    assert_eq!(notices[0].to_string(), "50000 broken text chunks are left out");
}

#[test]
fn chunks_of_very_many_kinds_are_told_in_few_notices() {
    let letter = |i: u32| b'a' + (i % 26) as u8;
    let kinds: Vec<[u8; 4]> =
        (0..5000).map(|i| [letter(i), letter(i / 26), b'R', letter(i / 676) - 32]).collect();
    let chunks: Vec<(&[u8; 4], &[u8])> = kinds.iter().map(|kind| (kind, &b"x"[..])).collect();
    let notices = told(&File::new(&png_with(&chunks)), Format::Png).1;
    assert_eq!(notices.len(), 21, "{notices:?}");
    assert_eq!(notices[20], Notice::NotOfResult { what: "other PNG chunks".into() });
}

#[test]
fn exif_that_is_broken_again_and_again_is_told_once() {
    let broken: Vec<(u8, &[u8])> = vec![(0xE1, b"Exif\0\0broken"); 3000];
    assert_eq!(told(&jpeg_with(&broken), Format::Jpeg).1, [Notice::ExifBroken]);
}

#[test]
fn of_two_blocks_of_exif_the_first_counts_and_the_other_is_told() {
    let first = exif(&[(271, 2, b"Epson\0"), (274, 3, &[6, 0])]);
    let second = exif(&[(271, 2, b"Canon\0"), (274, 3, &[3, 0]), (305, 2, b"VueScan 9\0")]);
    let [first, second] = [first, second].map(|block| [b"Exif\0\0", &block[..]].concat());
    let file = jpeg_with(&[(0xE1, &first), (0xE1, &second), (0xE1, &second)]);
    assert_eq!(file.open().unwrap().info().orientation, Orientation::from_exif(6));
    let (result, notices) = told(&file, Format::Jpeg);
    assert_eq!(notices, [Notice::RepeatedLeftOut { block: "EXIF".into() }]);
    assert!(holds(&result, b"Epson") && !holds(&result, b"Canon") && !holds(&result, b"VueScan"));
    // One that cannot be read is none.
    let file = jpeg_with(&[(0xE1, b"Exif\0\0broken"), (0xE1, &second)]);
    assert_eq!(told(&file, Format::Jpeg).1, [Notice::ExifBroken]);
    assert_eq!(file.open().unwrap().info().orientation, Orientation::from_exif(3));
}

#[test]
fn of_two_packets_of_xmp_the_first_counts_and_the_other_is_told() {
    let packets = ["box 12", "box 13"]
        .map(|source| packet_of(&format!(r#"rdf:about="" dc:source="{source}""#), "").into_bytes());
    let [first, second] =
        packets.each_ref().map(|p| [b"http://ns.adobe.com/xap/1.0/\0", &p[..]].concat());
    let jpeg = jpeg_with(&[(0xE1, &first), (0xE1, &second)]);
    let [first, second] =
        packets.each_ref().map(|p| [b"XML:com.adobe.xmp\0\0\0\0\0", &p[..]].concat());
    let png = File::new(&png_with(&[(b"iTXt", &first), (b"iTXt", &second)]));
    for file in [jpeg, png] {
        let (result, notices) = told(&file, Format::Tiff);
        assert_eq!(notices, [Notice::RepeatedLeftOut { block: "XMP".into() }]);
        assert!(holds(&result, b"box 12") && !holds(&result, b"box 13"));
    }
}

#[test]
fn a_name_with_characters_that_xml_forbids_gives_a_label_that_is_xml() {
    let label = Label { source: "a\u{1}\u{2}\u{FFFF}<b>.tif".into(), ..label() };
    for vocabulary in [Vocabulary::Full, Vocabulary::Standard] {
        let (text, _) = packet(None, &label, vocabulary, &LIMITS).unwrap();
        assert!(!text.contains('\u{1}') && !text.contains('\u{FFFF}'), "{text}");
        let found = FoundLabel::read(text.as_bytes(), &LIMITS).unwrap().unwrap();
        if vocabulary == Vocabulary::Full {
            assert_eq!(found.source, "a\u{FFFD}\u{FFFD}\u{FFFD}<b>.tif");
        }
    }
}

#[test]
fn characters_that_xml_forbids_are_replaced_in_the_packet_of_a_source() {
    let source = packet_of(r#"rdf:about="" dc:source="b&#2;x""#, "<dc:title>a\u{1}b</dc:title>");
    let (result, notices) = told(&tiff_with_xmp(&source), Format::Tiff);
    assert_eq!(notices, [Notice::XmpCharacters { count: 2 }]);
    assert!(result.open().unwrap().label().unwrap().is_some());
    let text = String::from_utf8_lossy(&result.bytes()).into_owned();
    assert!(text.contains("<dc:title>a\u{FFFD}b</dc:title>") && text.contains("b\u{FFFD}x"));
}

#[test]
fn a_label_in_a_packet_that_is_not_well_formed_is_none() {
    let (text, _) = packet(None, &label(), Vocabulary::Full, &LIMITS).unwrap();
    assert!(FoundLabel::read(text.as_bytes(), &LIMITS).unwrap().is_some());
    let changes = [
        ("</rdf:RDF>", ""),
        ("<xmp:CreatorTool>", "<xmp:CreatorTool>\u{1}"),
        ("<xmp:CreatorTool>", "<xmp:CreatorTool>&#1;"),
        ("<xmp:CreatorTool>", "<xmp:CreatorTool>&nbsp;"),
        ("rdf:about=\"\"", "rdf:about=\"\" rdf:about=\"\""),
    ];
    for (from, to) in changes {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        assert_eq!(FoundLabel::read(broken.as_bytes(), &LIMITS).unwrap(), None, "{to}");
    }
}
