//! The network's own tensors of a weights file, made when they are first asked for: predictions in
//! integers need none of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device, Result, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorInfo;

/// A weights file.
pub(super) type Bytes = Arc<Cow<'static, [u8]>>;

/// Where a tensor lies in a file, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) range: Range<usize>,
}

impl Place {
    /// In a file whose tensors begin at `start`.
    pub(super) fn new(info: &TensorInfo, start: usize) -> Self {
        let (first, end) = info.data_offsets;
        Self { dtype: info.dtype, shape: info.shape.clone(), range: start + first..start + end }
    }

    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// As f32, on the CPU.
    fn tensor(&self, bytes: &[u8]) -> Result<Tensor> {
        let (bytes, cpu) = (&bytes[self.range.clone()], &Device::Cpu);
        let dtype = match self.dtype {
            Dtype::F16 => return Tensor::from_vec(from_f16(bytes), self.shape.as_slice(), cpu),
            Dtype::BF16 => DType::BF16,
            Dtype::F64 => DType::F64,
            _ => DType::F32,
        };
        Tensor::from_raw_buffer(bytes, dtype, &self.shape, cpu)?.to_dtype(DType::F32)
    }
}

/// Tensors of floating-point numbers by name.
#[derive(Debug)]
pub(super) struct Tensors {
    bytes: Bytes,
    places: BTreeMap<String, Place>,
    made: OnceLock<BTreeMap<String, Tensor>>,
}

impl Tensors {
    /// # Errors
    ///
    /// When one is of another type.
    pub(super) fn new(
        bytes: Bytes,
        places: BTreeMap<String, Place>,
    ) -> std::result::Result<Self, String> {
        let floats = [Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64];
        match places.iter().find(|(_, place)| !floats.contains(&place.dtype)) {
            None => Ok(Self { bytes, places, made: OnceLock::new() }),
            Some((name, Place { dtype, .. })) => {
                Err(format!("tensor `{name}` is of type {dtype}, expected F32"))
            }
        }
    }

    /// How many numbers they hold.
    pub(super) fn count(&self) -> usize {
        self.places.values().map(Place::count).sum()
    }

    /// All of them, f32 and on the CPU.
    pub(super) fn all(&self) -> &BTreeMap<String, Tensor> {
        let tensor = |(name, place): (&String, &Place)| {
            let tensor = place.tensor(&self.bytes);
            (name.clone(), tensor.expect("lengths were checked as the file was read"))
        };
        self.made.get_or_init(|| self.places.par_iter().map(tensor).collect())
    }
}

/// Whether all numbers of little-endian bytes are finite as f32; integers are.
pub(super) fn are_finite(dtype: Dtype, bytes: &[u8]) -> bool {
    fn all<const N: usize>(bytes: &[u8], is_finite: impl Fn([u8; N]) -> bool) -> bool {
        bytes.as_chunks().0.iter().all(|&number| is_finite(number))
    }
    match dtype {
        Dtype::F16 => all(bytes, |number| f16::from_le_bytes(number).is_finite()),
        Dtype::BF16 => all(bytes, |number| bf16::from_le_bytes(number).is_finite()),
        Dtype::F32 => all(bytes, |number| f32::from_le_bytes(number).is_finite()),
        Dtype::F64 => all(bytes, |number| (f64::from_le_bytes(number) as f32).is_finite()),
        _ => true,
    }
}

/// The numbers of little-endian f16, in pieces that stay in the first-level cache.
fn from_f16(bytes: &[u8]) -> Vec<f32> {
    let mut numbers = vec![0.0; bytes.len() / 2];
    let mut halves = [f16::ZERO; 1024];
    for (numbers, bytes) in numbers.chunks_mut(1024).zip(bytes.chunks(2048)) {
        let halves = &mut halves[..numbers.len()];
        for (half, &bytes) in halves.iter_mut().zip(bytes.as_chunks().0) {
            *half = f16::from_le_bytes(bytes);
        }
        halves.convert_to_f32_slice(numbers);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_whole_and_in_order() {
        let halves: Vec<f16> = (0..2500).map(|i| f16::from_f32(i as f32 / 7.0 - 100.0)).collect();
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let expected: Vec<f32> = halves.iter().map(|half| half.to_f32()).collect();
        assert_eq!(from_f16(&bytes), expected);
    }
}
