//! A network from a file's tensors, all of them and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::network::Network;
use super::registry;
use crate::nn::arithmetic::Arithmetic;
use crate::nn::device::on_candle;
use crate::nn::weights::{Weights, tensors};
use crate::{Error, Result};

/// Builds the network that a weights file names.
///
/// # Errors
///
/// When there is no such network, its configuration does not fit, or the file's tensors are
/// not exactly those that it asks for: one missing, one more or one of another shape.
pub fn open(weights: &Weights, device: &crate::Device) -> Result<Box<dyn Network>> {
    let build = |vb: VarBuilder| registry::build(weights.network(), weights.config(), vb);
    let network = complete(tensors(weights), on_candle(device), build);
    network.map_err(|reason| weights.refusal(reason))
}

/// The same with the arithmetic of its predictions: in integers it is on the CPU whatever the device,
/// and cannot be trained.
///
/// # Errors
///
/// Those of [`open`], or when the file holds no integers or some that do not fit.
pub fn open_in(
    weights: &Weights,
    device: &crate::Device,
    arithmetic: Arithmetic,
) -> Result<Box<dyn Network>> {
    if arithmetic != Arithmetic::Integers {
        return open(weights, device);
    }
    if !weights.has_integers() {
        return Err(weights.refusal("they hold nothing for predictions in integers".to_owned()));
    }
    let (name, config) = (weights.network(), weights.config());
    registry::build_in_integers(name, config, weights.integers()).map_err(|error| match error {
        Error::Weights { name, reason } => weights.refusal(format!("network `{name}`: {reason}")),
        other => other,
    })
}

/// Gives a network's constructor the tensors that it asks for, and notes what it asked.
struct Recorder {
    tensors: BTreeMap<String, Tensor>,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    asked: BTreeSet<String>,
    refusal: Option<String>,
}

impl Recorder {
    fn find(&self, name: &str, shape: Option<&Shape>) -> candle_core::Result<&Tensor> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.tensors.get(name);
        let refusal = match (found, shape) {
            (None, Some(shape)) => {
                format!("tensor `{name}` of shape {:?} is missing", shape.dims())
            }
            (None, None) => format!("tensor `{name}` is missing"),
            (Some(found), Some(shape)) if found.shape() != shape => {
                format!("tensor `{name}` has shape {:?}, expected {:?}", found.dims(), shape.dims())
            }
            (Some(found), _) => {
                record.asked.insert(name.to_owned());
                return Ok(found);
            }
        };
        record.refusal.get_or_insert_with(|| refusal.clone());
        bail!("{refusal}")
    }
}

impl SimpleBackend for Recorder {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _init: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.find(name, Some(&shape))?.to_device(device)?.to_dtype(dtype)
    }

    fn get_unchecked(
        &self,
        name: &str,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.find(name, None)?.to_device(device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}

/// Calls a network's constructor; a refusal is said in words.
fn complete<N>(
    tensors: &BTreeMap<String, Tensor>,
    device: &Device,
    construct: impl FnOnce(VarBuilder) -> Result<N>,
) -> Result<N, String> {
    let record = Arc::new(Mutex::new(Record::default()));
    let recorder = Recorder { tensors: tensors.clone(), record: Arc::clone(&record) };
    let vb = VarBuilder::from_backend(Box::new(recorder), DType::F32, device.clone());
    let network = construct(vb);
    let record = record.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = &record.refusal {
        return Err(refusal.clone());
    }
    let network = network.map_err(|error| match error {
        Error::Weights { name, reason } => format!("network `{name}`: {reason}"),
        other => other.to_string(),
    })?;
    match tensors.iter().find(|(name, _)| !record.asked.contains(*name)) {
        Some((name, tensor)) => {
            Err(format!("tensor `{name}` of shape {:?} is none of the network's", tensor.dims()))
        }
        None => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(names: &[(&str, &[usize])]) -> String {
        let cpu = &Device::Cpu;
        let tensors = names
            .iter()
            .map(|(name, shape)| {
                ((*name).to_owned(), Tensor::zeros(*shape, DType::F32, cpu).unwrap())
            })
            .collect();
        let construct = |vb: VarBuilder| {
            vb.pp("a").get((2, 3), "weight")?;
            Ok(vb.pp("a").get(2, "bias")?)
        };
        complete(&tensors, cpu, construct).err().unwrap_or_default()
    }

    #[test]
    fn exactly_the_tensors_asked_for_are_accepted() {
        let weight: (&str, &[usize]) = ("a.weight", &[2, 3]);
        let bias: (&str, &[usize]) = ("a.bias", &[2]);
        assert_eq!(refusal(&[weight, bias]), "");
        assert_eq!(refusal(&[weight]), "tensor `a.bias` of shape [2] is missing");
        assert_eq!(
            refusal(&[("a.weight", &[3, 2]), bias]),
            "tensor `a.weight` has shape [3, 2], expected [2, 3]"
        );
        assert_eq!(
            refusal(&[weight, bias, ("b", &[7])]),
            "tensor `b` of shape [7] is none of the network's"
        );
    }
}
