//! Packets of XMP that would take many times their size.

use std::time::Duration;

use polychromify_image::provenance::{FoundLabel, Vocabulary, packet};
use polychromify_image::{Deadline, Error, Limits, Notice};

use crate::files::{jpeg_with, tiff_with};
use crate::{alone, label, limits, within};

/// A packet of one description.
fn rdf(attributes: &str, elements: &str) -> String {
    around(
        "",
        &format!(r#"<rdf:Description rdf:about=""{attributes}>{elements}</rdf:Description>"#),
    )
}

/// A packet with these names bound around its descriptions.
fn around(names: &str, descriptions: &str) -> String {
    let rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
    format!(r#"<rdf:RDF xmlns:rdf="{rdf}"{names}>{descriptions}</rdf:RDF>"#)
}

#[test]
fn very_many_properties_stay_within_the_memory() {
    let _alone = alone();
    let properties = rdf("", &r#"<a b="1"/>"#.repeat(800_000));
    let descriptions = around("", &"<rdf:Description/>".repeat(450_000));
    for packet in [properties, descriptions] {
        within(&tiff_with(700, packet.as_bytes()), 64 << 20);
    }
}

#[test]
fn names_that_are_repeated_in_each_description_stay_within_the_memory() {
    let _alone = alone();
    let names = format!(" xmlns:a='{}'", "u".repeat(1 << 20));
    // Each large property is moved to a description of its own, with all names around it.
    let properties = format!("<a:b>{}</a:b>", "A".repeat(200)).repeat(1000);
    let moved = around(&names, &format!("<rdf:Description>{properties}</rdf:Description>"));
    within(&tiff_with(700, moved.as_bytes()), 64 << 20);

    // Each description of an extended packet gets the names around it.
    let extended = around(&names, &"<rdf:Description/>".repeat(9000));
    let digest = "0123456789ABCDEF".repeat(2);
    let main = rdf(
        &format!(r#" xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="{digest}""#),
        "",
    );
    let main = [b"http://ns.adobe.com/xap/1.0/\0", main.as_bytes()].concat();
    let part = |(i, data): (usize, &[u8])| {
        let length = (extended.len() as u32).to_be_bytes();
        let offset = (i as u32 * 60_000).to_be_bytes();
        let name = b"http://ns.adobe.com/xmp/extension/\0";
        [name, digest.as_bytes(), &length, &offset, data].concat()
    };
    let parts: Vec<_> = extended.as_bytes().chunks(60_000).enumerate().map(part).collect();
    let parts = parts.iter().map(|part| (0xE1, &part[..]));
    let segments: Vec<_> = std::iter::once((0xE1, &main[..])).chain(parts).collect();
    let notices = within(&jpeg_with(&segments), 64 << 20);
    assert!(notices.contains(&Notice::ExtendedXmpIncomplete), "{notices:?}");
}

#[test]
fn a_packet_ends_with_the_time() {
    let _alone = alone();
    let over = Limits { deadline: Deadline::after(Duration::ZERO), ..limits(256 << 20) };
    let properties = rdf("", &r#"<a b="1"/>"#.repeat(1000));
    let made = packet(Some(properties.as_bytes()), &label(), Vocabulary::Full, &over);
    assert!(matches!(made, Err(Error::Limit(_))), "{made:?}");
    let found = FoundLabel::read(properties.as_bytes(), &over);
    assert!(matches!(found, Err(Error::Limit(_))), "{found:?}");
}
