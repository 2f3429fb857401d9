//! What a network is: lightness in, chroma out.

use candle_core::{Device, Tensor};
use half::bf16;

use crate::nn::engine::{Pass, Prediction, Rows};
use crate::nn::ops::{self, Precision};

/// Networks predict `(a, b)` over this, in -1..=1.
pub const CHROMA_SCALE: f32 = 128.0;

/// Height and width, in pixels, of the blocks that color bins are told of.
pub const BLOCK: usize = 4;

/// Whether batch statistics are taken and kept, or the kept ones are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A training step: batch norm uses the batch's statistics and updates its running ones.
    Train,
    /// Everything else: the same input gives the same output, whatever else is in the batch.
    Infer,
}

/// A network with its weights.
pub trait Network: Send + Sync {
    /// Lightness `(N, 1, H, W)`, CIE L* in 0..=100 as it is, to chroma `(N, 2, H, W)`, which is
    /// `(a, b) / 128` in -1..=1. `H` and `W` are multiples of [`Network::stride`].
    ///
    /// `hints` are colors that are known, `(N, 3, H, W)`: `(a, b) / 128` where the mask is 1, and 0
    /// elsewhere; the mask, 0 or 1. A network that does not take them passes over them.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    fn forward(
        &self,
        lightness: &Tensor,
        hints: Option<&Tensor>,
        mode: Mode,
    ) -> candle_core::Result<Tensor> {
        Ok(heads(self, lightness, hints, mode, false)?.chroma)
    }

    /// What height and width have to be multiples of, in pixels; at least 1.
    fn stride(&self) -> usize;

    /// What is trained on: the chroma, and the bins where the network tells of them.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    fn heads(
        &self,
        lightness: &Tensor,
        hints: Option<&Tensor>,
        mode: Mode,
    ) -> candle_core::Result<Heads> {
        heads(self, lightness, hints, mode, true)
    }

    /// The same of candle's own operations, with their gradients: for other devices than the CPU, and
    /// to compare with.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    fn stock(
        &self,
        lightness: &Tensor,
        hints: Option<&Tensor>,
        mode: Mode,
    ) -> candle_core::Result<Heads>;

    /// The same in a pass on the CPU.
    ///
    /// # Errors
    ///
    /// When the shape does not fit.
    fn run(
        &self,
        pass: &mut dyn Pass,
        lightness: &Tensor,
        hints: Option<&Tensor>,
    ) -> candle_core::Result<Outcome>;

    /// Colors `[a, b]` of the bins that [`Heads::bins`] tells of, if it does.
    fn bin_centers(&self) -> Option<Vec<[f32; 2]>> {
        None
    }

    /// Whether hints are an input.
    fn takes_hints(&self) -> bool {
        false
    }
}

/// What a network says of a batch while it is trained.
#[derive(Clone, Debug)]
pub struct Heads {
    /// `(N, 2, H, W)`, the `(a, b) / 128` that squared error is taken of.
    pub chroma: Tensor,
    /// Logits of color bins, `(N H W / 16, Q)`: one row for each block of 4x4 pixels.
    pub bins: Option<Tensor>,
}

/// What a network says of a batch in a pass on the CPU.
#[derive(Debug)]
pub struct Outcome {
    /// `(N, 2, H, W)`, as [`Heads::chroma`].
    pub chroma: Vec<f32>,
    /// Logits of color bins, as [`Heads::bins`].
    pub bins: Option<Rows>,
}

/// What a network says of a batch: by the engine in a prediction on the CPU, where logits of bins can be
/// left out, and by candle elsewhere.
pub(super) fn heads(
    network: &(impl Network + ?Sized),
    lightness: &Tensor,
    hints: Option<&Tensor>,
    mode: Mode,
    bins: bool,
) -> candle_core::Result<Heads> {
    if mode == Mode::Train || !lightness.device().is_cpu() {
        return network.stock(lightness, hints, mode);
    }
    let (n, _, height, width) = lightness.dims4()?;
    let pass: &mut dyn Pass = match ops::current_precision().or_f32() {
        Precision::F32 => &mut Prediction::<f32>::new(bins),
        Precision::Bf16 => &mut Prediction::<bf16>::new(bins),
    };
    let Outcome { chroma, bins } = network.run(pass, lightness, hints)?;
    let bins = bins.map(|Rows { values, step, columns }| {
        let rows = values.len() / step;
        Tensor::from_vec(values, (rows, step), &Device::Cpu)?.narrow(1, 0, columns)?.contiguous()
    });
    let chroma = Tensor::from_vec(chroma, (n, 2, height, width), &Device::Cpu)?;
    Ok(Heads { chroma, bins: bins.transpose()? })
}
