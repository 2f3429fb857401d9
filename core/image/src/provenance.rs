//! The XMP packet of a result: what its source said, and that its colors are machine-made.
//!
//! XMP specification part 1 (ISO 16684-1); IPTC Photo Metadata Standard 2025.1.

mod identity;
mod label;
mod read;
mod xml;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::result::Result as StdResult;

use quick_xml::escape::escape;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::{NsReader, Writer};

use crate::{Limits, Notice, Result};
pub use label::{Label, SourceType};
pub use read::FoundLabel;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const MEDIA: &str = "http://ns.adobe.com/xap/1.0/mm/";
const REFERENCE: &str = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#";
const EVENT: &str = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#";
const NOTE: &str = "http://ns.adobe.com/xmp/note/";
const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const OURS: &str = "urn:polychromify:xmp:1.0/";

/// IPTC's vocabulary of digital source types.
const SOURCE_TYPES: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/";

/// Properties of the source that the label replaces or that are not true of the result.
const REPLACED: &[(&str, &[&str])] = &[
    (IPTC, &["DigitalSourceType", "AISystemUsed", "AISystemVersionUsed"]),
    (XMP, &["CreatorTool", "MetadataDate", "Thumbnails"]),
    (MEDIA, &["DerivedFrom", "DocumentID", "InstanceID", "OriginalDocumentID"]),
    (NOTE, &["HasExtendedXMP"]),
    (PHOTOSHOP, &["ColorMode", "ICCProfile"]),
    (EXIF, &["ColorSpace", "PixelXDimension", "PixelYDimension"]),
    (
        TIFF,
        &[
            "BitsPerSample",
            "Compression",
            "ImageLength",
            "ImageWidth",
            "PhotometricInterpretation",
            "PlanarConfiguration",
            "PrimaryChromaticities",
            "ReferenceBlackWhite",
            "ResolutionUnit",
            "SamplesPerPixel",
            "TransferFunction",
            "WhitePoint",
            "XResolution",
            "YCbCrCoefficients",
            "YCbCrPositioning",
            "YCbCrSubSampling",
            "YResolution",
        ],
    ),
];

/// Properties that tell of what lies in the source's file beside the picture, which a result does not
/// have: namespace, what their names begin with, and what it is.
const BESIDE: &[(&str, &str, &str)] = &[
    ("http://ns.google.com/photos/1.0/camera/", "MotionPhoto", "motion photo"),
    ("http://ns.google.com/photos/1.0/camera/", "MicroVideo", "motion photo"),
    ("http://ns.google.com/photos/1.0/container/", "", "list of the file's parts"),
    ("http://ns.google.com/photos/dd/1.0/container/", "", "list of the file's parts"),
    ("http://ns.google.com/photos/dd/1.0/device/", "", "depth map"),
    ("http://ns.adobe.com/hdr-gain-map/1.0/", "", "gain map"),
    ("http://ns.apple.com/HDRGainMap/1.0/", "", "gain map"),
];

/// Bytes of a label, about.
const LABEL_BYTES: usize = 8 << 10;

/// Which properties a packet says it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// Also those of a namespace of our own.
    Full,
    /// Those of public standards alone, for programs that drop what they do not know; the source's
    /// hash is told in the history.
    Standard,
}

/// The packet of a result; what is left out of an existing one is told, or all of it if it is
/// broken. Without a source file's name or hash, the label says nothing of it.
///
/// # Errors
///
/// When the time is over, or it is to be given up.
pub fn packet(
    existing: Option<&[u8]>,
    label: &Label,
    vocabulary: Vocabulary,
    limits: &Limits,
) -> Result<(String, Vec<Notice>)> {
    let mut notices = Vec::new();
    let extended = existing.and_then(|bytes| match extend(bytes, label, vocabulary, limits) {
        Ok(Extended { packet, beside, replacements }) => {
            let untrue = |what: &str| Notice::NotOfResult { what: what.into() };
            notices.extend(beside.into_iter().map(untrue));
            if replacements > 0 {
                notices.push(Notice::XmpCharacters { count: replacements });
            }
            Some(packet)
        }
        Err(reason) => {
            notices.push(Notice::XmpLeftOut { reason });
            None
        }
    });
    limits.check_time()?;
    let body = extended.unwrap_or_else(|| {
        format!(
            r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">{}</rdf:RDF></x:xmpmeta>"#,
            description(label, &Source::default(), vocabulary)
        )
    });
    let packet = format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>{body}<?xpacket end=\"w\"?>"
    );
    Ok((packet, notices))
}

/// Whether a packet is labelled by this program: it has properties of our own namespace, or names us
/// as the system used, as the label of [`Vocabulary::Standard`] does.
pub fn is_ours(packet: &[u8]) -> bool {
    let has = |text: &str| memchr::memmem::find(packet, text.as_bytes()).is_some();
    has(OURS) || has("AISystemUsed") && has("Polychromify, weights ")
}

/// What the label takes from the source's packet.
#[derive(Default)]
struct Source {
    about: String,
    document: Option<String>,
    instance: Option<String>,
    original: Option<String>,
    /// Whether the source's history got our event.
    history: bool,
    /// What it told of beside the picture.
    beside: BTreeSet<&'static str>,
}

/// A source's packet without its wrapper, with the label.
struct Extended {
    packet: String,
    /// What it told of beside the picture.
    beside: BTreeSet<&'static str>,
    /// Characters that XML forbids.
    replacements: usize,
}

/// The text of a packet, without what it may be padded with.
fn text_of(packet: &[u8]) -> StdResult<&str, String> {
    let text = std::str::from_utf8(packet).map_err(|_| "it is not UTF-8")?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches('\0'))
}

/// The text of a packet, of which characters that XML forbids were replaced: how many is told.
fn well_formed_text<'a>(
    packet: &'a [u8],
    limits: &Limits,
) -> StdResult<(Cow<'a, str>, usize), String> {
    let (text, replacements) = xml::repaired(text_of(packet)?);
    if text.contains("<!DOCTYPE") {
        return Err("it has a document type".into());
    }
    if xml::is_well_formed(&text, limits) { Ok((text, replacements)) } else { Err(malformed(())) }
}

/// The packet with its own label replaced. When the time is over, the reason does not say so.
fn extend(
    bytes: &[u8],
    label: &Label,
    vocabulary: Vocabulary,
    limits: &Limits,
) -> StdResult<Extended, String> {
    let (text, replacements) = well_formed_text(bytes, limits)?;
    let mut reader = NsReader::from_str(&text);
    let mut writer = Writer::new(Vec::with_capacity(text.len() + LABEL_BYTES));
    let mut source = Source::default();
    // Depths of the open `rdf:RDF`, of a top `rdf:Description`, of its history.
    let (mut depth, mut rdf, mut top, mut history) = (0, None, None, None);
    let mut found = false;
    loop {
        limits.check_time().map_err(malformed)?;
        let event = reader.read_event().map_err(malformed)?;
        let written = match event {
            Event::Eof => break,
            Event::PI(_) | Event::Decl(_) => continue, // the wrapper
            Event::Start(start) => {
                depth += 1;
                let is = |space, name| is(&reader, start.name(), space, name);
                if rdf.is_none() && is(RDF, "RDF") {
                    if std::mem::replace(&mut found, true) {
                        return Err("it has two descriptions".into());
                    }
                    rdf = Some(depth);
                } else if rdf == Some(depth - 1) && is(RDF, "Description") {
                    top = Some(depth);
                    let start = filtered(&reader, &start, &mut source, limits)?;
                    write(&mut writer, Event::Start(start))?;
                    continue;
                } else if top == Some(depth - 1) && rdf.is_some() {
                    if let Some(name) = replaced(&reader, start.name()) {
                        let end = start.name().as_ref().to_owned();
                        let value = reader.read_text(QName(&end)).map_err(malformed)?;
                        remember(&mut source, name, value.xml10_content().trim());
                        depth -= 1;
                        continue;
                    }
                    if is(MEDIA, "History") {
                        history = Some(depth);
                    }
                }
                Event::Start(start)
            }
            Event::Empty(start) => {
                let is = |space, name| is(&reader, start.name(), space, name);
                if rdf.is_none() && is(RDF, "RDF") {
                    found = true;
                    let name = start.name().as_ref().to_owned();
                    write(&mut writer, Event::Start(start))?;
                    raw(&mut writer, &description(label, &source, vocabulary));
                    raw(&mut writer, &format!("</{name}>"));
                    continue;
                } else if rdf == Some(depth) && is(RDF, "Description") {
                    Event::Empty(filtered(&reader, &start, &mut source, limits)?)
                } else if top == Some(depth)
                    && let Some(name) = replaced(&reader, start.name())
                {
                    remember(&mut source, name, "");
                    continue;
                } else if top == Some(depth) && is(MEDIA, "History") {
                    continue; // it gives way to one with our event
                } else if history == Some(depth) && is(RDF, "Seq") {
                    let name = start.name().as_ref().to_owned();
                    write(&mut writer, Event::Start(start))?;
                    raw(&mut writer, &step(label, vocabulary, binds(&reader)));
                    raw(&mut writer, &format!("</{name}>"));
                    source.history = true;
                    continue;
                } else {
                    Event::Empty(start)
                }
            }
            Event::End(end) => {
                if rdf == Some(depth) {
                    raw(&mut writer, &description(label, &source, vocabulary));
                    rdf = None;
                } else if history == Some(depth) && !source.history {
                    let step = step(label, vocabulary, binds(&reader));
                    raw(&mut writer, &format!(r#"<rdf:Seq xmlns:rdf="{RDF}">{step}</rdf:Seq>"#));
                    source.history = true;
                } else if history == Some(depth - 1) && !source.history {
                    raw(&mut writer, &step(label, vocabulary, binds(&reader)));
                    source.history = true;
                }
                for open in [&mut top, &mut history] {
                    if *open == Some(depth) {
                        *open = None;
                    }
                }
                depth -= 1;
                Event::End(end)
            }
            other => other,
        };
        write(&mut writer, written)?;
    }
    if depth != 0 || !found {
        return Err("it holds no description".into());
    }
    let packet = String::from_utf8(writer.into_inner()).map_err(malformed)?;
    Ok(Extended { packet, beside: source.beside, replacements })
}

fn malformed<E>(_: E) -> String {
    "it is no well-formed XML".to_owned()
}

/// The label as properties of the result.
fn description(label: &Label, source: &Source, vocabulary: Vocabulary) -> String {
    let version = label.software.rsplit(' ').next().unwrap_or_default();
    let program = label.software.strip_suffix(version).unwrap_or_default().trim_end();
    let system = format!("{program}, weights {}", label.weights);
    let mut text = format!(
        r#"<rdf:Description xmlns:rdf="{RDF}" rdf:about="{}" xmlns:xmp="{XMP}" xmlns:xmpMM="{MEDIA}" xmlns:stRef="{REFERENCE}" xmlns:stEvt="{EVENT}" xmlns:Iptc4xmpExt="{IPTC}""#,
        escape(&*source.about)
    );
    if vocabulary == Vocabulary::Full {
        let _ = write!(text, r#" xmlns:polychromify="{OURS}""#); // a string takes all
    }
    text.push('>');
    let source_type = format!("{SOURCE_TYPES}{}", label.source_type.term());
    let when = identity::timestamp(label.when);
    let [document, instance] = identity::identifiers(label);
    property(&mut text, "Iptc4xmpExt:DigitalSourceType", &source_type);
    property(&mut text, "Iptc4xmpExt:AISystemUsed", &system);
    property(&mut text, "Iptc4xmpExt:AISystemVersionUsed", version);
    property(&mut text, "xmp:CreatorTool", &label.software);
    property(&mut text, "xmp:MetadataDate", &when);
    // The source is the original, unless it tells of one before it.
    let original = source.original.as_deref().or(source.document.as_deref()).unwrap_or_default();
    property(&mut text, "xmpMM:OriginalDocumentID", original);
    property(&mut text, "xmpMM:DocumentID", &document);
    property(&mut text, "xmpMM:InstanceID", &instance);
    if vocabulary == Vocabulary::Full {
        property(&mut text, "polychromify:Weights", &label.weights);
        property(&mut text, "polychromify:WeightsSHA256", &label.weights_sha256);
        property(&mut text, "polychromify:Source", &label.source);
        property(&mut text, "polychromify:SourceSHA256", &label.source_sha256);
    }
    text.push_str(r#"<xmpMM:DerivedFrom rdf:parseType="Resource">"#);
    property(&mut text, "stRef:filePath", &label.source);
    property(&mut text, "stRef:documentID", source.document.as_deref().unwrap_or_default());
    property(&mut text, "stRef:instanceID", source.instance.as_deref().unwrap_or_default());
    property(&mut text, "stRef:originalDocumentID", source.original.as_deref().unwrap_or_default());
    if vocabulary == Vocabulary::Full {
        property(&mut text, "polychromify:SHA256", &label.source_sha256);
    }
    text.push_str("</xmpMM:DerivedFrom>");
    if !source.history {
        let step = step(label, vocabulary, true);
        let _ = write!(text, "<xmpMM:History><rdf:Seq>{step}</rdf:Seq></xmpMM:History>");
    }
    text.push_str("</rdf:Description>");
    text
}

/// Adds a property, if it has a value.
fn property(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let (value, _) = xml::with_allowed_characters(value);
        let _ = write!(text, "<{name}>{}</{name}>", escape(value)); // a string takes all
    }
}

/// Whether the prefixes of a step are bound where the reader is.
fn binds(reader: &NsReader<&[u8]>) -> bool {
    is(reader, QName("rdf:li"), RDF, "li") && is(reader, QName("stEvt:action"), EVENT, "action")
}

/// The step that made the result, as an item of its history. It binds its prefixes only where they
/// are not: `ImageMagick` 6 warns of what binds one within a list.
fn step(label: &Label, vocabulary: Vocabulary, bound: bool) -> String {
    let mut parameters =
        format!("colors predicted with the weights {} ({})", label.weights, label.weights_sha256);
    if vocabulary == Vocabulary::Standard && !label.source.is_empty() {
        let _ = write!(parameters, "; source {}", label.source);
        if !label.source_sha256.is_empty() {
            let _ = write!(parameters, " ({})", label.source_sha256);
        }
    }
    if !label.settings.is_empty() {
        parameters += "; ";
        parameters += &label.settings;
    }
    let names =
        if bound { String::new() } else { format!(r#" xmlns:rdf="{RDF}" xmlns:stEvt="{EVENT}""#) };
    let mut text = format!(r#"<rdf:li{names} rdf:parseType="Resource">"#);
    let [_, instance] = identity::identifiers(label);
    property(&mut text, "stEvt:action", "edited");
    property(&mut text, "stEvt:softwareAgent", &label.software);
    property(&mut text, "stEvt:when", &identity::timestamp(label.when));
    property(&mut text, "stEvt:parameters", &parameters);
    property(&mut text, "stEvt:instanceID", &instance);
    property(&mut text, "stEvt:changed", "/"); // all of it
    text.push_str("</rdf:li>");
    text
}

/// A top description without the properties that are replaced.
fn filtered<'a>(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'a>,
    source: &mut Source,
    limits: &Limits,
) -> StdResult<BytesStart<'a>, String> {
    let mut kept = start.to_owned();
    kept.clear_attributes();
    for attribute in start.attributes() {
        limits.check_time().map_err(malformed)?;
        let attribute: Attribute<'_> = attribute.map_err(malformed)?;
        let (space, local) = reader.resolver().resolve_attribute(attribute.key);
        let name = known(&space, local.as_ref());
        if let Some(name) = name {
            remember(source, name, attribute.value.as_ref());
            continue;
        }
        if local.as_ref() == "about" && bound(&space, RDF) {
            source.about =
                quick_xml::escape::unescape(&attribute.value).map_err(malformed)?.into_owned();
        }
        kept.push_attribute(attribute);
    }
    Ok(kept)
}

/// Keeps identifiers of the source, which its result is derived from, and what it told of beside
/// the picture; `value` is escaped.
fn remember(source: &mut Source, name: &'static str, value: &str) {
    let value = quick_xml::escape::unescape(value).map(std::borrow::Cow::into_owned).ok();
    match name {
        "DocumentID" => source.document = value,
        "InstanceID" => source.instance = value,
        "OriginalDocumentID" => source.original = value,
        what if BESIDE.iter().any(|(_, _, beside)| *beside == what) => {
            source.beside.insert(what);
        }
        _ => {}
    }
}

fn is(reader: &NsReader<&[u8]>, name: QName<'_>, space: &str, local: &str) -> bool {
    let (found, found_local) = reader.resolver().resolve_element(name);
    bound(&found, space) && found_local.as_ref() == local
}

/// The local name of a property that is replaced, or what one tells of beside the picture.
fn replaced(reader: &NsReader<&[u8]>, name: QName<'_>) -> Option<&'static str> {
    let (space, local) = reader.resolver().resolve_element(name);
    known(&space, local.as_ref())
}

fn known(space: &ResolveResult<'_>, local: &str) -> Option<&'static str> {
    if bound(space, OURS) {
        return Some("ours");
    }
    let beside =
        |(name, start, _): &&(&str, &str, _)| bound(space, name) && local.starts_with(start);
    if let Some(&(_, _, what)) = BESIDE.iter().find(beside) {
        return Some(what);
    }
    let (_, names) = REPLACED.iter().find(|(name, _)| bound(space, name))?;
    names.iter().find(|name| **name == local).copied()
}

fn bound(space: &ResolveResult<'_>, name: &str) -> bool {
    matches!(space, ResolveResult::Bound(found) if found.as_ref() == name)
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) -> StdResult<(), String> {
    writer.write_event(event).map_err(malformed)
}

fn raw(writer: &mut Writer<Vec<u8>>, text: &str) {
    writer.get_mut().extend_from_slice(text.as_bytes());
}
