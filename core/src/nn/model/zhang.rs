//! What the networks of R. Zhang and others have in common.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use super::blocks::{BatchNorm, Conv2d, Flow, NormConstants};
use super::network::{CHROMA_SCALE, Mode};
use crate::nn::engine::{Pass, Rows, Value};
use crate::nn::ops::{Activation, Conv, Padding};

/// Distance of color bins, in units of `a` and `b`.
const GRID: i32 = 10;

/// Least and greatest `b` of the bins for each `a` from -90 on, in units of [`GRID`].
///
/// The 313 bins of the published `pts_in_hull.npy`, in its order: by `a`, then `b`. They hold all
/// cells of the grid that sRGB reaches (260, as `vivid` has them) and most of their neighbors.
const HULL: [(i32, i32); 20] = [
    (5, 9),
    (2, 9),
    (0, 9),
    (-2, 9),
    (-3, 10),
    (-4, 10),
    (-5, 10),
    (-5, 10),
    (-6, 10),
    (-7, 10),
    (-8, 9),
    (-8, 9),
    (-9, 9),
    (-10, 9),
    (-10, 8),
    (-11, 8),
    (-11, 8),
    (-11, 7),
    (-11, 7),
    (-9, 0),
];

/// The published networks give `(a, b) / 110`.
pub(super) const CHROMA_RATIO: f64 = 110. / CHROMA_SCALE as f64;

/// Centers `[a, b]` of the 313 bins of ECCV16.
pub fn hull_centers() -> Vec<[f32; 2]> {
    let column = |(i, &(least, greatest)): (i32, &(i32, i32))| {
        (least..=greatest).map(move |b| [((i - 9) * GRID) as f32, (b * GRID) as f32])
    };
    (0..).zip(&HULL).flat_map(column).collect()
}

/// Centers `[a, b]` of the 529 bins of SIGGRAPH17: the whole grid from -110 to 110, by `a`, then `b`.
pub fn square_centers() -> Vec<[f32; 2]> {
    let along = || (-11..=11).map(|i| (i * GRID) as f32);
    along().flat_map(|a| along().map(move |b| [a, b])).collect()
}

/// 3x3 convolutions with `ReLU`, and batch norm after the last: tensors `N.weight` and `N.bias`, N
/// from 0, and those of `norm`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    convs: Vec<Conv2d>,
    norm: Option<BatchNorm>,
}

/// How a block's convolutions step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// Convolutions.
    pub(super) count: usize,
    /// Step of the last one.
    pub(super) stride: usize,
    /// Of all.
    pub(super) dilation: usize,
}

impl Steps {
    /// Without stride and dilation.
    pub(super) fn plain(count: usize) -> Self {
        Self { count, stride: 1, dilation: 1 }
    }
}

impl Block {
    /// Takes the tensors from `vb`.
    pub(super) fn new(
        inputs: usize,
        outputs: usize,
        steps: Steps,
        norm: Option<NormConstants>,
        vb: VarBuilder,
    ) -> Result<Self> {
        let conv = |i: usize| {
            let inputs = if i == 0 { inputs } else { outputs };
            let stride = if i + 1 == steps.count { steps.stride } else { 1 };
            // PyTorch's symmetric padding.
            let padding = Padding::Before([steps.dilation; 2]);
            let dilation = steps.dilation;
            let conv = Conv { stride, dilation, padding, activation: Activation::Relu };
            Conv2d::new(inputs, outputs, 3, conv, vb.pp(i))
        };
        let norm = norm.map(|norm| BatchNorm::with_constants(outputs, norm, vb.pp("norm")));
        Ok(Self {
            convs: (0..steps.count).map(conv).collect::<Result<_>>()?,
            norm: norm.transpose()?,
        })
    }

    /// `(N, Cin, H, W)` to `(N, Cout, H / stride, W / stride)`.
    pub(super) fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = x.clone();
        for conv in &self.convs {
            x = conv.forward(&x)?;
        }
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x, mode))
    }

    /// The same in a pass.
    pub(super) fn run(&self, pass: &mut dyn Pass, x: Flow<'_>) -> Result<Value> {
        let x = self.convs.iter().try_fold(x, |x, conv| conv.run(pass, &x))?;
        let x = x.value()?;
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.run(pass, x))
    }
}

/// The annealed mean of the bins' colors (section 2.3 of the paper): `(N, 2, H, W)` of pictures of so
/// many pixels.
pub(super) fn annealed_mean(
    logits: &Rows,
    centers: &[[f32; 2]],
    sharpness: f32,
    area: usize,
) -> Vec<f32> {
    let pixels = logits.values.par_chunks_exact(logits.step).map(|row| {
        let row = &row[..logits.columns];
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let (mut all, mut sums) = (0., [0.; 2]);
        for (logit, center) in row.iter().zip(centers) {
            let share = ((logit - most) * sharpness).exp();
            all += share;
            (0..2).for_each(|i| sums[i] += share * center[i]);
        }
        sums.map(|sum| sum / all)
    });
    let pixels: Vec<[f32; 2]> = pixels.collect();
    let picture = |pixels: &[[f32; 2]]| {
        [0, 1].map(|i| pixels.iter().map(|pixel| pixel[i]).collect::<Vec<_>>()).concat()
    };
    pixels.chunks_exact(area).flat_map(picture).collect()
}

/// A 1x1 convolution.
pub(super) fn pointwise(
    inputs: usize,
    outputs: usize,
    activation: Activation,
    vb: VarBuilder,
) -> Result<Conv2d> {
    Conv2d::new(inputs, outputs, 1, Conv { activation, ..Conv::default() }, vb)
}

/// `(N, Q, H, W)` to `(N H W, Q)`: a row for each pixel.
pub(super) fn rows(x: &Tensor) -> Result<Tensor> {
    let (n, bins, height, width) = x.dims4()?;
    x.flatten_from(2)?.transpose(1, 2)?.contiguous()?.reshape((n * height * width, bins))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::model::vivid;

    #[test]
    fn the_313_bins_hold_all_that_srgb_reaches() {
        let centers = hull_centers();
        assert_eq!(centers.len(), 313);
        assert_eq!([centers[0], centers[5], centers[312]], [[-90., 50.], [-80., 20.], [100., 0.]]);
        assert!(vivid::bin_centers().iter().all(|center| centers.contains(center)));
    }

    #[test]
    fn the_529_bins_are_a_square() {
        let centers = square_centers();
        assert_eq!(centers.len(), 529);
        assert_eq!(
            [centers[0], centers[24], centers[528]],
            [[-110., -110.], [-100., -100.], [110., 110.]]
        );
    }
}
