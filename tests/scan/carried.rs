//! Metadata that stays true is carried between formats; the label is in every result.

use std::collections::BTreeMap;

use polychromify_core::{Encoding, Format};
use tiff::tags::Tag;

use crate::files::{File, Tiff, colored, encoding, gray_png, jpeg, label, samples};

const ALL: [Format; 3] = [Format::Jpeg, Format::Png, Format::Tiff];

pub(crate) const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:1"
    xmlns:x1="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
    xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    x1:CreatorTool="VueScan 9" x1:Rating="4" tiff:SamplesPerPixel="1"
    xmpMM:InstanceID="xmp.iid:a&amp;b">
   <ext:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm</ext:DigitalSourceType>
   <xmpMM:DocumentID>xmp.did:7</xmpMM:DocumentID>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Quay &lt;1904&gt; &amp; b&#228;ckerei</rdf:li></rdf:Alt></dc:title>
   <xmpMM:History><rdf:Seq><rdf:li stEvt:action="scanned"/></rdf:Seq></xmpMM:History>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"#;

/// IPTC-IIM: record 2, data set 120, caption.
const IPTC: &[u8] = b"\x1C\x02\x78\x00\x05Hello";

/// A TIFF with all kinds of metadata.
pub(crate) fn tagged() -> File {
    let ascii = |text: &str| [text.as_bytes(), b"\0"].concat();
    let rational = |n: u32, d: u32| [n.to_le_bytes(), d.to_le_bytes()].concat();
    let mut tiff = Tiff::new((24, 18), 1, 16);
    tiff.tags.extend([
        (270, 2, ascii("A quay")),
        (271, 2, ascii("Epson")),
        (305, 2, ascii("VueScan 9")),
        (282, 5, rational(1200, 1)),
        (283, 5, rational(1200, 1)),
        (296, 3, vec![2, 0]),
        (274, 3, vec![6, 0]),
        (306, 2, ascii("2019:05:04 03:02:01")),
        (33432, 2, ascii("Archive")),
        (700, 1, PACKET.as_bytes().to_vec()),
        (33723, 7, IPTC.to_vec()),
    ]);
    File::new(&tiff.bytes(&samples(24, 18, 1)))
}

/// The XMP packet of a result, found by its wrapper; the PNG writer stores text as it is.
fn packet(bytes: &[u8]) -> String {
    let find = |text: &str| bytes.windows(text.len()).position(|w| w == text.as_bytes());
    let (start, end) = (find("<?xpacket begin").unwrap(), find("<?xpacket end").unwrap());
    let packets = bytes.windows(15).filter(|w| w == b"<?xpacket begin").count();
    assert_eq!(packets, 1);
    String::from_utf8(bytes[start..end].to_vec()).unwrap()
}

/// All properties of the top descriptions, by namespace and name, with their text.
fn properties(packet: &str) -> BTreeMap<(String, String), Vec<String>> {
    use quick_xml::events::Event;
    use quick_xml::name::ResolveResult;
    let mut reader = quick_xml::NsReader::from_str(packet);
    let mut found: BTreeMap<_, Vec<String>> = BTreeMap::new();
    let (mut depth, mut open) = (0, None);
    let space = |result: &ResolveResult<'_>| match result {
        ResolveResult::Bound(space) => space.as_ref().to_owned(),
        _ => String::new(),
    };
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                if depth == 2 {
                    for attribute in start.attributes() {
                        let attribute = attribute.unwrap();
                        let (bound, name) = reader.resolver().resolve_attribute(attribute.key);
                        let key = (space(&bound), name.as_ref().to_owned());
                        let value = quick_xml::escape::unescape(&attribute.value).unwrap();
                        if !attribute.key.as_ref().starts_with("xmlns") {
                            found.entry(key).or_default().push(value.into_owned());
                        }
                    }
                } else if depth == 3 {
                    let (bound, name) = reader.resolver().resolve_element(start.name());
                    let key = (space(&bound), name.as_ref().to_owned());
                    found.entry(key.clone()).or_default().push(String::new());
                    open = Some(key);
                }
                depth += i32::from(matches!(event, Event::Start(_)));
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => {
                if let (Some(key), 4..) = (&open, depth) {
                    let last = found.get_mut(key).unwrap().last_mut().unwrap();
                    last.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                if let (Some(key), 4..) = (&open, depth) {
                    let last = found.get_mut(key).unwrap().last_mut().unwrap();
                    match reference.resolve_char_ref().unwrap() {
                        Some(letter) => last.push(letter),
                        None => last.push_str(match reference.xml10_content().as_ref() {
                            "amp" => "&",
                            "lt" => "<",
                            "gt" => ">",
                            other => panic!("{other}"),
                        }),
                    }
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn one<'a>(all: &'a BTreeMap<(String, String), Vec<String>>, name: &str) -> &'a str {
    let mut values = all.iter().filter(|((_, local), _)| local == name).flat_map(|(_, v)| v);
    let value = values.next().unwrap_or_else(|| panic!("{name} is missing"));
    assert!(values.next().is_none(), "{name} is there twice");
    value
}

#[test]
fn every_result_carries_the_label_once() {
    for file in [tagged(), File::new(&gray_png(9, 9)), File::new(&jpeg((16, 16), 3, |_| {}))] {
        for format in ALL {
            let first = file.colored(format);
            for result in [&first, &first.colored(format)] {
                let all = properties(&packet(&result.bytes()));
                assert!(
                    one(&all, "DigitalSourceType")
                        .ends_with("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
                );
                let label = label();
                assert_eq!(one(&all, "CreatorTool"), label.software);
                assert_eq!(one(&all, "AISystemUsed"), "Polychromify, weights polychromify");
                assert_eq!(one(&all, "AISystemVersionUsed"), "0.1.0");
                assert_eq!(one(&all, "WeightsSHA256"), label.weights_sha256);
                assert_eq!(one(&all, "Source"), label.source);
                assert_eq!(one(&all, "SourceSHA256"), label.source_sha256);
                assert!(one(&all, "History").contains("Polychromify 0.1.0"));
                assert!(one(&all, "History").contains("; saturation 1.5"));
                assert!(one(&all, "History").contains("2023-11-14T22:13:20Z"));
                assert_eq!(one(&all, "MetadataDate"), "2023-11-14T22:13:20Z");
                assert!(one(&all, "DerivedFrom").contains(&label.source));
                assert!(one(&all, "DerivedFrom").contains(&label.source_sha256));
                assert!(one(&all, "DocumentID").starts_with("xmp.did:"));
                assert!(one(&all, "History").contains(one(&all, "InstanceID")));
                let found = result.open().unwrap().label().unwrap().unwrap();
                assert_eq!(found.source_type, "compositeWithTrainedAlgorithmicMedia");
                assert_eq!((found.software, found.weights), (label.software, label.weights));
                assert_eq!(found.weights_sha256, label.weights_sha256);
                assert_eq!(
                    (found.source, found.source_sha256),
                    (label.source, label.source_sha256)
                );
            }
        }
    }
}

#[test]
fn what_the_source_says_of_itself_is_kept_beside_the_label() {
    let file = tagged();
    for format in ALL {
        let all = properties(&packet(&file.colored(format).bytes()));
        assert!(one(&all, "title").contains("Quay <1904> & b\u{e4}ckerei"));
        assert_eq!(one(&all, "Rating"), "4");
        assert!(one(&all, "DerivedFrom").contains("xmp.did:7xmp.iid:a&b"));
        assert_eq!(one(&all, "OriginalDocumentID"), "xmp.did:7");
        assert!(!all.keys().any(|(_, name)| name == "SamplesPerPixel"));
        let packet = packet(&file.colored(format).bytes());
        assert!(packet.contains("scanned") && !packet.contains("negativeFilm"));
    }
}

#[test]
fn a_history_grows_with_each_step() {
    let once = tagged().colored(Format::Tiff);
    let twice = packet(&once.colored(Format::Png).bytes());
    let all = properties(&twice);
    assert_eq!(one(&all, "History").matches("Polychromify 0.1.0").count(), 2);
    assert!(twice.find("scanned") < twice.find("stEvt:action>edited"));
    // The second result tells of the first as what it is derived from, and of the scan.
    let first = properties(&packet(&once.bytes()));
    assert!(one(&all, "DerivedFrom").contains(one(&first, "InstanceID")));
    assert_eq!(one(&all, "OriginalDocumentID"), "xmp.did:7");
}

#[test]
fn a_history_of_any_form_gets_one_event_and_stays_one() {
    for history in [
        "<m:History/>",
        "<m:History></m:History>",
        "<m:History> <r:Seq/> </m:History>",
        "<m:History><r:Seq><r:li r:parseType='Resource'/></r:Seq></m:History>",
        "<m:History><r:Bag><r:li>scanned</r:li></r:Bag></m:History>",
    ] {
        let source = format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#' \
             xmlns:m='http://ns.adobe.com/xap/1.0/mm/'>\
             <r:Description r:about=''>{history}</r:Description></r:RDF>"
        );
        let mut tiff = Tiff::new((4, 4), 1, 8);
        tiff.tags.push((700, 1, source.into_bytes()));
        let result = File::new(&tiff.bytes(&samples(4, 4, 1))).colored(Format::Tiff);
        let packet = packet(&result.bytes());
        assert_eq!(packet.matches("stEvt:action>edited").count(), 1, "{packet}");
        assert_eq!(packet.matches("History>").count(), 2, "{packet}");
    }
}

#[test]
fn what_is_no_label_is_not_read_as_one() {
    assert_eq!(File::new(&gray_png(9, 9)).open().unwrap().label().unwrap(), None);
    assert_eq!(tagged().open().unwrap().label().unwrap().unwrap().software, "VueScan 9");
    let mut tiff = Tiff::new((4, 4), 1, 8);
    tiff.tags.push((700, 1, b"<x:xmpmeta".to_vec()));
    assert_eq!(File::new(&tiff.bytes(&samples(4, 4, 1))).open().unwrap().label().unwrap(), None);
}

#[test]
fn broken_xmp_is_left_out() {
    for broken in ["<x:xmpmeta", "no xml", "<a><b></a></b>", "<!DOCTYPE a><a/>", "\u{0}"] {
        let mut tiff = Tiff::new((4, 4), 1, 8);
        tiff.tags.push((700, 1, broken.as_bytes().to_vec()));
        let result = File::new(&tiff.bytes(&samples(4, 4, 1))).colored(Format::Tiff);
        one(&properties(&packet(&result.bytes())), "CreatorTool");
    }
}

/// Image tags of a result: from the file itself, or from its EXIF block.
pub(crate) fn image_tags(result: &File, format: Format) -> BTreeMap<u16, String> {
    let bytes = result.bytes();
    let block = if format == Format::Tiff {
        bytes
    } else {
        let at = bytes.windows(8).position(|w| w.starts_with(b"II*\0")).unwrap();
        bytes[at..].to_vec()
    };
    // A reader of its own: classic little-endian directories.
    let short = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
    let long = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap()) as usize;
    let directory = long(4);
    (0..usize::from(short(directory)))
        .map(|i| {
            let entry = directory + 2 + 12 * i;
            let (kind, count) = (short(entry + 2), long(entry + 4));
            let value = match kind {
                2 => {
                    let at = if count <= 4 { entry + 8 } else { long(entry + 8) };
                    String::from_utf8_lossy(&block[at..at + count - 1]).into_owned()
                }
                3 => short(entry + 8).to_string(),
                5 => {
                    let at = long(entry + 8);
                    (long(at) / long(at + 4)).to_string()
                }
                _ => String::new(),
            };
            (short(entry), value)
        })
        .collect()
}

#[test]
fn tags_go_from_tiff_to_every_format() {
    let file = tagged();
    for format in ALL {
        let result = file.colored(format);
        let tags = image_tags(&result, format);
        let expected = [
            (270, "A quay"),
            (271, "Epson"),
            (274, "6"),
            (282, "1200"),
            (296, "2"),
            (305, "VueScan 9"),
            (306, "2019:05:04 03:02:01"),
            (33432, "Archive"),
        ];
        for (tag, value) in expected {
            assert_eq!(tags.get(&tag).map(String::as_str), Some(value), "{format:?} {tag}");
        }
    }
}

#[test]
fn tags_survive_a_way_through_all_formats() {
    let mut file = tagged();
    for format in [Format::Png, Format::Jpeg, Format::Tiff] {
        file = file.colored(format);
    }
    let tags = image_tags(&file, Format::Tiff);
    assert_eq!((&*tags[&270], &*tags[&282], &*tags[&274]), ("A quay", "1200", "6"));
    let mut decoder =
        tiff::decoder::Decoder::new(std::fs::File::open(&file.path).unwrap()).unwrap();
    let iptc = decoder.get_tag_u8_vec(Tag::Unknown(33723)).unwrap();
    assert_eq!(iptc, IPTC);
}

#[test]
fn an_access_copy_has_the_resolution_of_its_size() {
    let mut scan = tagged().open().unwrap();
    let half = Encoding { max_side: Some(12), ..encoding(Format::Tiff) };
    let result = File::new(&colored(&mut scan, &half).unwrap());
    assert_eq!(image_tags(&result, Format::Tiff)[&282], "600");
}

#[test]
fn the_resolution_of_a_png_is_its_own_not_that_of_its_exif() {
    let mut bytes = tagged().colored(Format::Png).bytes();
    let at = bytes.windows(4).position(|w| w == b"pHYs").unwrap();
    for offset in [4, 8] {
        bytes[at + offset..][..4].copy_from_slice(&15748_u32.to_be_bytes()); // 400 an inch
    }
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[at..at + 13]);
    bytes[at + 13..][..4].copy_from_slice(&crc.sum().to_be_bytes());
    let tags = image_tags(&File::new(&bytes).colored(Format::Tiff), Format::Tiff);
    assert_eq!((&*tags[&282], &*tags[&296]), ("400", "2"));
}

#[test]
fn resolution_of_jfif_and_of_png_is_carried() {
    let bytes = jpeg((16, 16), 3, |encoder| {
        encoder.set_density(jpeg_encoder::PixelDensity::dpi(300));
    });
    let tags = image_tags(&File::new(&bytes).colored(Format::Tiff), Format::Tiff);
    assert_eq!((&*tags[&282], &*tags[&296]), ("300", "2"));
    let png = File::new(&bytes).colored(Format::Png);
    let decoder =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png.path).unwrap()));
    let dims = decoder.read_info().unwrap().info().pixel_dims.unwrap();
    assert_eq!((dims.xppu, dims.yppu), (11811, 11811));
    let tags = image_tags(&png.colored(Format::Tiff), Format::Tiff);
    assert_eq!((&*tags[&282], &*tags[&296]), ("300", "2"));
}

#[test]
fn exif_says_srgb_and_the_size_and_loses_its_thumbnail() {
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let mut directory = |entries: &[(u16, u16, u32)], next: u32| {
        block.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, value) in entries {
            block.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            block.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        block.extend(next.to_le_bytes());
    };
    directory(&[(34665, 4, 26)], 68);
    directory(&[(0xA001, 3, 65535), (0xA002, 4, 999), (0x8827, 3, 100)], 0);
    directory(&[(513, 4, 86)], 0);
    let bytes = jpeg((16, 16), 1, |encoder| encoder.add_exif_metadata(&block).unwrap());
    let file = File::new(&bytes).colored(Format::Tiff);
    let mut decoder =
        tiff::decoder::Decoder::new(std::fs::File::open(&file.path).unwrap()).unwrap();
    assert!(!decoder.more_images());
    let at = decoder.get_tag_u64(Tag::ExifDirectory).unwrap();
    let exif = decoder.read_directory(tiff::tags::IfdPointer(at)).unwrap();
    let mut tags = decoder.read_directory_tags(&exif);
    let mut value = |tag| tags.get_tag_u32(Tag::Unknown(tag)).unwrap();
    assert_eq!((value(0xA001), value(0xA002), value(0x8827)), (1, 16, 100));
}

#[test]
fn all_results_embed_the_same_srgb_profile() {
    let file = tagged();
    let profile = |format| {
        let bytes = file.colored(format).bytes();
        match format {
            Format::Png => {
                let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
                decoder.read_info().unwrap().info().icc_profile.clone().unwrap().into_owned()
            }
            Format::Tiff => {
                let cursor = std::io::Cursor::new(bytes);
                let mut decoder = tiff::decoder::Decoder::new(cursor).unwrap();
                decoder.get_tag_u8_vec(Tag::IccProfile).unwrap()
            }
            Format::Jpeg => {
                let cursor = zune_core::bytestream::ZCursor::new(&bytes);
                let mut decoder = zune_jpeg::JpegDecoder::new(cursor);
                decoder.decode_headers().unwrap();
                decoder.icc_profile().unwrap()
            }
            Format::Webp => {
                let mut decoder =
                    image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).unwrap();
                decoder.icc_profile().unwrap().unwrap()
            }
        }
    };
    let [jpeg, png, tiff] = ALL.map(profile);
    assert!(jpeg == png && png == tiff && tiff == profile(Format::Webp));
    let read = moxcms::ColorProfile::new_from_slice(&tiff).unwrap();
    assert_eq!(read.color_space, moxcms::DataColorSpace::Rgb);
}
