//! What a weights file holds for predictions in integers, beside the network's own tensors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::Dtype;

use super::tensors::{Bytes, Place};

/// What the names of these tensors begin with.
pub(super) const PREFIX: &str = "integers.";

/// Numbers of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Weights and ranges.
    I16(Vec<i16>),
    /// Biases.
    I32(Vec<i32>),
    /// Shifts.
    U8(Vec<u8>),
    /// Steps.
    F32(Vec<f32>),
}

impl Numbers {
    /// Type and little-endian bytes.
    pub(super) fn bytes(&self) -> (Dtype, Vec<u8>) {
        match self {
            Self::I16(numbers) => {
                (Dtype::I16, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
            }
            Self::I32(numbers) => {
                (Dtype::I32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
            }
            Self::U8(numbers) => (Dtype::U8, numbers.clone()),
            Self::F32(numbers) => {
                (Dtype::F32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
            }
        }
    }

    /// The numbers of little-endian bytes; `None` if their type is none of these.
    fn read(dtype: Dtype, bytes: &[u8]) -> Option<Self> {
        Some(match dtype {
            Dtype::I16 => Self::I16(read(bytes, i16::from_le_bytes)),
            Dtype::I32 => Self::I32(read(bytes, i32::from_le_bytes)),
            Dtype::U8 => Self::U8(bytes.to_vec()),
            Dtype::F32 => Self::F32(read(bytes, f32::from_le_bytes)),
            _ => return None,
        })
    }
}

fn read<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// Tensors for predictions in integers, by name (without `integers.`), with their shapes.
#[derive(Clone, Debug, Default)]
pub struct Integers(BTreeMap<String, Stored>);

/// Where a tensor's numbers are.
#[derive(Clone, Debug)]
enum Stored {
    Made(Vec<usize>, Numbers),
    /// In a file, of a type that [`Numbers`] has.
    Read(Place, Bytes),
}

impl Stored {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Made(shape, _) => shape,
            Self::Read(place, _) => &place.shape,
        }
    }

    fn numbers(&self) -> Cow<'_, Numbers> {
        match self {
            Self::Made(_, numbers) => Cow::Borrowed(numbers),
            Self::Read(Place { dtype, range, .. }, bytes) => {
                let numbers = Numbers::read(*dtype, &bytes[range.clone()]);
                Cow::Owned(numbers.expect("the type was checked as the file was read"))
            }
        }
    }
}

impl Integers {
    /// Adds a tensor, or replaces it.
    pub(crate) fn insert(&mut self, name: String, shape: Vec<usize>, numbers: Numbers) {
        self.0.insert(name, Stored::Made(shape, numbers));
    }

    /// Adds a file's tensor.
    ///
    /// # Errors
    ///
    /// When its type is none of [`Numbers`]'.
    pub(super) fn add(&mut self, name: &str, place: Place, bytes: &Bytes) -> Result<(), String> {
        if Numbers::read(place.dtype, &[]).is_none() {
            let found = place.dtype;
            return Err(format!("tensor `{PREFIX}{name}` is of type {found}, expected I16"));
        }
        self.0.insert(name.to_owned(), Stored::Read(place, bytes.clone()));
        Ok(())
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names, shapes and numbers of all of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &[usize], Cow<'_, Numbers>)> {
        self.0.iter().map(|(name, stored)| (name, stored.shape(), stored.numbers()))
    }

    /// The numbers of a tensor.
    ///
    /// # Errors
    ///
    /// When it is missing or has another number of them.
    pub(crate) fn get(&self, name: &str, length: usize) -> Result<Cow<'_, Numbers>, String> {
        let stored =
            self.0.get(name).ok_or_else(|| format!("tensor `{PREFIX}{name}` is missing"))?;
        let found: usize = stored.shape().iter().product();
        if found != length {
            return Err(format!("tensor `{PREFIX}{name}` has {found} numbers, expected {length}"));
        }
        Ok(stored.numbers())
    }

    /// The numbers of a tensor of i16.
    ///
    /// # Errors
    ///
    /// When it is missing, has another number of them or another type.
    pub(crate) fn i16(&self, name: &str, length: usize) -> Result<Vec<i16>, String> {
        match self.get(name, length)?.into_owned() {
            Numbers::I16(numbers) => Ok(numbers),
            _ => Err(format!("tensor `{PREFIX}{name}` is not of i16")),
        }
    }
}
