//! What a format has no place for.

use std::collections::BTreeSet;

use super::{Metadata, is_text};
use crate::{Format, Notice};

/// Most parts that are named; a file may have very many.
const MOST_NAMED: usize = 20;

impl Metadata {
    /// What a format has no place for, if there is something.
    pub(crate) fn no_place(&self, format: Format) -> Option<Notice> {
        let mut parts = BTreeSet::new();
        if format == Format::Webp {
            parts.extend(self.iptc.as_ref().map(|_| "IPTC".to_owned()));
            parts.extend(self.resources.first().map(|_| "Photoshop's resources".to_owned()));
        }
        if format != Format::Png {
            let (texts, others): (Vec<_>, Vec<_>) =
                self.chunks.iter().partition(|(kind, _)| is_text(*kind));
            parts.extend(texts.iter().map(|(_, data)| format!("PNG text {}", name(data))));
            parts.extend(others.iter().map(|(kind, _)| format!("PNG chunk {}", name(kind))));
        }
        // JPEG has its own APP0.
        let left = self.segments.iter().filter(|(app, _)| format != Format::Jpeg || *app == 0);
        parts.extend(left.map(|(app, data)| match app {
            0..16 => format!("APP{app} {}", name(data)).trim_end().to_owned(),
            _ => "JPEG comment".to_owned(),
        }));
        let format = format.name().to_owned();
        let parts: Vec<_> = parts.into_iter().take(MOST_NAMED).collect();
        (!parts.is_empty()).then_some(Notice::NoPlace { format, parts })
    }
}

/// What a block begins with that names it.
fn name(data: &[u8]) -> String {
    let printable = |byte: &&u8| byte.is_ascii_graphic() || **byte == b' ';
    data.iter().take(40).take_while(printable).map(|&byte| char::from(byte)).collect()
}
