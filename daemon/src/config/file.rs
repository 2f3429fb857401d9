//! The configuration file: TOML whose keys are the long names of options.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};
use directories::ProjectDirs;
use toml::{Spanned, Value};

use crate::error::{Error, Result};

/// Options that say how the configuration is read: they are no part of it.
pub(super) const ABOUT_IT: &[&str] = &["config", "print_config"];

/// What a configuration file says, checked.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Line of the key, from 1.
    line: usize,
    /// The values as one would write them on the command line; paths start at the file's folder.
    values: Vec<String>,
}

impl File {
    /// Reads the file that the user named, or the user's own if it is there.
    #[expect(clippy::disallowed_methods, reason = "the user's own file, whatever links lead to it")]
    pub(super) fn find(named: Option<&Path>, options: &Command) -> Result<Option<Self>> {
        let path = match (named, default_path()) {
            (Some(path), _) => path.to_path_buf(),
            (None, Some(path)) => path,
            (None, None) => return Ok(None),
        };
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, &text, options).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path, "read")(error)),
        }
    }

    fn parse(path: PathBuf, text: &str, options: &Command) -> Result<Self> {
        let line_of = |span: Range<usize>| {
            let before = text.get(..span.start).unwrap_or(text);
            before.bytes().filter(|&byte| byte == b'\n').count() + 1
        };
        let parsed: BTreeMap<Spanned<String>, Spanned<Value>> =
            toml::from_str(text).map_err(|error| Error::ConfigSyntax {
                path: path.clone(),
                line: error.span().map_or(1, line_of),
                reason: error.message().lines().collect::<Vec<_>>().join("; "),
            })?;
        let mut keys: Vec<_> = parsed.into_iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        let mut entries = BTreeMap::new();
        for (name, value) in keys {
            let line = line_of(name.span());
            let name = name.into_inner();
            let Some(option) = find_option(options, &name) else {
                let hint = suggestion(options, &name);
                return Err(Error::ConfigKey { path, line, key: name, hint });
            };
            let values = texts(option, &path, value.into_inner())
                .and_then(|values| check(option, &values).map(|()| values));
            match values {
                Ok(values) => entries.insert(name, Entry { line, values }),
                Err(reason) => return Err(Error::ConfigValue { path, line, key: name, reason }),
            };
        }
        Ok(Self { path, entries })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The line that sets an option, from 1.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.entries.get(key).map(|entry| entry.line)
    }

    pub(super) fn output(&self) -> Option<PathBuf> {
        self.entries.get("output").and_then(|entry| entry.values.first()).map(PathBuf::from)
    }

    /// The command `watch` with this file's values as the defaults of its options.
    pub(super) fn as_defaults(&self, watch: Command) -> Command {
        watch.mut_args(|option| match self.entries.get(&key(option.get_id().as_str())) {
            Some(entry) => option.default_values(entry.values.clone()),
            None => option,
        })
    }
}

/// `~/.config/polychromify/config.toml` on Linux.
pub(super) fn default_path() -> Option<PathBuf> {
    let user = ProjectDirs::from("", "", "Polychromify")?;
    Some(user.config_dir().join("config.toml"))
}

/// The key of an option in the file.
pub(super) fn key(id: &str) -> String {
    id.replace('_', "-")
}

/// The options that a file may set.
fn settable(options: &Command) -> impl Iterator<Item = &Arg> {
    options.get_arguments().filter(|option| !ABOUT_IT.contains(&option.get_id().as_str()))
}

fn find_option<'a>(options: &'a Command, name: &str) -> Option<&'a Arg> {
    settable(options).find(|option| key(option.get_id().as_str()) == name)
}

/// The option whose name is nearest, if it is near enough to be meant.
fn suggestion(options: &Command, name: &str) -> String {
    let distance = |known: &String| strsim::damerau_levenshtein(known, &name.to_lowercase());
    let nearest =
        settable(options).map(|option| key(option.get_id().as_str())).min_by_key(distance);
    match nearest {
        Some(known) if distance(&known) <= known.len().max(name.len()).div_ceil(3) => {
            format!("did you mean `{known}`?")
        }
        _ => "`polychromify watch --print-config` lists all keys".to_owned(),
    }
}

/// A value as on the command line, or what is wrong with its type.
fn texts(option: &Arg, file: &Path, value: Value) -> Result<Vec<String>, String> {
    let holds = option.get_value_parser().type_id();
    let path = holds == TypeId::of::<PathBuf>();
    let text = |value: Value| match value {
        Value::String(text) if path => {
            let folder = file.parent().unwrap_or(Path::new(""));
            let whole = std::path::absolute(folder.join(&text)).unwrap_or_else(|_| text.into());
            Ok(whole.to_string_lossy().into_owned())
        }
        Value::String(text) => Ok(text),
        other if path || holds == TypeId::of::<String>() => {
            Err(format!("expected text in quotes, found {}", type_name(&other)))
        }
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(yes) => Ok(yes.to_string()),
        other => Err(format!("expected one value, found {}", type_name(&other))),
    };
    match value {
        Value::Array(values) if matches!(option.get_action(), ArgAction::Append) => {
            values.into_iter().map(text).collect()
        }
        value => Ok(vec![text(value)?]),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// Has clap judge values as if they stood on the command line.
fn check(option: &Arg, values: &[String]) -> Result<(), String> {
    let typed: Vec<String> = match option.get_long() {
        Some(long) => values.iter().map(|value| format!("--{long}={value}")).collect(),
        None => ["--".to_owned()].into_iter().chain(values.iter().cloned()).collect(),
    };
    let probe = Command::new("option").no_binary_name(true).arg(option.clone());
    let Err(error) = probe.try_get_matches_from(typed) else { return Ok(()) };
    let given = values.join(", ");
    Err(match (error.get(ContextKind::ValidValue), std::error::Error::source(&error)) {
        (Some(ContextValue::Strings(valid)), _) if !valid.is_empty() => {
            format!("expected one of {}, found `{given}`", valid.join(", "))
        }
        (_, Some(reason)) => format!("`{given}` does not fit: {reason}"),
        (_, None) => format!("`{given}` does not fit"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        File::parse("/etc/p.toml".into(), text, &super::super::options()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_option() {
        let text = error("quality = 90\n\n# slow scanner\nstabilty_delay = 5\n");
        assert_eq!(
            text,
            "/etc/p.toml:4: unknown key `stabilty_delay`; did you mean `stability-delay`?"
        );
        assert!(error("xyzzy = 1").ends_with("--print-config` lists all keys"));
        assert!(error("print-config = true").contains("unknown key `print-config`"));
        assert!(error("[watch]\ninput = \"/in\"").contains("unknown key `watch`"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_key() {
        for (text, words) in [
            ("quality = 0", "/etc/p.toml:1: `quality`: `0` does not fit: 0 is not in 1..=100"),
            ("quality = \"high\"", "`quality`: `high` does not fit"),
            ("quality = [1, 2]", "`quality`: expected one value, found a list"),
            ("input = 5", "`input`: expected text in quotes, found a number"),
            ("hook = true", "`hook`: expected text in quotes, found true or false"),
            (
                "format = \"gif\"",
                "`format`: expected one of same, tiff, png, jpeg, webp, found `gif`",
            ),
            ("rescan = \"often\"", "`rescan`: `often` does not fit: expected a time"),
            ("memory = { a = 1 }", "`memory`: expected one value, found a table"),
            ("metrics-anywhere = 7", "`metrics-anywhere`: expected one of true, false"),
        ] {
            let found = error(text);
            assert!(found.contains(words), "{found}");
        }
    }

    #[test]
    fn text_that_is_no_toml_is_named_with_its_line() {
        for text in ["\n\nquality 5", "\n\nquality = 1\nquality = 2", "\n\nquality = \"1"] {
            let found = error(text);
            assert!(found.starts_with("/etc/p.toml:3: ") || found.starts_with("/etc/p.toml:4: "));
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }

    #[test]
    #[cfg(unix)] // a path from the root on has no drive
    fn paths_start_at_the_files_folder() {
        let text = "input = \"scans\"\noutput = \"/out\"\nignore = [\"*.bak\", \"x\"]";
        let file = File::parse("/etc/p.toml".into(), text, &super::super::options()).unwrap();
        assert_eq!(file.entries["input"].values, ["/etc/scans"]);
        assert_eq!(file.entries["ignore"].values, ["*.bak", "x"]);
        assert_eq!(file.output(), Some("/out".into()));
    }
}
