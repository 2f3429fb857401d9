//! Weights files: read, check, name their network; the built-in ones.

use std::path::Path;

use crate::Result;

/// A weights file in memory, its header checked.
pub struct Weights {}

impl Weights {
    /// Finds `name`: a file if it has a path separator or ends in `.safetensors`, else
    /// `NAME.safetensors` in `folder` (the user's), else a built-in one.
    pub fn find(_name: &str, _folder: Option<&Path>) -> Result<Self> {
        unimplemented!()
    }

    /// The built-in default.
    pub fn default_weights() -> Result<Self> {
        unimplemented!()
    }

    /// Names of the built-in ones, the default first.
    pub fn builtin_names() -> &'static [&'static str] {
        unimplemented!()
    }

    /// Name, such as `polychromify`.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// SHA-256 of the file, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        unimplemented!()
    }
}
