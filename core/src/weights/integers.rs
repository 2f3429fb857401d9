//! What a weights file holds for predictions in integers, beside the network's own tensors.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

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
    fn len(&self) -> usize {
        match self {
            Self::I16(numbers) => numbers.len(),
            Self::I32(numbers) => numbers.len(),
            Self::U8(numbers) => numbers.len(),
            Self::F32(numbers) => numbers.len(),
        }
    }

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

    /// The numbers of a file's tensor; `None` if their type is none of these.
    pub(super) fn read(view: &TensorView<'_>) -> Option<Self> {
        let bytes = view.data();
        let four = || bytes.as_chunks::<4>().0.iter().copied();
        match view.dtype() {
            Dtype::I16 => {
                let pairs = bytes.as_chunks::<2>().0.iter().copied();
                Some(Self::I16(pairs.map(i16::from_le_bytes).collect()))
            }
            Dtype::I32 => Some(Self::I32(four().map(i32::from_le_bytes).collect())),
            Dtype::U8 => Some(Self::U8(bytes.to_vec())),
            Dtype::F32 => Some(Self::F32(four().map(f32::from_le_bytes).collect())),
            _ => None,
        }
    }
}

/// Tensors for predictions in integers, by name (without `integers.`), with their shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Integers(BTreeMap<String, (Vec<usize>, Numbers)>);

impl Integers {
    /// Adds a tensor, or replaces it.
    pub(crate) fn insert(&mut self, name: String, shape: Vec<usize>, numbers: Numbers) {
        self.0.insert(name, (shape, numbers));
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &(Vec<usize>, Numbers))> {
        self.0.iter()
    }

    /// The numbers of a tensor.
    ///
    /// # Errors
    ///
    /// When it is missing or has another number of them.
    pub(crate) fn get(&self, name: &str, length: usize) -> Result<&Numbers, String> {
        let (_, numbers) =
            self.0.get(name).ok_or_else(|| format!("tensor `{PREFIX}{name}` is missing"))?;
        if numbers.len() != length {
            let found = numbers.len();
            return Err(format!("tensor `{PREFIX}{name}` has {found} numbers, expected {length}"));
        }
        Ok(numbers)
    }

    /// The numbers of a tensor of i16.
    ///
    /// # Errors
    ///
    /// When it is missing, has another number of them or another type.
    pub(crate) fn i16(&self, name: &str, length: usize) -> Result<&[i16], String> {
        match self.get(name, length)? {
            Numbers::I16(numbers) => Ok(numbers),
            _ => Err(format!("tensor `{PREFIX}{name}` is not of i16")),
        }
    }
}
