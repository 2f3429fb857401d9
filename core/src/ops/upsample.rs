//! Nearest upsampling by two on the CPU; its gradient sums four pixels.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::storage::contiguous;

/// `(N, C, H, W)` to `(N, C, 2 H, 2 W)`.
pub(super) struct Upsample2x;

impl CustomOp1 for Upsample2x {
    fn name(&self) -> &'static str {
        "upsample2x"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let x = contiguous(storage, layout)?;
        let mut y = vec![0f32; 4 * x.len()];
        let planes = y.par_chunks_mut((4 * height * width).max(1));
        planes.zip(x.par_chunks((height * width).max(1))).for_each(|(y, x)| {
            for (y, x) in y.chunks_exact_mut(4 * width).zip(x.chunks_exact(width)) {
                let (upper, lower) = y.split_at_mut(2 * width);
                for (pair, &x) in upper.chunks_exact_mut(2).zip(x) {
                    pair.fill(x);
                }
                lower.copy_from_slice(upper);
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((n, channels, 2 * height, 2 * width))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        gradient.contiguous()?.apply_op1_no_bwd(&Sum2x)?.reshape(x.shape()).map(Some)
    }
}

/// `(N, C, 2 H, 2 W)` to `(N, C, H, W)`: sums of 2x2 pixels.
struct Sum2x;

impl CustomOp1 for Sum2x {
    fn name(&self) -> &'static str {
        "sum2x"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let (height, width) = (height / 2, width / 2);
        let x = contiguous(storage, layout)?;
        let mut y = vec![0f32; x.len() / 4];
        let planes = y.par_chunks_mut((height * width).max(1));
        planes.zip(x.par_chunks((4 * height * width).max(1))).for_each(|(y, x)| {
            for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(4 * width)) {
                let (upper, lower) = x.split_at(2 * width);
                for ((y, upper), lower) in
                    y.iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2))
                {
                    *y = (upper[0] + upper[1]) + (lower[0] + lower[1]);
                }
            }
        });
        Ok((CpuStorage::F32(y), Shape::from((n, channels, height, width))))
    }
}
