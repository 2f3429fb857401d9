//! What XML 1.0 allows (its fifth edition): characters, and what makes a packet well-formed.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Limits;

/// What stands in the place of a character that is not allowed.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Most digits of a reference to a character, with its "x".
const MOST_DIGITS: usize = 16;

/// Whether a character may stand in a document, as itself or as a reference (2.2).
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// A text whose characters XML allows, and how many were replaced for that.
pub(super) fn with_allowed_characters(text: &str) -> (Cow<'_, str>, usize) {
    let count = text.chars().filter(|c| !is_allowed(*c)).count();
    if count == 0 {
        return (text.into(), 0);
    }
    let allowed = text.chars().map(|c| if is_allowed(c) { c } else { REPLACEMENT });
    (allowed.collect::<String>().into(), count)
}

/// A document of which neither characters nor references to some are those that XML forbids, and how many
/// were replaced for that.
pub(super) fn repaired(document: &str) -> (Cow<'_, str>, usize) {
    let (document, mut count) = with_allowed_characters(document);
    let mut repaired = String::new();
    let mut rest = 0;
    for (at, _) in document.match_indices("&#") {
        let digits = &document.as_bytes()[at + 2..];
        let length = digits.iter().take(MOST_DIGITS).position(|&byte| byte == b';');
        let Some(length) = length else { continue };
        let number = &document[at + 2..at + 2 + length];
        if refers_to_forbidden(number) {
            repaired += &document[rest..at];
            repaired.push(REPLACEMENT);
            rest = at + 2 + length + 1;
            count += 1;
        }
    }
    if rest == 0 {
        return (document, count);
    }
    repaired += &document[rest..];
    (repaired.into(), count)
}

fn refers_to_forbidden(number: &str) -> bool {
    let parsed = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    parsed.is_ok_and(|number| !char::from_u32(number).is_some_and(is_allowed))
}

/// Whether a document is well-formed and has no document type; not, too, when the time is over.
pub(super) fn is_well_formed(document: &str, limits: &Limits) -> bool {
    document.chars().all(is_allowed) && read(document, limits).is_some()
}

/// `None`: it is not well-formed, or the time is over.
fn read(document: &str, limits: &Limits) -> Option<()> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().check_comments = true;
    let (mut depth, mut roots) = (0_usize, 0);
    loop {
        limits.check_time().ok()?;
        let event = reader.read_event().ok()?;
        let opens = matches!(event, Event::Start(_) | Event::Empty(_));
        roots += usize::from(opens && depth == 0);
        match event {
            Event::Eof => return (depth == 0 && roots == 1).then_some(()),
            Event::Start(start) => {
                check_tag(&start, limits)?;
                depth += 1;
            }
            Event::Empty(start) => check_tag(&start, limits)?,
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Text(text) => {
                let text: &str = text.as_ref();
                let is_blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
                if text.contains("]]>") || depth == 0 && !is_blank {
                    return None;
                }
            }
            Event::CData(_) if depth > 0 => {}
            Event::GeneralRef(name) if depth > 0 => check_references(&format!("&{};", &*name))?,
            Event::Comment(_) | Event::PI(_) => {}
            // Behind other instructions it is no more in its place, and no packet needs it.
            Event::Decl(_) if roots == 0 => {}
            Event::CData(_) | Event::GeneralRef(_) | Event::Decl(_) | Event::DocType(_) => {
                return None;
            }
        }
    }
}

/// Names are looked at no closer than readers do: they begin with no digit or mark.
fn check_tag(tag: &BytesStart<'_>, limits: &Limits) -> Option<()> {
    check_name(tag.name().as_ref())?;
    for attribute in tag.attributes() {
        limits.check_time().ok()?; // each is compared with all before it
        let attribute = attribute.ok()?;
        check_name(attribute.key.as_ref())?;
        let value: &str = attribute.value.as_ref();
        if value.contains('<') {
            return None;
        }
        check_references(value)?;
    }
    Some(())
}

fn check_name(name: &str) -> Option<()> {
    let starts = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    let goes_on = |c: char| starts(c) || c.is_alphanumeric() || matches!(c, '-' | '.' | '\u{B7}');
    (name.starts_with(starts) && name.chars().all(goes_on)).then_some(())
}

fn check_references(text: &str) -> Option<()> {
    let text = quick_xml::escape::unescape(text).ok()?;
    text.chars().all(is_allowed).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_characters_are_replaced_and_counted() {
        assert_eq!(
            with_allowed_characters("a\u{1}b\u{FFFE}\tc"),
            ("a\u{FFFD}b\u{FFFD}\tc".into(), 2)
        );
        assert_eq!(with_allowed_characters("Zoë \u{1F4F7}"), ("Zoë \u{1F4F7}".into(), 0));
        let document = "<a b='&#1;&#x41;'>&#xFFFF;&#65;&amp;&#xD800;&#;\u{2}</a>";
        let expected = "<a b='\u{FFFD}&#x41;'>\u{FFFD}&#65;&amp;\u{FFFD}&#;\u{FFFD}</a>";
        assert_eq!(repaired(document), (expected.into(), 4));
    }

    #[test]
    fn what_is_not_well_formed_is_known() {
        let limits = Limits::new(0, 0);
        let well = [
            "<a/>",
            "<?xpacket begin=''?>\n<a b='1' c=\"&amp;&#10;\">t<!-- - --><d e=\"'\"/>&lt;<![CDATA[<]]></a> ",
            "<?xml version='1.0'?><x:a xmlns:x='u'><x:b/></x:a>",
        ];
        for document in well {
            assert!(is_well_formed(document, &limits), "{document}");
        }
        let broken = [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a>&nbsp;</a>",
            "<a>&#1;</a>",
            "<a>& </a>",
            "<a>]]></a>",
            "<a b='1' b='2'/>",
            "<a b=1/>",
            "<a b='<'/>",
            "<a b='&x;'/>",
            "<a><1/></a>",
            "<a><!-- -- --></a>",
            "<a>\u{1}</a>",
            "<!DOCTYPE a><a/>",
            "<a/><?xml version='1.0'?>",
        ];
        for document in broken {
            assert!(!is_well_formed(document, &limits), "{document}");
        }
    }
}
