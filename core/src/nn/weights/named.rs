//! Weights by their names: built in, or in the user's folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use directories::ProjectDirs;

use super::Weights;
use crate::{Error, Result};

/// Weights within the program.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    /// `weights/NAME.safetensors`.
    pub(super) bytes: &'static [u8],
    /// Of the bytes: calculating it is a fifth of a program's start.
    pub(super) sha256: &'static str,
}

/// The built-in weights, the default first.
pub(super) const BUILTIN: &[BuiltIn] = &[
    BuiltIn {
        name: "vivid",
        bytes: include_bytes!("../../../../weights/vivid.safetensors"),
        sha256: "c42469a364a9700e819e1622739f0b9805ad5b3bb9c5a1497bfea0e262ebf54d",
    },
    BuiltIn {
        name: "polychromify",
        bytes: include_bytes!("../../../../weights/polychromify.safetensors"),
        sha256: "de52940915bbe1890a551ee0e9fa9c93bedd3619f39dab974db4498a2cd0744b",
    },
];

impl Weights {
    /// Finds `name`: a file if it has a path separator or ends in `.safetensors`, else
    /// `NAME.safetensors` in `folder` (the user's), else a built-in one.
    ///
    /// # Errors
    ///
    /// When there is no such file or name, and those of [`Weights::read`].
    pub fn find(name: &str, folder: Option<&Path>) -> Result<Self> {
        if name.contains(std::path::is_separator) || name.ends_with(".safetensors") {
            return Self::read(name);
        }
        if let Some(path) = folder.map(|folder| folder.join(format!("{name}.safetensors")))
            && path.exists()
        {
            return Self::read(path);
        }
        if let Some(builtin) = BUILTIN.iter().find(|builtin| builtin.name == name) {
            return Self::builtin(builtin);
        }
        let known = Self::known_names(folder);
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let reason =
            format!("no weights of this name; known names: {known}; a file is named by its path");
        Err(Error::Weights { name: name.to_owned(), reason })
    }

    /// The built-in default.
    ///
    /// # Errors
    ///
    /// When the built-in file does not fit this build's networks.
    pub fn default_weights() -> Result<Self> {
        Self::builtin(&BUILTIN[0])
    }

    /// Names of the built-in ones, the default first.
    pub fn builtin_names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&str>> =
            LazyLock::new(|| BUILTIN.iter().map(|builtin| builtin.name).collect());
        &NAMES
    }

    /// The folder of the user's own weights, if the system tells of a home.
    pub fn user_folder() -> Option<PathBuf> {
        ProjectDirs::from("", "", "Polychromify").map(|user| user.data_dir().join("weights"))
    }

    /// Names that [`Weights::find`] knows: the built-in ones, the default first, and those in
    /// `folder` (the user's), each once.
    pub fn known_names(folder: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> =
            Self::builtin_names().iter().map(|&name| name.to_owned()).collect();
        let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let mut own: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".safetensors").map(str::to_owned))
            .filter(|name| !names.contains(name))
            .collect();
        own.sort();
        names.append(&mut own);
        names
    }

    fn builtin(&BuiltIn { name, bytes, sha256 }: &BuiltIn) -> Result<Self> {
        Self::from_bytes(name, name, bytes.into(), sha256.to_owned())
    }
}
