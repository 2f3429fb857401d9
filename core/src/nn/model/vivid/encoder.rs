//! `EfficientNet-Lite0` on lightness, with batch norm folded into its convolutions.
//!
//! Tan and Le, "`EfficientNet`", 2019, <https://arxiv.org/abs/1905.11946>; the Lite variants, with
//! `ReLU6` and without squeeze-and-excitation, are `TensorFlow`'s,
//! <https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite>.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::layers::{Conv, Depthwise, Side};
use crate::nn::engine::{Pass, Residual, Value};
use crate::nn::model::blocks::conv;
use crate::nn::ops::Activation;

/// Kernel, stride, expansion, channels and number of blocks of each stage.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
];

/// Channels of the first convolution.
pub(super) const STEM: usize = 32;

/// Blocks whose results are handed out: the last of each size.
const TAPS: [usize; 5] = [0, 2, 4, 10, 15];

/// Channels of what is handed out.
pub(super) const CHANNELS: [usize; 5] = [16, 24, 40, 112, 320];

/// The encoder: tensors `stem` and, for each block N from 0, `blocks.N.expand` (but in block 0),
/// `blocks.N.depthwise` and `blocks.N.project`, each with `weight` and `bias`.
#[derive(Clone, Debug)]
pub(super) struct Encoder {
    stem: Conv,
    blocks: Vec<Block>,
}

/// Inverted residual block.
#[derive(Clone, Debug)]
struct Block {
    expand: Option<Conv>,
    depthwise: Depthwise,
    project: Conv,
    residual: bool,
}

impl Encoder {
    pub(super) fn new(vb: VarBuilder) -> Result<Self> {
        let stem = Conv::new(1, STEM, 3, 2, vb.pp("stem"))?;
        let (mut inputs, mut blocks) = (STEM, Vec::new());
        for (kernel, stride, expansion, outputs, count) in STAGES {
            for i in 0..count {
                let vb = vb.pp("blocks").pp(blocks.len());
                let stride = if i == 0 { stride } else { 1 };
                let hidden = inputs * expansion;
                let expand =
                    (expansion > 1).then(|| Conv::new(inputs, hidden, 1, 1, vb.pp("expand")));
                blocks.push(Block {
                    expand: expand.transpose()?,
                    depthwise: Depthwise::new(hidden, kernel, stride, vb.pp("depthwise"))?,
                    project: Conv::new(hidden, outputs, 1, 1, vb.pp("project"))?,
                    residual: stride == 1 && inputs == outputs,
                });
                inputs = outputs;
            }
        }
        Ok(Self { stem, blocks })
    }

    /// Lightness of one channel, scaled as `ImageNet`'s mean channel, to [`CHANNELS`] at a half, a
    /// quarter, .. a 32nd of the size. The stem sees the hints too, if there are any.
    pub(super) fn forward(
        &self,
        lightness: &Tensor,
        hints: Option<Side<'_>>,
    ) -> Result<Vec<Tensor>> {
        let mut x = self.stem.forward(lightness, hints, Activation::Relu6)?;
        let mut taps = Vec::with_capacity(TAPS.len());
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&x)?;
            if TAPS.contains(&i) {
                taps.push(x.clone());
            }
        }
        Ok(taps)
    }
}

impl Encoder {
    /// The same in a pass.
    pub(super) fn run(
        &self,
        pass: &mut dyn Pass,
        lightness: &Tensor,
        hints: Option<Side<'_>>,
    ) -> Result<Vec<Value>> {
        let [weight, bias] = self.stem.parameters();
        let mut planes = vec![(lightness, weight)];
        planes.extend(hints.map(|side| (side.planes, side.weight)));
        let mut x = pass.picture(&planes, bias, conv(2, Activation::Relu6))?;
        let mut taps = Vec::with_capacity(TAPS.len());
        for (i, block) in self.blocks.iter().enumerate() {
            x = pass.inverted_residual(&x, &block.parameters())?;
            if TAPS.contains(&i) {
                taps.push(x.clone());
            }
        }
        Ok(taps)
    }
}

impl Block {
    fn parameters(&self) -> Residual<'_> {
        Residual {
            expand: self.expand.as_ref().map(Conv::parameters),
            depthwise: self.depthwise.parameters(),
            stride: self.depthwise.stride(),
            project: self.project.parameters(),
            residual: self.residual,
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let expanded = match &self.expand {
            Some(expand) => expand.forward(x, None, Activation::Relu6)?,
            None => x.clone(),
        };
        let y = self.depthwise.forward(&expanded)?;
        let y = self.project.forward(&y, None, Activation::None)?;
        if self.residual { y + x } else { Ok(y) }
    }
}
