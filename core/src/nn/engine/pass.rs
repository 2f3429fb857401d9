//! What a network asks of the engine: the operations of a forward pass on the CPU.
//!
//! A `tape` calculates them and keeps what gradients need, a `prediction` only what
//! is asked for again.

use std::rc::Rc;

use candle_core::{Result, Tensor};

use crate::nn::ops::{Activation, Conv};

/// A value that an operation gave, `(N, C, H, W)` to its reader. What nobody holds any longer may be
/// forgotten.
#[derive(Clone, Debug)]
pub struct Value {
    pub(super) index: usize,
    pub(super) held: Rc<()>,
}

impl Value {
    /// One that only the caller holds.
    pub(super) fn new(index: usize) -> Self {
        Self { index, held: Rc::new(()) }
    }
}

/// What a convolution reads beside others.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Where it comes from.
    pub from: From<'a>,
    /// `(Cout, Cin, K, K)`.
    pub weight: &'a Tensor,
    /// The weight's first input channel that belongs to this.
    pub first: usize,
    /// What it is multiplied by.
    pub scale: f64,
}

/// Where an input comes from.
#[derive(Clone, Copy, Debug)]
pub enum From<'a> {
    /// What an operation gave.
    Value(&'a Value),
    /// The same, each pixel for two rows and two columns; the first input of a 3x3 convolution, whose
    /// other inputs have twice its height and width. Nothing else reads the value.
    Doubled(&'a Value),
    /// Planes `(N, C, H, W)` from outside, which get no gradient.
    Planes(&'a Tensor),
}

/// The layers of an inverted residual block.
#[derive(Clone, Copy, Debug)]
pub struct Residual<'a> {
    /// Weight and bias; none where the depthwise convolution reads the input.
    pub expand: Option<[&'a Tensor; 2]>,
    /// Weight `(C, 1, K, K)` and bias.
    pub depthwise: [&'a Tensor; 2],
    /// Of the depthwise convolution.
    pub stride: usize,
    /// Weight and bias.
    pub project: [&'a Tensor; 2],
    /// Whether the input is added.
    pub residual: bool,
}

/// Parameters of a batch normalization, of each channel, `(C)`, and what keeps its root from 0.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// What normalized values are multiplied by.
    pub weight: &'a Tensor,
    /// What is added then.
    pub bias: &'a Tensor,
    /// Running mean, which predictions subtract.
    pub mean: &'a Tensor,
    /// Running variance, by whose root predictions divide.
    pub variance: &'a Tensor,
    /// What is added to the variance.
    pub epsilon: f64,
}

/// Mean and biased variance of each channel of a batch, `(C)` each.
pub type Statistics = [Tensor; 2];

/// Logits in rows of pixels, `(N H W, C)`, each row filled up with zeros to [`Rows::step`].
#[derive(Debug)]
pub struct Rows {
    /// All of them.
    pub values: Vec<f32>,
    /// Values from row to row.
    pub step: usize,
    /// Those of a row that count.
    pub columns: usize,
}

/// What becomes of two channels of color.
#[derive(Clone, Copy, Debug)]
pub struct Color {
    /// What they are multiplied by.
    pub scale: f32,
    /// How many times their height and width is wanted, bilinear between pixel centers.
    pub enlarged: usize,
}

impl Color {
    /// As they are.
    pub const PLAIN: Self = Self { scale: 1.0, enlarged: 1 };
}

/// A forward pass on the CPU. Convolutions whose stride is 2 have even height and width.
#[expect(clippy::missing_errors_doc, reason = "all fail when shapes do not fit, and only then")]
pub trait Pass {
    /// Whether [`Pass::rows`] are wanted where nothing but they themselves comes of them.
    fn wants_rows(&self) -> bool;

    /// Convolution of planes `(N, C, H, W)` from outside, each with its weight `(Cout, C, K, K)`, plus
    /// bias, in f32 whatever the precision: steps of bfloat16 are half a unit of lightness.
    fn picture(
        &mut self,
        planes: &[(&Tensor, &Tensor)],
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value>;

    /// Convolution with `weight` `(Cout, Cin, K, K)`, plus bias. The activation is none, `ReLU` or
    /// `ReLU6`.
    fn convolution(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        conv: Conv,
    ) -> Result<Value>;

    /// Transposed convolution of a 4x4 kernel with stride 2 and padding 1, `weight`
    /// `(Cin, Cout, 4, 4)`, plus bias: twice the height and width. The activation is none or `ReLU`.
    fn transposed2x(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Value>;

    /// The block in one operation.
    fn inverted_residual(&mut self, x: &Value, layers: &Residual<'_>) -> Result<Value>;

    /// Convolution without bias, batch normalization and `ReLU`; with statistics where the batch's own
    /// were taken.
    fn normed(
        &mut self,
        inputs: &[Input<'_>],
        norm: &Norm<'_>,
    ) -> Result<(Value, Option<Statistics>)>;

    /// Batch normalization; with statistics where the batch's own were taken.
    fn norm(&mut self, x: &Value, norm: &Norm<'_>) -> Result<(Value, Option<Statistics>)>;

    /// `max(x + y, 0)`.
    fn add_relu(&mut self, x: &Value, y: &Value) -> Result<Value>;

    /// `x` where it is above 0, `slope` times it elsewhere; `slope` is within 0 and 1.
    fn leaky_relu(&mut self, x: &Value, slope: f32) -> Result<Value>;

    /// Every second row and column, from the first on.
    fn every_second(&mut self, x: &Value) -> Result<Value>;

    /// Each pixel for two rows and two columns.
    fn doubled(&mut self, x: &Value) -> Result<Value>;

    /// 1x1 convolution with bias: each pixel's results side by side.
    fn rows(&mut self, x: &Value, weight: &Tensor, bias: &Tensor) -> Result<Rows>;

    /// 1x1 or 3x3 convolution to two channels with bias, and hyperbolic tangent: `(N, 2, H, W)`.
    fn chroma(
        &mut self,
        x: &Value,
        weight: &Tensor,
        bias: &Tensor,
        color: Color,
    ) -> Result<Vec<f32>>;
}

/// Refuses a convolution with a weight `(Cout, Cin, K, K)` of features of so many channels, height and
/// width that it does not fit, and an activation that only [`Pass::chroma`] has.
pub(super) fn check(conv: Conv, weight: &Tensor, channels: usize, size: [usize; 2]) -> Result<()> {
    let (_, inputs, kernel, _) = weight.dims4()?;
    let stepped = conv.stride == 1
        || super::spread::fits(super::pack::Window::of(conv, kernel, size))
            && size.iter().all(|side| side % 2 == 0);
    if inputs != channels || !stepped || conv.activation == Activation::Tanh {
        candle_core::bail!(
            "convolution of {channels} channels of {size:?} pixels with weight {:?}, {conv:?}",
            weight.shape()
        );
    }
    Ok(())
}
