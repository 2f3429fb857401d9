//! `--print-config`: the options in force, with the origin of each.

use std::any::TypeId;
use std::fmt::Write;
use std::num::NonZero;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Table, Value};

use super::file::{ABOUT_IT, File, key};
use crate::ledger::Address;

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its key in the file.
    pub(crate) key: String,
    /// Its value in TOML; `None` if it is not set.
    pub(crate) value: Option<String>,
    /// Who set it.
    pub(crate) origin: String,
}

/// Every option of `watch`, in the order of the command line.
pub(super) fn entries(options: &Command, matches: &ArgMatches, file: Option<&File>) -> Vec<Entry> {
    let options = options.get_arguments();
    let options = options.filter(|option| !ABOUT_IT.contains(&option.get_id().as_str()));
    options.map(|option| entry(option, matches, file)).collect()
}

fn entry(option: &Arg, matches: &ArgMatches, file: Option<&File>) -> Entry {
    let id = option.get_id().as_str();
    let key = key(id);
    let values: Vec<String> = matches
        .get_raw(id)
        .map(|values| values.map(|value| in_toml(option, &value.to_string_lossy())).collect())
        .unwrap_or_default();
    let value = match option.get_action() {
        _ if values.is_empty() => None,
        ArgAction::Append => Some(format!("[{}]", values.join(", "))),
        _ => values.into_iter().next(),
    };
    let origin = match (matches.value_source(id), file.and_then(|file| file.line(&key))) {
        (Some(ValueSource::CommandLine), _) => {
            option.get_long().map_or("argument".to_owned(), |long| format!("flag --{long}"))
        }
        (Some(ValueSource::EnvVariable), _) => {
            let name = option.get_env().unwrap_or_default();
            format!("environment {}", name.to_string_lossy())
        }
        (Some(_), Some(line)) => format!("file, line {line}"),
        (Some(_), None) => "default".to_owned(),
        (None, _) => "not set".to_owned(),
    };
    Entry { key, value, origin }
}

/// A value as typed, as TOML writes it.
fn in_toml(option: &Arg, text: &str) -> String {
    let holds = option.get_value_parser().type_id();
    if holds == TypeId::of::<Address>() {
        let shown = text.parse().map_or_else(|why| why, |address: Address| address.to_string());
        return Value::String(shown).to_string(); // without its password
    }
    let bare = [
        TypeId::of::<bool>(),
        TypeId::of::<f32>(),
        TypeId::of::<u8>(),
        TypeId::of::<u32>(),
        TypeId::of::<NonZero<u16>>(),
    ];
    let is_bare = bare.iter().any(|kind| holds == *kind);
    if is_bare && format!("x = {text}").parse::<Table>().is_ok() {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

/// The options as a configuration file that sets them all.
pub(super) fn print(entries: &[Entry], file: Option<&Path>) -> String {
    let mut text = match file {
        Some(path) => format!("# file: {}\n", path.display()),
        None => "# file: none\n".to_owned(),
    };
    for Entry { key, value, origin } in entries {
        let line = match value {
            Some(value) => format!("{key} = {value}"),
            None => format!("# {key} ="),
        };
        writeln!(text, "{line:<36}  # {origin}").expect("strings grow");
    }
    text
}
