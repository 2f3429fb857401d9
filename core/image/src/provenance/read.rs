//! The label of a result, read back.

use quick_xml::NsReader;
use quick_xml::events::Event;

use super::xml::is_well_formed;
use super::{IPTC, OURS, RDF, SOURCE_TYPES, XMP, bound, text_of};

/// What the label of a file says; what is missing is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundLabel {
    /// Last part of IPTC's digital source type.
    pub source_type: String,
    /// Program and version.
    pub software: String,
    /// Name of the weights.
    pub weights: String,
    /// SHA-256 of the weights file.
    pub weights_sha256: String,
    /// File name of the source.
    pub source: String,
    /// SHA-256 of the source file.
    pub source_sha256: String,
}

impl FoundLabel {
    /// Reads an XMP packet; `None` if it is broken or says nothing of the kind.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let text = text_of(packet).ok().filter(|text| is_well_formed(text))?;
        let mut reader = NsReader::from_str(text);
        let mut label = Self::default();
        // Depths of the open `rdf:RDF`, of a top `rdf:Description`.
        let (mut depth, mut rdf, mut top) = (0, None, None);
        loop {
            match reader.read_event().ok()? {
                Event::Eof => break,
                Event::Start(start) => {
                    depth += 1;
                    let (space, local) = reader.resolver().resolve_element(start.name());
                    if rdf.is_none() && bound(&space, RDF) && local.as_ref() == "RDF" {
                        rdf = Some(depth);
                    } else if rdf == Some(depth - 1) && bound(&space, RDF) {
                        top = Some(depth);
                        label.take_attributes(&reader, &start)?;
                    } else if top == Some(depth - 1)
                        && let Some(field) = label.field(&space, local.as_ref())
                    {
                        let end = start.name();
                        let value = reader.read_text(end).ok()?;
                        *field = unescaped(value.xml10_content().trim())?;
                        depth -= 1;
                    }
                }
                Event::Empty(start) if rdf == Some(depth) => {
                    label.take_attributes(&reader, &start)?;
                }
                Event::End(_) => {
                    if top == Some(depth) {
                        top = None;
                    }
                    depth -= 1;
                }
                _ => {}
            }
        }
        label.source_type = label.source_type.strip_prefix(SOURCE_TYPES)?.to_owned();
        Some(label)
    }

    fn take_attributes(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &quick_xml::events::BytesStart<'_>,
    ) -> Option<()> {
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let (space, local) = reader.resolver().resolve_attribute(attribute.key);
            if let Some(field) = self.field(&space, local.as_ref()) {
                *field = unescaped(attribute.value.as_ref())?;
            }
        }
        Some(())
    }

    fn field(
        &mut self,
        space: &quick_xml::name::ResolveResult<'_>,
        local: &str,
    ) -> Option<&mut String> {
        match local {
            "DigitalSourceType" if bound(space, IPTC) => Some(&mut self.source_type),
            "CreatorTool" if bound(space, XMP) => Some(&mut self.software),
            "Weights" if bound(space, OURS) => Some(&mut self.weights),
            "WeightsSHA256" if bound(space, OURS) => Some(&mut self.weights_sha256),
            "Source" if bound(space, OURS) => Some(&mut self.source),
            "SourceSHA256" if bound(space, OURS) => Some(&mut self.source_sha256),
            _ => None,
        }
    }
}

fn unescaped(value: &str) -> Option<String> {
    quick_xml::escape::unescape(value).ok().map(std::borrow::Cow::into_owned)
}
