//! Networks by their names.

use candle_nn::VarBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::network::Network;
use super::{cnn, conv, conv_dense, deep_conv, eccv16, integers, siggraph17, vanilla, vivid};
use crate::nn::weights::Integers;
use crate::{Error, Result};

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
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::VarMap;
    use serde_json::json;

    use super::*;
    use crate::nn::model::Mode;

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
        // Sums of K * K * inputs * outputs + outputs over Ghiotto's layers, who gives the
        // sum himself for `conv_dense` and `deep_conv`. CNN has 4 more for each normalized channel.
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
