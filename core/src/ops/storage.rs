//! Tensors as slices of memory.

use candle_core::{CpuStorage, Layout, Result, Storage, bail};

/// The storage of a tensor that is in main memory.
pub(super) fn cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("the fast operations run on the CPU only"),
    }
}

/// The values of a tensor that lie one after the other.
pub(super) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the fast operations need contiguous tensors"),
    }
}
