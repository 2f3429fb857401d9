//! XMP of more than a segment's 64 KB, spread over several (XMP specification part 3, 1.1.3.1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use md5::{Digest, Md5};
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const NOTE: &str = "http://ns.adobe.com/xmp/note/";

/// Bytes of a digest in hexadecimal, and of all that stands before a part's data.
const DIGEST: usize = 32;
const HEAD: usize = DIGEST + 8;

/// Most bytes of packet in a part; the specification's proposal.
const PART: usize = 65_400;

/// Bytes of a packet, and its parts by their place in it.
type Packet<'a> = (usize, BTreeMap<usize, &'a [u8]>);

/// The main packet with what the extended one adds; `parts` are segments without their name. `None`
/// if they are not whole or not the main packet's.
pub(crate) fn join(main: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    let main = std::str::from_utf8(main).ok()?.trim_end_matches('\0');
    let mut packets: BTreeMap<&[u8], Packet<'_>> = BTreeMap::new();
    for part in parts {
        let (digest, rest) = part.split_at_checked(DIGEST)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (offset, data) = rest.split_first_chunk::<4>()?;
        let (length, offset) = (u32::from_be_bytes(*length), u32::from_be_bytes(*offset));
        let packet = packets.entry(digest).or_default();
        packet.0 = length as usize;
        packet.1.insert(offset as usize, data);
    }
    let told = |digest: &[u8]| std::str::from_utf8(digest).is_ok_and(|text| main.contains(text));
    let (_, (length, parts)) = packets.into_iter().find(|(digest, _)| told(digest))?;
    let mut extended = Vec::new();
    for (offset, data) in parts {
        if offset != extended.len() {
            return None;
        }
        extended.extend_from_slice(data);
    }
    if extended.len() != length {
        return None;
    }
    merge(main, std::str::from_utf8(&extended).ok()?).map(String::into_bytes)
}

/// A packet of at most `most` bytes, and the parts of another that holds what did not fit into it.
/// `None` if it is not made of properties that can be taken apart.
pub(crate) fn split(packet: &str, most: usize) -> Option<(String, Vec<Vec<u8>>)> {
    let outline = Outline::read(packet)?;
    let mut properties: Vec<(&Description, Range<usize>)> = Vec::new();
    for description in &outline.descriptions {
        properties.extend(description.properties.iter().map(|place| (description, place.clone())));
    }
    properties.sort_by_key(|(_, place)| std::cmp::Reverse(place.len()));
    let note = |digest: &str| {
        let about = &outline.about;
        format!(
            r#"<rdf:Description xmlns:rdf="{RDF}" rdf:about="{about}" xmlns:xmpNote="{NOTE}"><xmpNote:HasExtendedXMP>{digest}</xmpNote:HasExtendedXMP></rdf:Description>"#
        )
    };
    let mut length = packet.len() + note(&"0".repeat(DIGEST)).len();
    let mut moved = Vec::new();
    for (description, place) in properties {
        if length <= most {
            break;
        }
        length -= place.len();
        moved.push((description, place));
    }
    if length > most {
        return None;
    }
    moved.sort_by_key(|(_, place)| place.start);
    let mut extended =
        format!(r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">"#);
    let (mut standard, mut at) = (String::with_capacity(length), 0);
    for (description, place) in moved {
        standard += &packet[at..place.start];
        at = place.end;
        let about = &outline.about;
        let _ = write!(extended, r#"<rdf:Description rdf:about="{about}""#); // a string takes all
        let names: BTreeMap<_, _> = outline.names.iter().chain(&description.names).collect();
        for (name, space) in names.into_iter().filter(|(name, _)| *name != "xmlns:rdf") {
            let _ = write!(extended, r#" {name}="{space}""#);
        }
        let _ = write!(extended, ">{}</rdf:Description>", &packet[place]);
    }
    extended += "</rdf:RDF></x:xmpmeta>";
    let mut digest = String::new();
    for byte in Md5::digest(&extended) {
        let _ = write!(digest, "{byte:02X}");
    }
    standard += &packet[at..outline.end];
    standard += &note(&digest);
    standard += &packet[outline.end..];
    let head = |offset: usize| {
        let mut part = Vec::with_capacity(HEAD + PART);
        part.extend(digest.as_bytes());
        part.extend((extended.len() as u32).to_be_bytes());
        part.extend((offset as u32).to_be_bytes());
        part
    };
    let parts = extended.as_bytes().chunks(PART).enumerate();
    let parts = parts.map(|(i, data)| [&head(i * PART)[..], data].concat()).collect();
    Some((standard, parts))
}

/// Puts the descriptions of one packet into another.
fn merge(main: &str, extended: &str) -> Option<String> {
    let outline = Outline::read(main)?;
    let added = Outline::read(extended)?;
    let mut merged = main[..outline.end].to_owned();
    for description in &added.descriptions {
        let (start, end) = (description.place.start, description.place.end);
        let name_end = start + 1 + description.name.len();
        merged += &extended[start..name_end];
        for (name, space) in &added.names {
            if !description.names.contains_key(name) {
                let _ = write!(merged, r#" {name}="{space}""#);
            }
        }
        merged += &extended[name_end..end];
    }
    merged += &main[outline.end..];
    Some(merged)
}

/// Where the parts of a packet lie in its text.
struct Outline {
    /// Prefixes that are bound around the descriptions, with their escaped namespaces.
    names: BTreeMap<String, String>,
    /// What the descriptions are about, escaped.
    about: String,
    descriptions: Vec<Description>,
    /// Where `rdf:RDF` ends, its end tag apart.
    end: usize,
}

/// A top `rdf:Description`.
struct Description {
    name: String,
    place: Range<usize>,
    names: BTreeMap<String, String>,
    properties: Vec<Range<usize>>,
}

impl Outline {
    fn read(text: &str) -> Option<Self> {
        let mut reader = NsReader::from_str(text);
        let (mut names, mut about) = (BTreeMap::new(), String::new());
        let mut descriptions: Vec<Description> = Vec::new();
        let (mut depth, mut rdf) = (0, None);
        loop {
            let before = reader.buffer_position() as usize;
            let event = reader.read_event().ok()?;
            let after = reader.buffer_position() as usize;
            match event {
                Event::Eof | Event::DocType(_) => return None,
                Event::Start(start) => {
                    depth += 1;
                    let (space, name) = reader.resolver().resolve_element(start.name());
                    let of_rdf =
                        matches!(space, ResolveResult::Bound(space) if space.as_ref() == RDF);
                    if rdf.is_none() {
                        names.extend(bound(&start)?);
                        if of_rdf && name.as_ref() == "RDF" {
                            rdf = Some(depth);
                        }
                    } else if rdf == Some(depth - 1) {
                        if about.is_empty() {
                            about = value(&start, "about")?;
                        }
                        let name = start.name().as_ref().to_owned();
                        descriptions.push(Description {
                            name,
                            place: before..after,
                            names: bound(&start)?.collect(),
                            properties: Vec::new(),
                        });
                    } else {
                        let name = start.name().as_ref().to_owned();
                        reader.read_to_end(QName(&name)).ok()?;
                        depth -= 1;
                        let after = reader.buffer_position() as usize;
                        descriptions.last_mut()?.properties.push(before..after);
                    }
                }
                Event::Empty(start) if rdf == Some(depth) => {
                    descriptions.push(Description {
                        name: start.name().as_ref().to_owned(),
                        place: before..after,
                        names: bound(&start)?.collect(),
                        properties: Vec::new(),
                    });
                }
                Event::End(_) => {
                    if rdf == Some(depth) {
                        return Some(Self { names, about, descriptions, end: before });
                    }
                    if let Some(last) = descriptions.last_mut().filter(|_| rdf == Some(depth - 1)) {
                        last.place.end = after;
                    }
                    depth -= 1;
                }
                _ => {}
            }
        }
    }
}

/// The prefixes that a tag binds, such as `xmlns:dc`, with their namespaces.
fn bound(start: &BytesStart<'_>) -> Option<impl Iterator<Item = (String, String)>> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.as_ref().starts_with("xmlns") {
            found.push((attribute.key.as_ref().to_owned(), quoted(attribute.value.as_ref())));
        }
    }
    Some(found.into_iter())
}

/// The value of an attribute by its name without prefix; empty if it is not there.
fn value(start: &BytesStart<'_>, name: &str) -> Option<String> {
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.local_name().as_ref() == name {
            return Some(quoted(attribute.value.as_ref()));
        }
    }
    Some(String::new())
}

/// An escaped value as it may stand between double quotes.
fn quoted(escaped: &str) -> String {
    escaped.replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with a property of a size.
    fn packet(size: usize) -> String {
        format!(
            r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:a="urn:a"><rdf:Description rdf:about="uuid:1" xmlns:b="urn:b" a:small="1"><a:first><rdf:Seq><rdf:li>one</rdf:li></rdf:Seq></a:first><b:large>{}</b:large><b:last/></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#,
            "&lt;x&gt;".repeat(size / 9)
        )
    }

    #[test]
    fn a_large_packet_is_split_and_joined_to_the_same_properties() {
        let large = packet(200_000);
        let (standard, parts) = split(&large, 2000).unwrap();
        assert!(standard.len() <= 2000 && parts.len() == 4);
        assert!(parts.iter().all(|part| part.len() <= HEAD + PART));
        assert!(standard.contains("a:first") && !standard.contains("b:large"));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let joined = String::from_utf8(join(standard.as_bytes(), &parts).unwrap()).unwrap();
        assert_eq!(joined.matches("&lt;x&gt;").count(), 200_000 / 9);
        for whole in ["<a:first><rdf:Seq>", "<b:last/>", "a:small=\"1\"", "<b:large>"] {
            assert_eq!(joined.matches(whole).count(), 1, "{whole}");
        }
        assert!(Outline::read(&joined).is_some());
    }

    #[test]
    fn parts_in_any_order_make_the_packet_and_missing_ones_none() {
        let (standard, parts) = split(&packet(200_000), 2000).unwrap();
        let mut parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        parts.reverse();
        assert!(join(standard.as_bytes(), &parts).is_some());
        assert!(join(standard.as_bytes(), &parts[1..]).is_none());
        assert!(join(packet(10).as_bytes(), &parts).is_none());
        assert!(join(standard.as_bytes(), &[b"short"]).is_none());
        assert!(join(b"<a", &parts).is_none());
    }

    #[test]
    fn a_packet_of_one_large_attribute_is_not_split() {
        let text =
            packet(10).replace("a:small=\"1\"", &format!("a:small=\"{}\"", "1".repeat(5000)));
        assert!(split(&text, 2000).is_none());
    }
}
