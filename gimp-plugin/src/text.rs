//! Words in the user's language, by the catalogs of gettext in `po/`, which are part of the program.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Languages that there are translations into, and their catalogs.
const CATALOGS: [(&str, &str); 4] = [
    ("de", include_str!("../po/de.po")),
    ("es", include_str!("../po/es.po")),
    ("fr", include_str!("../po/fr.po")),
    ("it", include_str!("../po/it.po")),
];

/// Variables that gettext chooses a language by, the first one that is set.
const VARIABLES: [&str; 4] = ["LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"];

static CATALOG: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let value = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let wanted = VARIABLES.iter().find_map(value).unwrap_or_default();
    language(&wanted).map(parse).unwrap_or_default()
});

/// A text of the program's in the user's language.
pub(crate) fn tr(text: &'static str) -> &'static str {
    CATALOG.get(text).map_or(text, String::as_str)
}

/// The same, with values in the places of `{}`.
pub(crate) fn tr_with(text: &'static str, values: &[&str]) -> String {
    let mut parts = tr(text).split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        filled.push_str(value);
        filled.push_str(part);
    }
    filled
}

/// The catalog of the first language of a list such as `de_AT:fr` that there is one of, unless
/// English comes before.
fn language(wanted: &str) -> Option<&'static str> {
    let code =
        |locale: &'_ str| locale.split(['_', '.', '@']).next().unwrap_or_default().to_owned();
    let known = |locale: &str| {
        let code = code(locale);
        let catalog = CATALOGS.iter().find(|(language, _)| *language == code);
        let is_english = ["en", "C", "POSIX"].contains(&code.as_str());
        catalog.map(|(_, catalog)| Some(*catalog)).or(is_english.then_some(None))
    };
    wanted.split(':').find_map(known).flatten()
}

/// Messages of a catalog that are translated.
fn parse(catalog: &str) -> HashMap<String, String> {
    let (mut messages, mut id, mut text) = (HashMap::new(), String::new(), String::new());
    let mut in_id = true;
    for line in catalog.lines().chain(["msgid \"\""]) {
        let line = line.trim();
        if line.starts_with("msgid ") {
            if !id.is_empty() && !text.is_empty() {
                messages.insert(std::mem::take(&mut id), std::mem::take(&mut text));
            }
            (id, text, in_id) = (String::new(), String::new(), true);
        } else if line.starts_with("msgstr ") {
            in_id = false;
        } else if !line.starts_with('"') {
            continue; // a comment
        }
        (if in_id { &mut id } else { &mut text }).push_str(&unquoted(line));
    }
    messages
}

/// What stands between the quotation marks of a line.
fn unquoted(line: &str) -> String {
    let inside = line.find('"').zip(line.rfind('"')).and_then(|(from, to)| line.get(from + 1..to));
    inside.unwrap_or_default().replace("\\n", "\n").replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_language_is_the_first_that_is_known() {
        let catalog = |wanted| language(wanted).map(|text| text.contains("Language: de"));
        assert_eq!(catalog("de_AT.UTF-8"), Some(true));
        assert_eq!(catalog("tlh:de:fr"), Some(true));
        assert_eq!(catalog("fr_CA@euro:de"), Some(false));
        for english in ["en_US:de", "C.UTF-8", "POSIX", "", "tlh"] {
            assert_eq!(catalog(english), None, "{english}");
        }
    }

    #[test]
    fn catalogs_are_read_as_gettext_writes_them() {
        let catalog = "msgid \"\"\nmsgstr \"Language: de\\n\"\n\n#: src/a.rs:1\nmsgid \"one\"\n\
                       msgstr \"eins\"\n\nmsgid \"\"\n\"a long \"\n\"\\\"text\\\"\"\nmsgstr \"\"\n\
                       \"ein \"\n\"langer\"\n\nmsgid \"open\"\nmsgstr \"\"\n";
        let messages = parse(catalog);
        assert_eq!(messages["one"], "eins");
        assert_eq!(messages["a long \"text\""], "ein langer");
        assert_eq!(messages.len(), 2);
    }

    /// Texts that the sources ask for, by the calls of `tr` and `tr_with`.
    fn texts(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, found);
            } else if !path.ends_with("text.rs") {
                let source = fs::read_to_string(&path).unwrap();
                let calls = source.split("tr(").chain(source.split("tr_with("));
                let calls = calls.chain(source.split("out_of_range("));
                for call in calls.map(str::trim_start) {
                    let Some(text) = call.strip_prefix('"') else { continue };
                    let text = text.split('"').next().unwrap();
                    let lines = text.split("\\\n").map(str::trim_start);
                    found.push(lines.collect());
                }
            }
        }
    }

    #[test]
    fn every_text_is_in_every_language() {
        let mut found = Vec::new();
        texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 40, "{found:?}");
        for (language, catalog) in CATALOGS {
            let messages = parse(catalog);
            for text in &found {
                let translated = messages.get(text);
                let translated = translated.unwrap_or_else(|| panic!("{language}: {text}"));
                let places = |text: &str| text.matches("{}").count();
                assert_eq!(places(text), places(translated), "{language}: {text}");
            }
        }
    }
}
