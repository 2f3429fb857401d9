//! A network's predictions, timed: the same for both sides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use polychromify_core::internals::engine::{Prepared, with_prepared};
use polychromify_core::internals::model::{Mode, Network};
use polychromify_core::internals::ops::{Precision, with_precision};

/// Height and width in pixels.
pub(crate) const SIDE: usize = 128;

/// A network as it is for use: without what gradients need, and with weights that are prepared once.
pub(crate) struct Contestant {
    network: Box<dyn Network>,
    prepared: Arc<Prepared>,
}

impl Contestant {
    pub(crate) fn new(build: impl Fn(VarBuilder<'_>) -> Result<Box<dyn Network>>) -> Result<Self> {
        let vars = VarMap::new();
        build(VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
        let named = vars.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let tensors = named.into_iter().map(|(name, var)| (name, var.as_detached_tensor()));
        let tensors: HashMap<_, _> = tensors.collect();
        let prepared = Arc::new(Prepared::new(tensors.values()));
        let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        Ok(Self { network: build(vb)?, prepared })
    }

    /// Seconds of one prediction.
    pub(crate) fn predict(&self, precision: Precision, lightness: &Tensor) -> Result<f64> {
        let start = Instant::now();
        let forward = || self.network.forward(lightness, None, Mode::Infer);
        with_prepared(&self.prepared, || with_precision(precision, forward))?;
        Ok(start.elapsed().as_secs_f64())
    }
}

/// Lightness in 0..=100 and chroma in -1..=1, of no picture in particular.
pub(crate) fn batch(images: usize, side: usize) -> Result<(Tensor, Tensor)> {
    let wave = |channels: usize, step: f32| {
        let count = images * channels * side * side;
        let values: Vec<f32> = (0..count).map(|i| (i as f32 * step).sin()).collect();
        Tensor::from_vec(values, (images, channels, side, side), &Device::Cpu)
    };
    Ok((wave(1, 0.013)?.affine(50., 50.)?, wave(2, 0.007)?))
}
