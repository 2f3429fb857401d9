//! Settings from the command line: JSON, files of it, and what was given in place of a default.

use std::path::Path;

use polychromify_core::{Error, Result};
use polychromify_train::train::Recipe;
use serde_json::{Value, json};

/// A recipe with some of its entries changed: by JSON or a file of it.
pub(crate) fn recipe(own: Recipe, changes: Option<&String>) -> Result<Recipe> {
    let recipe = serde_json::from_value(changed(&json!(own), changes)?);
    let text = changes.map_or("", String::as_str);
    recipe.map_err(|error| Error::Train(format!("--recipe {text}: {error}")))
}

/// The command as it was given.
pub(crate) fn command_line() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("polychromify-train {}", words.join(" "))
}

/// Sets a field that was given.
pub(crate) fn set<T: Clone>(field: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        field.clone_from(given);
    }
}

/// JSON with some of its entries changed: by JSON or a file of it.
pub(crate) fn changed(value: &Value, changes: Option<&String>) -> Result<Value> {
    let mut value = value.clone();
    let Some(text) = changes else { return Ok(value) };
    match (&mut value, read_json(text)?) {
        (Value::Object(value), Value::Object(changes)) => value.extend(changes),
        (value, changes) => *value = changes,
    }
    Ok(value)
}

/// JSON, or a file of it.
pub(crate) fn read_json(text: &str) -> Result<Value> {
    let json = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        std::fs::read_to_string(text).map_err(Error::io(Path::new(text), "read"))?
    };
    let parsed = serde_json::from_str(&json);
    parsed.map_err(|error| Error::Train(format!("--config {text}: not JSON: {error}")))
}
