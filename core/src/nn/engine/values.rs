//! The values of candle's tensors.

use candle_core::{DType, Result, Storage, Tensor};
use rayon::prelude::*;

use super::features::{Target, filled};
use super::lanes::LANES;

/// A tensor's values, copied by all threads: those of a large network are hundreds of megabytes.
pub(super) fn values_of(tensor: &Tensor) -> Result<Vec<f32>> {
    const PART: usize = 1 << 16;
    let tensor = tensor.to_dtype(DType::F32)?.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let (Storage::Cpu(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets())
    else {
        return tensor.flatten_all()?.to_vec1();
    };
    let values = &storage.as_slice::<f32>()?[start..end];
    let fill = |target: Target<f32>| {
        values.par_chunks(PART).enumerate().for_each(|(i, values)| {
            // SAFETY: the chunk's own part.
            unsafe { target.part(i * PART, values.len()) }.copy_from_slice(values);
        });
    };
    // SAFETY: all chunks are written.
    Ok(unsafe { filled(values.len(), fill) })
}

/// Filled up with zeros to whole blocks.
pub(super) fn padded(values: &[f32]) -> Vec<f32> {
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(LANES), 0.0);
    values
}
