//! What files of the field say beside their pixels is kept, or told as left out.

use polychromify_core::{Error, Format, Notice};

use crate::files::{File, Tiff, colored, encoding, lightness, samples};

/// A result with what was left out of it or assumed.
fn told(file: &File, format: Format) -> (File, Vec<Notice>) {
    let mut scan = file.open().unwrap();
    lightness(&mut scan);
    let result = colored(&mut scan, &encoding(format)).unwrap();
    let notices = scan.notices().iter().map(|notice| notice.notice.clone()).collect();
    (File::new(&result), notices)
}

/// A packet of one description that begins with these attributes.
fn packet(attributes: &str, elements: &str) -> String {
    format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"#
    )
}

fn tiff_with_xmp(packet: &str) -> File {
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
        assert!(result.open().unwrap().label().unwrap().software.starts_with("Polychromify"));
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
    assert!(result.open().unwrap().label().is_some());
}

#[test]
fn a_label_that_has_no_room_is_an_error() {
    let large = packet(&format!(r#"rdf:about="{}""#, "A".repeat(90_000)), "");
    let mut scan = tiff_with_xmp(&large).open().unwrap();
    let error = colored(&mut scan, &encoding(Format::Jpeg)).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("label"), "{error}");
}
