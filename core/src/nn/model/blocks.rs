//! Layers that several networks use, with the initial values and constants of Keras.

use candle_core::{D, Result, Tensor, Var};
use candle_nn::{Init, VarBuilder};

use super::network::Mode;
use crate::nn::engine::{Color, Norm, Pass, Value};
use crate::nn::ops::{self, Activation, Conv};

/// A `same`-padded convolution with bias and activation: tensors `weight` `(Cout, Cin, K, K)` and
/// `bias` `(Cout)`. Keras' `Conv2D`, and its `Dense` on the channel axis where `K` is 1.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    conv: Conv,
}

impl Conv2d {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        conv: Conv,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = glorot_uniform(inputs, outputs, kernel);
        let weight = vb.get_with_hints((outputs, inputs, kernel, kernel), "weight", init)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(0.))?;
        Ok(Self { weight, bias, conv })
    }

    /// `(N, Cin, H, W)` to `(N, Cout, H / stride, W / stride)`, rounded up.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::conv2d(x, &self.weight, Some(&self.bias), self.conv)
    }

    /// The same in a pass.
    pub(crate) fn run(&self, pass: &mut dyn Pass, x: &Flow<'_>) -> Result<Flow<'static>> {
        let value = match x {
            Flow::Picture(planes) => {
                pass.picture(&[(planes, &self.weight)], &self.bias, self.conv)?
            }
            Flow::Value(x) => pass.convolution(x, &self.weight, &self.bias, self.conv)?,
        };
        Ok(Flow::Value(value))
    }

    /// The same as a network's last layer, of two channels and with `tanh`, in a pass.
    pub(crate) fn color(
        &self,
        pass: &mut dyn Pass,
        x: &Flow<'_>,
        color: Color,
    ) -> Result<Vec<f32>> {
        pass.chroma(x.value()?, &self.weight, &self.bias, color)
    }

    /// Weight and bias.
    pub(crate) fn parameters(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }
}

/// What goes through a network in a pass.
#[derive(Clone, Debug)]
pub(crate) enum Flow<'a> {
    /// What it sees, `(N, C, H, W)`.
    Picture(&'a Tensor),
    /// What a layer gave.
    Value(Value),
}

impl Flow<'_> {
    /// # Errors
    ///
    /// When no layer was gone through.
    pub(crate) fn value(&self) -> Result<&Value> {
        match self {
            Self::Picture(_) => candle_core::bail!("a network needs a layer before its last one"),
            Self::Value(value) => Ok(value),
        }
    }
}

/// Convolutions of one kind after one another: tensors `N.weight` and `N.bias`, N from 0.
#[derive(Clone, Debug)]
pub struct Stack(Vec<Conv2d>);

impl Stack {
    /// From `inputs` channels to each of `outputs` in order; takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(
        inputs: usize,
        outputs: &[usize],
        kernel: usize,
        conv: Conv,
        vb: VarBuilder,
    ) -> Result<Self> {
        let mut channels = inputs;
        let layers = outputs.iter().enumerate().map(|(i, &outputs)| {
            let inputs = std::mem::replace(&mut channels, outputs);
            Conv2d::new(inputs, outputs, kernel, conv, vb.pp(i))
        });
        layers.collect::<Result<_>>().map(Self)
    }

    /// The convolutions.
    pub fn layers(&self) -> &[Conv2d] {
        &self.0
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
    }

    /// The same in a pass.
    pub(crate) fn run<'a>(&self, pass: &mut dyn Pass, x: Flow<'a>) -> Result<Flow<'a>> {
        self.0.iter().try_fold(x, |x, layer| layer.run(pass, &x))
    }
}

/// Keras' default for weights (Glorot and Bengio, 2010): uniform within
/// `sqrt(6 / (fan_in + fan_out))`, a fan being channels times kernel area.
pub fn glorot_uniform(inputs: usize, outputs: usize, kernel: usize) -> Init {
    let fans = (inputs + outputs) * kernel * kernel;
    let limit = (6. / fans as f64).sqrt();
    Init::Uniform { lo: -limit, up: limit }
}

/// The transposed convolution that doubles height and width, with bias and activation: tensors
/// `weight` `(Cin, Cout, 4, 4)` and `bias` `(Cout)`.
#[derive(Clone, Debug)]
pub struct ConvTranspose2x {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl ConvTranspose2x {
    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        vb: VarBuilder,
    ) -> Result<Self> {
        let init = glorot_uniform(inputs, outputs, 4);
        let weight = vb.get_with_hints((inputs, outputs, 4, 4), "weight", init)?;
        let bias = vb.get_with_hints(outputs, "bias", Init::Const(0.))?;
        Ok(Self { weight, bias, activation })
    }

    /// `(N, Cin, H, W)` to `(N, Cout, 2 H, 2 W)`.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::conv_transpose2x(x, &self.weight, &self.bias, self.activation)
    }

    /// The same in a pass.
    pub(crate) fn run(&self, pass: &mut dyn Pass, x: &Value) -> Result<Value> {
        pass.transposed2x(x, &self.weight, &self.bias, self.activation)
    }
}

/// Convolution without dilation.
pub fn conv(stride: usize, activation: Activation) -> Conv {
    Conv { stride, activation, ..Conv::default() }
}

/// What batch normalization counts with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormConstants {
    /// Keeps the root away from 0.
    pub epsilon: f64,
    /// Share of the old value in a running statistic, in each step.
    pub momentum: f64,
}

impl NormConstants {
    /// Keras' defaults.
    pub const KERAS: Self = Self { epsilon: 1e-3, momentum: 0.99 };
    /// `PyTorch`'s defaults; it calls the momentum 0.1.
    pub const PYTORCH: Self = Self { epsilon: 1e-5, momentum: 0.9 };
}

/// Batch normalization over `(N, H, W)`: tensors `weight`, `bias`, `running_mean` and
/// `running_var`, each `(C)`.
///
/// The running statistics are updated in place, in [`Mode::Train`], through candle's `Var`: a
/// tensor that *is* a variable keeps its storage in `Var::from_tensor`, so that a training
/// `VarBuilder` whose tensors are those of its variables sees the update in its own variables. A
/// tensor from a file is copied instead, and the update stays in this layer. They get no gradient,
/// and hence no step of the optimizer.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    constants: NormConstants,
}

impl BatchNorm {
    /// Takes the tensors from `vb`, with Keras' constants.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Self::with_constants(channels, NormConstants::KERAS, vb)
    }

    /// Takes the tensors from `vb`.
    ///
    /// # Errors
    ///
    /// When `vb` lacks one or has it in another shape.
    pub fn with_constants(
        channels: usize,
        constants: NormConstants,
        vb: VarBuilder,
    ) -> Result<Self> {
        let get = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
        Ok(Self {
            weight: get("weight", 1.)?,
            bias: get("bias", 0.)?,
            running_mean: Var::from_tensor(&get("running_mean", 0.)?)?,
            running_var: Var::from_tensor(&get("running_var", 1.)?)?,
            constants,
        })
    }

    /// `(N, C, H, W)` to the same shape.
    ///
    /// # Errors
    ///
    /// When the shape does not fit or the device fails.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let (mean, var) = match mode {
            Mode::Train => {
                let (mean, var) = statistics(x)?;
                self.update(&mean, &var)?;
                (mean, var)
            }
            Mode::Infer => {
                (self.running_mean.as_detached_tensor(), self.running_var.as_detached_tensor())
            }
        };
        let (scale, shift) = self.scale_and_shift(&mean, &var)?;
        let spread = |values: &Tensor| values.reshape((1, (), 1, 1));
        x.broadcast_mul(&spread(&scale)?)?.broadcast_add(&spread(&shift)?)
    }

    /// The same in a pass.
    pub(crate) fn run(&self, pass: &mut dyn Pass, x: &Value) -> Result<Value> {
        let (value, statistics) = pass.norm(x, &self.parameters())?;
        if let Some([mean, variance]) = statistics {
            self.update(&mean, &variance)?;
        }
        Ok(value)
    }

    fn scale_and_shift(&self, mean: &Tensor, var: &Tensor) -> Result<(Tensor, Tensor)> {
        let scale = (&self.weight / (var + self.constants.epsilon)?.sqrt()?)?;
        let shift = (&self.bias - (mean * &scale)?)?;
        Ok((scale, shift))
    }

    /// What a pass needs.
    pub(crate) fn parameters(&self) -> Norm<'_> {
        let Self { weight, bias, running_mean, running_var, constants } = self;
        let epsilon = constants.epsilon;
        Norm { weight, bias, mean: running_mean, variance: running_var, epsilon }
    }

    /// Takes a batch's mean and biased variance into the running ones.
    pub(crate) fn update(&self, mean: &Tensor, var: &Tensor) -> Result<()> {
        let momentum = self.constants.momentum;
        for (running, batch) in [(&self.running_mean, mean), (&self.running_var, var)] {
            let old = running.affine(momentum, 0.)?;
            running.set(&(old + batch.detach().affine(1. - momentum, 0.)?)?)?;
        }
        Ok(())
    }
}

/// Mean and (biased) variance of each channel of `(N, C, H, W)`.
fn statistics(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let x = x.flatten_from(2)?; // (N, C, H W)
    let mean = x.mean(D::Minus1)?.mean(0)?; // (C)
    let centered = x.broadcast_sub(&mean.reshape((1, (), 1))?)?;
    let var = centered.sqr()?.mean(D::Minus1)?.mean(0)?;
    Ok((mean, var))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::VarMap;

    use super::*;

    #[test]
    fn batch_norm_normalizes_a_batch_and_keeps_its_statistics() {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let norm = BatchNorm::new(1, vb).unwrap();
        let x = Tensor::new(&[1f32, 2., 3., 6.], &Device::Cpu).unwrap(); // mean 3, variance 3.5
        let y = norm.forward(&x.reshape((2, 1, 1, 2)).unwrap(), Mode::Train).unwrap();
        let y: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
        let root = 3.501f32.sqrt();
        for (found, expected) in y.iter().zip([-2. / root, -1. / root, 0., 3. / root]) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let data = vars.data().lock().unwrap();
        let value = |name: &str| data[name].to_vec1::<f32>().unwrap()[0];
        assert!((value("running_mean") - 0.03).abs() < 1e-6);
        assert!((value("running_var") - (0.99 + 0.035)).abs() < 1e-6);
    }

    #[test]
    fn running_statistics_get_no_gradient() {
        let vars = VarMap::new();
        let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
        let norm = BatchNorm::new(2, vb).unwrap();
        let x = Tensor::arange(0f32, 16., &Device::Cpu).unwrap().reshape((2, 2, 2, 2)).unwrap();
        let loss = norm.forward(&x, Mode::Train).unwrap().sqr().unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let data = vars.data().lock().unwrap();
        assert!(gradients.get(&data["weight"]).is_some());
        assert!(gradients.get(&data["running_mean"]).is_none());
    }
}
