//! The label of a result, read back.

use quick_xml::NsReader;
use quick_xml::events::Event;

use super::xml::is_well_formed;
use super::{IPTC, OURS, RDF, SOURCE_TYPES, XMP, bound, text_of};
use crate::{Limits, Result};

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
    ///
    /// # Errors
    ///
    /// When the time is over, or it is to be given up.
    pub fn read(packet: &[u8], limits: &Limits) -> Result<Option<Self>> {
        let found = Self::find(packet, limits);
        limits.check_time()?;
        Ok(found)
    }

    /// `None`, too, when the time is over.
    fn find(packet: &[u8], limits: &Limits) -> Option<Self> {
        let text = text_of(packet).ok().filter(|text| is_well_formed(text, limits))?;
        let mut reader = NsReader::from_str(text);
        let mut label = Self::default();
        // Depths of the open `rdf:RDF`, of a top `rdf:Description`.
        let (mut depth, mut rdf, mut top) = (0, None, None);
        loop {
            limits.check_time().ok()?;
            match reader.read_event().ok()? {
                Event::Eof => break,
                Event::Start(start) => {
                    depth += 1;
                    let (space, local) = reader.resolver().resolve_element(start.name());
                    if rdf.is_none() && bound(&space, RDF) && local.as_ref() == "RDF" {
                        rdf = Some(depth);
                    } else if rdf == Some(depth - 1) && bound(&space, RDF) {
                        top = Some(depth);
                        label.take_attributes(&reader, &start, limits)?;
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
                    label.take_attributes(&reader, &start, limits)?;
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
        limits: &Limits,
    ) -> Option<()> {
        for attribute in start.attributes() {
            limits.check_time().ok()?;
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
