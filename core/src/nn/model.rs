//! The networks, one file each: lightness in, chroma out.

pub mod blocks;
pub mod cnn;
pub mod conv;
pub mod conv_dense;
pub mod deep_conv;
pub mod eccv16;
pub mod integers;
pub mod siggraph17;
pub mod vanilla;
pub mod vivid;
pub mod zhang;

use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;
use half::bf16;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::nn::engine::{Pass, Prediction, Rows};
use crate::nn::ops::{self, Precision};
use crate::nn::weights::Integers;
use crate::{Error, Result};

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
fn heads(
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

/// Names of all networks.
pub fn names() -> &'static [&'static str] {
    &["vanilla", "conv", "conv_dense", "deep_conv", "cnn", "eccv16", "siggraph17", "vivid"]
}

/// The configuration that a network has when nothing else is asked for.
pub fn default_config(name: &str) -> Option<Value> {
    match name {
        "vanilla" => Some(to_value(&vanilla::Config::default())),
        "conv" => Some(to_value(&conv::Config::default())),
        "conv_dense" => Some(to_value(&conv_dense::Config::default())),
        "deep_conv" => Some(to_value(&deep_conv::Config::default())),
        "cnn" => Some(to_value(&cnn::Config::default())),
        "eccv16" => Some(to_value(&eccv16::Config::default())),
        "siggraph17" => Some(to_value(&siggraph17::Config::default())),
        "vivid" => Some(to_value(&vivid::Config::default())),
        _ => None,
    }
}

/// Builds a network; its tensors come from `vb`, under the names that a weights file has.
///
/// # Errors
///
/// When there is no such network, its configuration does not fit, or `vb` lacks a tensor or has
/// it in another shape.
pub fn build(name: &str, config: &Value, vb: VarBuilder) -> Result<Box<dyn Network>> {
    match name {
        "vanilla" => {
            let config: vanilla::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(vanilla::Vanilla::new(&config, vb)?))
        }
        "conv" => {
            let config: conv::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(conv::Convolutional::new(&config, vb)?))
        }
        "conv_dense" => {
            let config: conv_dense::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(conv_dense::ConvDense::new(&config, vb)?))
        }
        "eccv16" => {
            let config: eccv16::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(eccv16::Eccv16::new(&config, vb)?))
        }
        "siggraph17" => {
            let config: siggraph17::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(siggraph17::Siggraph17::new(&config, vb)?))
        }
        "deep_conv" => {
            let config: deep_conv::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(deep_conv::DeepConvolutional::new(&config, vb)?))
        }
        "cnn" => {
            let config: cnn::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(cnn::Cnn::new(&config, vb)?))
        }
        "vivid" => {
            let config: vivid::Config = from_value(name, config)?;
            config.check().map_err(|reason| refused(name, reason))?;
            Ok(Box::new(vivid::Vivid::new(&config, vb)?))
        }
        _ => Err(refused(
            name,
            format!("there is no such network; there are: {}", names().join(", ")),
        )),
    }
}

/// Builds a network that predicts in integers, from a file's tensors for that.
///
/// # Errors
///
/// When the network has no such way, its configuration does not fit, or the tensors do not.
pub(crate) fn build_in_integers(
    name: &str,
    config: &Value,
    tensors: &Integers,
) -> Result<Box<dyn Network>> {
    if name != "vivid" {
        return Err(refused(name, "only `vivid` predicts in integers".to_owned()));
    }
    let config: vivid::Config = from_value(name, config)?;
    config.check().map_err(|reason| refused(name, reason))?;
    let network = integers::IntegerVivid::new(&config, tensors);
    Ok(Box::new(network.map_err(|reason| refused(name, reason))?))
}

/// Refuses a list with a layer of no channels.
fn at_least_one(name: &str, channels: &[usize]) -> std::result::Result<(), String> {
    if channels.contains(&0) {
        return Err(format!("each of `{name}` has to be at least 1"));
    }
    Ok(())
}

/// Refuses a list that has not as many before the middle as after.
fn halves(name: &str, middle: &str, list: &[usize]) -> std::result::Result<(), String> {
    if list.len() % 2 == 1 {
        let count = list.len();
        return Err(format!(
            "`{name}` has to have as many before {middle} as after, and has {count}"
        ));
    }
    Ok(())
}

fn refused(name: &str, reason: String) -> Error {
    Error::Weights { name: name.to_owned(), reason }
}

fn from_value<C: DeserializeOwned + Serialize + Default>(name: &str, config: &Value) -> Result<C> {
    C::deserialize(config).map_err(|error| {
        let known = to_value(&C::default());
        refused(
            name,
            format!("configuration {config} does not fit ({error}); the default is {known}"),
        )
    })
}

fn to_value<C: Serialize>(config: &C) -> Value {
    serde_json::to_value(config).expect("a configuration is plain numbers and lists")
}

#[cfg(test)]
mod reference;

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use candle_nn::VarMap;
    use serde_json::json;

    use super::*;

    fn error(name: &str, config: &Value) -> String {
        let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
        build(name, config, vb).err().expect("refused").to_string()
    }

    #[test]
    fn every_name_builds_with_its_default_config() {
        for name in names() {
            let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
            let network = build(name, &default_config(name).unwrap(), vb).unwrap();
            let side = 2 * network.stride();
            let lightness = Tensor::zeros((1, 1, side, side), DType::F32, &Device::Cpu).unwrap();
            let chroma = network.forward(&lightness, None, Mode::Infer).unwrap();
            assert_eq!(chroma.dims(), [1, 2, side, side], "{name}");
        }
    }

    #[test]
    fn each_network_has_the_parameters_of_its_layers() {
        // Sums of K * K * inputs * outputs + outputs over the design document's layers; it gives the
        // sum itself for `conv_dense` and `deep_conv`. CNN has 4 more for each normalized channel.
        let expected = [
            ("vanilla", 21_282),
            ("conv", 82_946),
            ("conv_dense", 293_330),
            ("deep_conv", 5_495_586),
            ("cnn", 97_410 + 4 * (16 + 32 + 64 + 128)),
        ];
        for (name, expected) in expected {
            let vars = VarMap::new();
            let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
            build(name, &default_config(name).unwrap(), vb).unwrap();
            let count: usize = vars.all_vars().iter().map(|var| var.elem_count()).sum();
            assert_eq!(count, expected, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        assert!(error("convdense", &json!({})).contains("conv_dense"));
        assert_eq!(default_config("convdense"), None);
    }

    #[test]
    fn a_config_that_does_not_fit_is_refused_with_the_default() {
        let message = error("conv_dense", &json!({"neurons": "many"}));
        assert!(message.contains("many") && message.contains("\"filters\""), "{message}");
        let message = error("conv_dense", &json!({"neurons": [8], "filters": [8, 0]}));
        assert!(message.contains("at least 1"), "{message}");
    }
}
