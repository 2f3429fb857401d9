//! A weights file, read and checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use candle_core::Tensor;
use safetensors::SafeTensors;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::integers::{self, Integers};
use super::tensors::{Bytes, Place, Tensors, are_finite};
use crate::text::hexadecimal;
use crate::{Error, Result};

pub(super) const NETWORK: &str = "polychromify.network";
pub(super) const CONFIG: &str = "polychromify.config";
pub(super) const TRAINING: &str = "polychromify.training";
pub(super) const SEPIA: &str = "polychromify.sepia";

/// Pixels of the thumbnail that a network sees, where its configuration has no `work_area`: the
/// 128x128 that the networks of this crate are trained at.
const WORK_AREA: usize = 128 * 128;

/// A weights file in memory, its header checked.
#[derive(Clone, Debug)]
pub struct Weights {
    name: String,
    given: String,
    sha256: String,
    network: String,
    config: Value,
    training: Value,
    sepia: [f32; 2],
    tensors: Arc<Tensors>,
    integers: Arc<Integers>,
}

impl Weights {
    /// Reads a weights file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not a safetensors file, holds other than floating-point numbers
    /// or some that are infinite or none at all, or lacks the metadata that names its network.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(Error::io(path, "read"))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        let given = path.display().to_string();
        // Of the built-in files the hash is known.
        let broken = not_finite(&bytes);
        let weights = Self::from_bytes(&name, &given, bytes.into(), sha256)?;
        match broken {
            None => Ok(weights),
            Some(tensor) => Err(weights.refusal(format!(
                "tensor `{tensor}` holds values that are infinite or not a number"
            ))),
        }
    }

    /// Name, such as `polychromify`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the file, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Name of the network that the tensors are for.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Configuration of the network.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// What the file says of its training (data, seed, epochs, command, measures); null where it
    /// says nothing.
    pub fn training(&self) -> &Value {
        &self.training
    }

    /// Mean `[a, b]` of the training set, in -128..=127; `[0, 0]` where the file says nothing.
    pub fn sepia(&self) -> [f32; 2] {
        self.sepia
    }

    /// Pixels of the thumbnail that the network sees at most.
    pub fn work_area(&self) -> usize {
        let area = self.config.get("work_area").and_then(Value::as_u64);
        area.and_then(|area| usize::try_from(area).ok()).unwrap_or(WORK_AREA)
    }

    /// How many numbers the tensors hold: the network's parameters and, with batch norm, its
    /// running means and variances.
    pub fn parameters(&self) -> usize {
        self.tensors.count()
    }

    /// Whether the file holds what predictions in integers need.
    pub fn has_integers(&self) -> bool {
        !self.integers.is_empty()
    }

    /// What predictions in integers need; empty where the file holds nothing.
    pub(crate) fn integers(&self) -> &Integers {
        &self.integers
    }

    /// A refusal of the file.
    pub(crate) fn refusal(&self, reason: String) -> Error {
        Error::Weights { name: self.given.clone(), reason }
    }

    pub(super) fn from_bytes(
        name: &str,
        given: &str,
        bytes: Cow<'static, [u8]>,
        sha256: String,
    ) -> Result<Self> {
        let refuse = |reason: String| Error::Weights { name: given.to_owned(), reason };
        let not_ours = |error| refuse(format!("not a safetensors file: {error}"));
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(not_ours)?;
        let Some(metadata) = header.metadata() else {
            return Err(refuse(format!("has no metadata, expected `{NETWORK}` and `{CONFIG}`")));
        };
        let text = |key: &str| metadata.get(key).map(String::as_str);
        let json = |key: &str, value: &str| {
            serde_json::from_str::<Value>(value)
                .map_err(|error| refuse(format!("metadata `{key}` is not JSON: {error}")))
        };
        let required =
            |key: &str| text(key).ok_or_else(|| refuse(format!("metadata has no `{key}`")));

        let network = required(NETWORK)?.to_owned();
        let config = json(CONFIG, required(CONFIG)?)?;
        let training = text(TRAINING).map_or(Ok(Value::Null), |value| json(TRAINING, value))?;
        let sepia = match text(SEPIA) {
            Some(value) => serde_json::from_str(value).map_err(|error| {
                refuse(format!("metadata `{SEPIA}` is not a pair of numbers: {error}"))
            })?,
            None => [0.0; 2],
        };
        let start = 8 + length; // its length is before the header
        let places = header.tensors().into_iter();
        let places = places.map(|(name, info)| (name, Place::new(info, start)));
        let bytes: Bytes = Arc::new(bytes);
        let (mut own, mut integers) = (BTreeMap::new(), Integers::default());
        for (name, place) in places {
            match name.strip_prefix(integers::PREFIX) {
                None => {
                    own.insert(name, place);
                }
                Some(name) => integers.add(name, place, &bytes).map_err(refuse)?,
            }
        }
        let tensors = Arc::new(Tensors::new(bytes, own).map_err(refuse)?);
        let integers = Arc::new(integers);
        Ok(Self {
            name: name.to_owned(),
            given: given.to_owned(),
            sha256,
            network,
            config,
            training,
            sepia,
            tensors,
            integers,
        })
    }
}

/// The first tensor by name with a value that no training ends with, and from which no color comes.
fn not_finite(file: &[u8]) -> Option<String> {
    let file = SafeTensors::deserialize(file).ok()?;
    let broken = file.iter().filter(|(_, tensor)| !are_finite(tensor.dtype(), tensor.data()));
    broken.map(|(name, _)| name.to_owned()).min()
}

/// The tensors by name, f32 and on the CPU; made when they are first asked for.
pub fn tensors(weights: &Weights) -> &BTreeMap<String, Tensor> {
    weights.tensors.all()
}
