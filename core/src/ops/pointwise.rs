//! What is done to each value by itself on the CPU, on all threads and in one pass.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::storage::{contiguous, cpu};

/// Values a task.
const PART: usize = 16 * 1024;

/// A new buffer of a function of the values of two.
fn zip(x: &[f32], y: &[f32], function: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut z = vec![0f32; x.len()];
    let parts = z.par_chunks_mut(PART).zip(x.par_chunks(PART)).zip(y.par_chunks(PART));
    parts.for_each(|((z, x), y)| {
        z.iter_mut().zip(x).zip(y).for_each(|((z, x), y)| *z = function(*x, *y));
    });
    z
}

/// The same of two tensors, which lie in main memory one value after the other.
fn zip_tensors(x: &Tensor, y: &Tensor, f: impl Fn(f32, f32) -> f32 + Sync) -> Result<Tensor> {
    let values = {
        let (x_storage, x_layout) = x.storage_and_layout();
        let (y_storage, y_layout) = y.storage_and_layout();
        zip(contiguous(cpu(&x_storage)?, x_layout)?, contiguous(cpu(&y_storage)?, y_layout)?, f)
    };
    Tensor::from_vec(values, x.shape(), x.device())
}

/// See [`super::scale_shift`].
pub(super) struct ScaleShift {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl CustomOp1 for ScaleShift {
    fn name(&self) -> &'static str {
        "scale-shift"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = layout.shape().dims4()?;
        if [self.scale.len(), self.shift.len()] != [channels; 2] {
            bail!("{channels} channels for {} and {}", self.scale.len(), self.shift.len());
        }
        let x = contiguous(storage, layout)?;
        let area = (height * width).max(1);
        let mut y = vec![0f32; x.len()];
        let planes = y.par_chunks_mut(area).zip(x.par_chunks(area)).enumerate();
        planes.for_each(|(i, (y, x))| {
            let (scale, shift) = (self.scale[i % channels], self.shift[i % channels]);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = x * scale + shift);
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}

/// See [`super::add_relu`].
pub(super) struct AddRelu;

impl CustomOp2 for AddRelu {
    fn name(&self) -> &'static str {
        "add-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if x_layout.shape() != y_layout.shape() {
            bail!("sum of {:?} and {:?}", x_layout.shape(), y_layout.shape());
        }
        let (x, y) = (contiguous(x, x_layout)?, contiguous(y, y_layout)?);
        // Unlike `f32::max`, this keeps a NaN: a diverged network has to show.
        let sum = zip(x, y, |x, y| if x + y <= 0. { 0. } else { x + y });
        Ok((CpuStorage::F32(sum), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        _y: &Tensor,
        sum: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let through = |sum: f32, d: f32| if sum > 0. { d } else { 0. };
        let gradient = zip_tensors(sum, &gradient.contiguous()?, through)?;
        Ok((Some(gradient.clone()), Some(gradient)))
    }
}

/// See [`super::add`].
pub(super) struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if x_layout.shape() != y_layout.shape() {
            bail!("sum of {:?} and {:?}", x_layout.shape(), y_layout.shape());
        }
        let (x, y) = (contiguous(x, x_layout)?, contiguous(y, y_layout)?);
        Ok((CpuStorage::F32(zip(x, y, |x, y| x + y)), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        _y: &Tensor,
        _sum: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(gradient.clone()), Some(gradient.clone())))
    }
}

/// See [`super::leaky_relu`].
pub(super) struct LeakyRelu {
    pub(super) slope: f32,
}

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = contiguous(storage, layout)?;
        let y = zip(x, x, |x, _| if x > 0. { x } else { self.slope * x });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let through = |x: f32, d: f32| if x > 0. { d } else { self.slope * d };
        zip_tensors(x, &gradient.contiguous()?, through).map(Some)
    }
}

/// See [`super::every_second`].
pub(super) struct EverySecond;

impl CustomOp1 for EverySecond {
    fn name(&self) -> &'static str {
        "every-second"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        if height % 2 == 1 || width % 2 == 1 {
            bail!("every second row and column of {:?}: not even in number", layout.shape());
        }
        let x = contiguous(storage, layout)?;
        let mut y = vec![0f32; x.len() / 4];
        let lines = y.par_chunks_mut((width / 2).max(1)).zip(x.par_chunks((2 * width).max(1)));
        lines.for_each(|(y, x)| {
            y.iter_mut().zip(x.iter().step_by(2)).for_each(|(y, x)| *y = *x);
        });
        Ok((CpuStorage::F32(y), Shape::from((n, channels, height / 2, width / 2))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        gradient.contiguous()?.apply_op1_no_bwd(&Apart)?.reshape(x.shape()).map(Some)
    }
}

/// `(N, C, H, W)` to `(N, C, 2 H, 2 W)`: zeros between the values, and after them.
struct Apart;

impl CustomOp1 for Apart {
    fn name(&self) -> &'static str {
        "apart"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, channels, height, width) = layout.shape().dims4()?;
        let x = contiguous(storage, layout)?;
        let mut y = vec![0f32; 4 * x.len()];
        let lines = y.par_chunks_mut((4 * width).max(1)).zip(x.par_chunks(width.max(1)));
        lines.for_each(|(y, x)| {
            y.iter_mut().step_by(2).zip(x).for_each(|(y, x)| *y = *x);
        });
        Ok((CpuStorage::F32(y), Shape::from((n, channels, 2 * height, 2 * width))))
    }
}
