//! XMP of more than a segment's 64 KB, spread over several (XMP specification part 3, 1.1.3.1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use md5::{Digest, Md5};
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{QName, ResolveResult};

use crate::Limits;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const NOTE: &str = "http://ns.adobe.com/xmp/note/";

/// Bytes of a digest in hexadecimal, and of all that stands before a part's data.
const DIGEST: usize = 32;
const HEAD: usize = DIGEST + 8;

/// Most bytes of packet in a part; the specification's proposal.
const PART: usize = 65_400;

/// Most properties that are moved one by one, each with the names that are bound around it.
const MOST_MOVED: usize = 1000;

/// Most properties that are looked at for that, and most descriptions of a packet: lists of very many take
/// many times their text.
const MOST_PROPERTIES: usize = 100_000;
const MOST_DESCRIPTIONS: usize = 10_000;

/// What stands around the descriptions of a packet.
const PACKET_START: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>",
    r#"<x:xmpmeta xmlns:x="adobe:ns:meta/">"#,
    r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">"#,
);
const PACKET_END: &str = r#"</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;
const LABEL_END: &str = "</rdf:Description>";

/// Bytes of a packet, and its parts by their place in it.
type Packet<'a> = (usize, BTreeMap<usize, &'a [u8]>);

/// The main packet with what the extended one adds; `parts` are segments without their name. `None`
/// if they are not whole or not the main packet's, or the time is over.
pub(crate) fn join(main: &[u8], parts: &[&[u8]], limits: &Limits) -> Option<Vec<u8>> {
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
    let told = |digest: &[u8]| {
        let is_told = std::str::from_utf8(digest).is_ok_and(|text| main.contains(text));
        is_told || limits.check_time().is_err()
    };
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
    merge(main, std::str::from_utf8(&extended).ok()?, limits).map(String::into_bytes)
}

/// A packet of at most `most` bytes, and the parts of another that holds what did not fit into it.
/// The last description is the label, which stays. `None` if the packet cannot be taken apart, or
/// its label alone is too large, or the time is over.
pub(crate) fn split(packet: &str, most: usize, limits: &Limits) -> Option<(String, Vec<Vec<u8>>)> {
    let outline = Outline::read(packet, limits)?;
    let room = most.checked_sub(outline.note(&"0".repeat(DIGEST)).len())?;
    let moved = outline.move_largest(packet, room).or_else(|| outline.move_all(packet))?;
    let Moved { before, after, extended } = moved;
    if before.len() + after.len() > room {
        return None;
    }
    let mut digest = String::new();
    for byte in Md5::digest(&extended) {
        let _ = write!(digest, "{byte:02X}"); // a string takes all
    }
    let head = |offset: usize| {
        let mut part = Vec::with_capacity(HEAD + PART);
        part.extend(digest.as_bytes());
        part.extend((extended.len() as u32).to_be_bytes());
        part.extend((offset as u32).to_be_bytes());
        part
    };
    let parts = extended.as_bytes().chunks(PART).enumerate();
    let parts = parts.map(|(i, data)| [&head(i * PART)[..], data].concat()).collect();
    Some((before + &outline.note(&digest) + &after, parts))
}

/// The label's description of a packet as a packet of its own.
pub(crate) fn label_alone(packet: &str) -> Option<String> {
    let start = packet.rfind(&format!(r#"<rdf:Description xmlns:rdf="{RDF}" rdf:about="#))?;
    let (label, _) = packet[start..].split_once(LABEL_END)?;
    Some(format!("{PACKET_START}{label}{LABEL_END}{PACKET_END}"))
}

/// Most bytes of so many when names that are bound around descriptions are repeated in each.
const fn most_with_names(bytes: usize) -> usize {
    2 * bytes + (64 << 10)
}

/// Puts the descriptions of one packet into another; `None`, too, if their names are too many, or the
/// time is over.
fn merge(main: &str, extended: &str, limits: &Limits) -> Option<String> {
    let outline = Outline::read(main, limits)?;
    let added = Outline::read(extended, limits)?;
    let mut merged = main[..outline.end].to_owned();
    let most = most_with_names(main.len() + extended.len());
    for description in &added.descriptions {
        limits.check_time().ok()?;
        let (start, end) = (description.place.start, description.place.end);
        let name_end = start + 1 + description.name.len();
        merged += &extended[start..name_end];
        for (name, space) in &added.names {
            if !description.names.contains_key(name) {
                let _ = write!(merged, r#" {name}="{space}""#);
            }
        }
        merged += &extended[name_end..end];
        if merged.len() > most {
            return None;
        }
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
    /// Properties of all of them; where they are too many, not all are told.
    properties: usize,
    /// Where `rdf:RDF` ends, its end tag apart.
    end: usize,
}

/// A top `rdf:Description`.
struct Description {
    name: String,
    place: Range<usize>,
    names: BTreeMap<String, String>,
    properties: Vec<Property>,
}

/// A property as an element, or as an attribute with the space before it.
struct Property {
    place: Range<usize>,
    is_attribute: bool,
}

/// A packet without what goes to the extended one, up to where the latter is told and from there.
struct Moved {
    before: String,
    after: String,
    extended: String,
}

impl Outline {
    /// The description that tells of an extended packet.
    fn note(&self, digest: &str) -> String {
        let about = &self.about;
        format!(
            r#"<rdf:Description xmlns:rdf="{RDF}" rdf:about="{about}" xmlns:xmpNote="{NOTE}"><xmpNote:HasExtendedXMP>{digest}</xmpNote:HasExtendedXMP></rdf:Description>"#
        )
    }

    /// Moves the largest properties until `room` is kept; `None` if what stands around them is too
    /// large, or they or their names are too many.
    fn move_largest(&self, packet: &str, room: usize) -> Option<Moved> {
        let (_label, foreign) = self.descriptions.split_last()?;
        if self.properties > MOST_PROPERTIES {
            return None;
        }
        let properties = |description| -> Vec<_> {
            let description: &Description = description;
            description.properties.iter().map(|property| (description, property)).collect()
        };
        let mut properties: Vec<_> = foreign.iter().flat_map(properties).collect();
        properties.sort_by_key(|(_, property)| std::cmp::Reverse(property.place.len()));
        let mut length = packet.len();
        let mut moved = Vec::new();
        for (description, property) in properties {
            if length <= room {
                break;
            }
            length -= property.place.len();
            moved.push((description, property));
        }
        if length > room || moved.len() > MOST_MOVED {
            return None;
        }
        moved.sort_by_key(|(_, property)| property.place.start);
        let mut extended =
            format!(r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">"#);
        let most = most_with_names(packet.len());
        let (mut before, mut at) = (String::with_capacity(length), 0);
        for (description, Property { place, is_attribute }) in moved {
            before += &packet[at..place.start];
            at = place.end;
            let about = &self.about;
            let _ = write!(extended, r#"<rdf:Description rdf:about="{about}""#); // a string takes all
            let names: BTreeMap<_, _> = self.names.iter().chain(&description.names).collect();
            extended += &bindings(names);
            let property = &packet[place.clone()];
            let _ = if *is_attribute {
                write!(extended, "{property}/>")
            } else {
                write!(extended, ">{property}</rdf:Description>")
            };
            if extended.len() > most {
                return None;
            }
        }
        extended += "</rdf:RDF></x:xmpmeta>";
        before += &packet[at..self.end];
        Some(Moved { before, after: packet[self.end..].to_owned(), extended })
    }

    /// Moves all descriptions but the label, with the names that are bound around them.
    fn move_all(&self, packet: &str) -> Option<Moved> {
        let (label, foreign) = self.descriptions.split_last()?;
        let foreign: String = foreign.iter().map(|one| &packet[one.place.clone()]).collect();
        let names = bindings(&self.names);
        let extended = format!(
            r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"{names}>{foreign}</rdf:RDF></x:xmpmeta>"#
        );
        let before = format!("{PACKET_START}{}", &packet[label.place.clone()]);
        Some(Moved { before, after: PACKET_END.into(), extended })
    }

    /// `None`, too, when the time is over.
    fn read(text: &str, limits: &Limits) -> Option<Self> {
        let mut reader = NsReader::from_str(text);
        let (mut names, mut about) = (BTreeMap::new(), String::new());
        let mut descriptions: Vec<Description> = Vec::new();
        let (mut depth, mut rdf, mut count) = (0, None, 0);
        loop {
            limits.check_time().ok()?;
            if descriptions.len() > MOST_DESCRIPTIONS {
                return None;
            }
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
                    let attributes = attributes(&text[before..after])?;
                    if rdf.is_none() {
                        names.extend(bound(&attributes));
                        if of_rdf && name.as_ref() == "RDF" {
                            rdf = Some(depth);
                        }
                    } else if rdf == Some(depth - 1) {
                        if about.is_empty() {
                            about = value(&attributes, "about");
                        }
                        let name = start.name().as_ref().to_owned();
                        let properties = properties(&reader, &attributes, before);
                        count += properties.len();
                        let names = bound(&attributes).collect();
                        descriptions.push(Description {
                            name,
                            place: before..after,
                            names,
                            properties,
                        });
                    } else {
                        let name = start.name().as_ref().to_owned();
                        reader.read_to_end(QName(&name)).ok()?;
                        depth -= 1;
                        let after = reader.buffer_position() as usize;
                        let property = Property { place: before..after, is_attribute: false };
                        count += 1;
                        if count <= MOST_PROPERTIES {
                            descriptions.last_mut()?.properties.push(property);
                        }
                    }
                }
                Event::Empty(start) if rdf == Some(depth) => {
                    let attributes = attributes(&text[before..after])?;
                    let properties = properties(&reader, &attributes, before);
                    count += properties.len();
                    descriptions.push(Description {
                        name: start.name().as_ref().to_owned(),
                        place: before..after,
                        names: bound(&attributes).collect(),
                        properties,
                    });
                }
                Event::End(_) => {
                    if rdf == Some(depth) {
                        let (properties, end) = (count, before);
                        return Some(Self { names, about, descriptions, properties, end });
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

/// An attribute in the text of its tag.
struct Attribute<'a> {
    /// With the space before it.
    place: Range<usize>,
    name: &'a str,
    /// Escaped.
    value: &'a str,
}

fn attributes(tag: &str) -> Option<Vec<Attribute<'_>>> {
    let mut found = Vec::new();
    let mut at = tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?;
    loop {
        let rest = tag[at..].trim_ascii_start();
        if rest.starts_with(['/', '>']) {
            return Some(found);
        }
        let (name, rest) = rest.split_once('=')?;
        let rest = rest.trim_ascii_start();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let (value, rest) = rest[1..].split_once(quote)?;
        let end = tag.len() - rest.len();
        if found.len() == MOST_PROPERTIES {
            return None;
        }
        found.push(Attribute { place: at..end, name: name.trim_ascii_end(), value });
        at = end;
    }
}

/// The prefixes that a tag binds, such as `xmlns:dc`, with their namespaces.
fn bound(attributes: &[Attribute<'_>]) -> impl Iterator<Item = (String, String)> {
    let names = attributes.iter().filter(|attribute| attribute.name.starts_with("xmlns"));
    names.map(|attribute| (attribute.name.to_owned(), quoted(attribute.value)))
}

/// The value of an attribute by its name without prefix; empty if it is not there.
fn value(attributes: &[Attribute<'_>], name: &str) -> String {
    let named = |attribute: &&Attribute<'_>| QName(attribute.name).local_name().as_ref() == name;
    attributes.iter().find(named).map(|attribute| quoted(attribute.value)).unwrap_or_default()
}

/// The attributes of a description that are properties; `at` is the place of its tag.
fn properties(reader: &NsReader<&[u8]>, all: &[Attribute<'_>], at: usize) -> Vec<Property> {
    let is_property = |attribute: &&Attribute<'_>| {
        let (space, _) = reader.resolver().resolve_attribute(QName(attribute.name));
        let of_rdf = matches!(space, ResolveResult::Bound(space) if space.as_ref() == RDF);
        let prefix = QName(attribute.name).prefix();
        !of_rdf && prefix.is_some_and(|prefix| !prefix.is_xml() && !prefix.is_xmlns())
    };
    let place = |place: &Range<usize>| at + place.start..at + place.end;
    all.iter()
        .filter(is_property)
        .map(|attribute| Property { place: place(&attribute.place), is_attribute: true })
        .collect()
}

/// Prefixes with their namespaces as attributes, but `rdf`.
fn bindings<'a>(names: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::new();
    for (name, space) in names.into_iter().filter(|(name, _)| *name != "xmlns:rdf") {
        let _ = write!(text, r#" {name}="{space}""#); // a string takes all
    }
    text
}

/// An escaped value as it may stand between double quotes.
fn quoted(escaped: &str) -> String {
    escaped.replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::new(0, 0);

    /// A packet with a property of a size.
    fn packet(size: usize) -> String {
        format!(
            r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:a="urn:a"><rdf:Description rdf:about="uuid:1" xmlns:b="urn:b" a:small="1"><a:first><rdf:Seq><rdf:li>one</rdf:li></rdf:Seq></a:first><b:large>{}</b:large><b:last/></rdf:Description><rdf:Description xmlns:rdf="{RDF}" rdf:about="uuid:1"><a:label>ours</a:label></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#,
            "&lt;x&gt;".repeat(size / 9)
        )
    }

    #[test]
    fn a_large_packet_is_split_and_joined_to_the_same_properties() {
        let large = packet(200_000);
        let (standard, parts) = split(&large, 2000, &LIMITS).unwrap();
        assert!(standard.len() <= 2000 && parts.len() == 4);
        assert!(parts.iter().all(|part| part.len() <= HEAD + PART));
        assert!(standard.contains("a:first") && !standard.contains("b:large"));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let joined =
            String::from_utf8(join(standard.as_bytes(), &parts, &LIMITS).unwrap()).unwrap();
        assert_eq!(joined.matches("&lt;x&gt;").count(), 200_000 / 9);
        for whole in ["<a:first><rdf:Seq>", "<b:last/>", "a:small=\"1\"", "<b:large>"] {
            assert_eq!(joined.matches(whole).count(), 1, "{whole}");
        }
        assert!(Outline::read(&joined, &LIMITS).is_some());
    }

    #[test]
    fn parts_in_any_order_make_the_packet_and_missing_ones_none() {
        let (standard, parts) = split(&packet(200_000), 2000, &LIMITS).unwrap();
        let mut parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        parts.reverse();
        assert!(join(standard.as_bytes(), &parts, &LIMITS).is_some());
        assert!(join(standard.as_bytes(), &parts[1..], &LIMITS).is_none());
        assert!(join(packet(10).as_bytes(), &parts, &LIMITS).is_none());
        assert!(join(standard.as_bytes(), &[b"short"], &LIMITS).is_none());
        assert!(join(b"<a", &parts, &LIMITS).is_none());
    }

    /// The packet of what `split` made.
    fn joined(standard: &str, parts: &[Vec<u8>]) -> String {
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        String::from_utf8(join(standard.as_bytes(), &parts, &LIMITS).unwrap()).unwrap()
    }

    #[test]
    fn a_large_attribute_is_moved_like_an_element() {
        for quote in ['"', '\''] {
            let large = format!("a:small = {quote}{}{quote}", "1 > 2 / 3 ".repeat(500));
            let text = packet(10).replace("a:small=\"1\"", &large);
            let (standard, parts) = split(&text, 2000, &LIMITS).unwrap();
            assert!(standard.len() <= 2000 && standard.contains("a:first"), "{standard}");
            assert!(standard.contains("<a:label>") && !standard.contains("a:small"), "{standard}");
            assert_eq!(joined(&standard, &parts).matches(&large).count(), 1);
        }
    }

    #[test]
    fn what_stands_around_the_properties_may_be_large_and_the_label_stays() {
        let attribute = format!(" x:xmptk=\"{}\"", "t".repeat(5000));
        let binding = format!(" xmlns:c=\"urn:{}\"", "c".repeat(5000));
        let comment = format!("<!--{}-->", " ".repeat(5000));
        for text in [
            packet(10).replace(" xmlns:a=", &format!("{binding} xmlns:a=")),
            packet(10).replace(" xmlns:b=", &format!("{binding} xmlns:b=")),
            packet(10).replace("<rdf:RDF", &format!("{comment}<rdf:RDF")),
            packet(10).replace(" xmlns:x=", &format!("{attribute} xmlns:x=")),
            packet(10).replace("<?xpacket end", &format!("{}<?xpacket end", " ".repeat(5000))),
        ] {
            let (standard, parts) = split(&text, 2000, &LIMITS).unwrap();
            assert!(standard.len() <= 2000 && standard.contains("<a:label>"), "{standard}");
            let joined = joined(&standard, &parts);
            for whole in ["<a:first><rdf:Seq>", "<b:last/>", "a:small=\"1\"", "<a:label>"] {
                assert_eq!(joined.matches(whole).count(), 1, "{whole}");
            }
        }
    }

    #[test]
    fn a_label_that_is_too_large_is_not_split_and_stands_alone_elsewhere() {
        let large = packet(10).replace("ours", &"o".repeat(5000));
        assert!(split(&large, 2000, &LIMITS).is_none());
        let alone = label_alone(&packet(10)).unwrap();
        assert!(alone.contains("<a:label>") && !alone.contains("a:first"));
        assert!(Outline::read(&alone, &LIMITS).is_some());
    }
}
