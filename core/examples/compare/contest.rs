//! A network with its optimizer, timed: the same for both sides.

use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Optimizer, VarBuilder, VarMap};
use polychromify_core::model::{Mode, Network};
use polychromify_core::ops::{Precision, with_precision};

/// Height and width in pixels.
pub(crate) const SIDE: usize = 128;

/// A network with its optimizer.
pub(crate) struct Contestant {
    network: Box<dyn Network>,
    /// The same as it is for use, without what gradients need.
    trained: Box<dyn Network>,
    optimizer: AdamW,
}

impl Contestant {
    pub(crate) fn new(build: impl Fn(VarBuilder<'_>) -> Result<Box<dyn Network>>) -> Result<Self> {
        let vars = VarMap::new();
        let network = build(VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
        let named = vars.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let tensors = named.into_iter().map(|(name, var)| (name, var.as_detached_tensor()));
        let trained = build(VarBuilder::from_tensors(tensors.collect(), DType::F32, &Device::Cpu))?;
        let optimizer = AdamW::new_lr(vars.all_vars(), 1e-4)?;
        Ok(Self { network, trained, optimizer })
    }

    /// Seconds of one training step.
    pub(crate) fn step(
        &mut self,
        precision: Precision,
        lightness: &Tensor,
        chroma: &Tensor,
    ) -> Result<f64> {
        let start = Instant::now();
        let y = with_precision(precision, || self.network.forward(lightness, None, Mode::Train))?;
        let loss = y.sub(chroma)?.sqr()?.mean_all()?;
        self.optimizer.backward_step(&loss)?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Seconds of one prediction.
    pub(crate) fn predict(&self, precision: Precision, lightness: &Tensor) -> Result<f64> {
        let start = Instant::now();
        with_precision(precision, || self.trained.forward(lightness, None, Mode::Infer))?;
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
