//! Weights of several runs joined into one file.
//!
//! The mean of weights that were trained on from the same ones often errs less than each of them
//! (Wortsman et al., "Model soups", 2022, <https://arxiv.org/abs/2203.05482>), at no cost later.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};

use super::file::{Weights, tensors};
use crate::{Error, Result};

/// The weighted mean of weights of one network, each with its share; shares add up to 1.
///
/// A tensor that is zero in a file was not trained there, as the weights for hints in a run without
/// any: then the others' shares of it are raised to add up to 1.
///
/// # Errors
///
/// When there are none, shares do not add up to 1, or a file is of another network or lacks a
/// tensor of the first or has it in another shape.
pub fn average(parts: &[(Weights, f64)]) -> Result<BTreeMap<String, Tensor>> {
    let refuse = |weights: &Weights, reason: String| {
        Err(Error::Weights { name: weights.name().to_owned(), reason })
    };
    let Some((first, _)) = parts.first() else {
        let reason = "there are none to take the mean of".to_owned();
        return Err(Error::Weights { name: String::new(), reason });
    };
    let sum: f64 = parts.iter().map(|(_, share)| share).sum();
    if (sum - 1.0).abs() > 1e-6 {
        return refuse(first, format!("shares have to add up to 1, found {sum}"));
    }
    for (weights, _) in parts {
        if weights.network() != first.network() {
            let (found, expected) = (weights.network(), first.network());
            return refuse(weights, format!("is of the network `{found}`, not `{expected}`"));
        }
    }
    let mut mean = BTreeMap::new();
    for (name, tensor) in tensors(first) {
        let (mut sum, mut shares) = (tensor.zeros_like()?, 0.0);
        for (weights, share) in parts {
            match tensors(weights).get(name) {
                Some(part) if part.dims() == tensor.dims() => {
                    if part.abs()?.max_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()? > 0.0 {
                        sum = (sum + (part * *share)?)?;
                        shares += share;
                    }
                }
                _ => {
                    let shape = tensor.dims();
                    return refuse(weights, format!("has no tensor `{name}` of shape {shape:?}"));
                }
            }
        }
        mean.insert(name.clone(), if shares > 0.0 { (sum / shares)? } else { sum });
    }
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use candle_core::Device;
    use serde_json::{Value, json};

    use super::*;
    use crate::nn::weights::save;

    fn weights(folder: &Path, name: &str, network: &str, values: &[f32]) -> Weights {
        let tensor = Tensor::new(values, &Device::Cpu).unwrap();
        let tensors = BTreeMap::from([("w".to_owned(), tensor)]);
        let path = folder.join(name);
        save(&path, &tensors, network, &json!({}), &Value::Null, [0.0; 2]).unwrap();
        Weights::read(path).unwrap()
    }

    #[test]
    fn the_mean_is_weighted_and_what_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name, network, values: &[f32]| weights(folder.path(), name, network, values);
        let a = make("a.safetensors", "vivid", &[1.0, 2.0]);
        let b = make("b.safetensors", "vivid", &[5.0, 6.0]);
        let mean = average(&[(a.clone(), 0.75), (b.clone(), 0.25)]).unwrap();
        assert_eq!(mean["w"].to_vec1::<f32>().unwrap(), [2.0, 3.0]);
        let again = average(&[(a.with_tensors(&mean).unwrap(), 0.5), (b.clone(), 0.5)]).unwrap();
        assert_eq!(again["w"].to_vec1::<f32>().unwrap(), [3.5, 4.5]);

        let untrained = make("untrained.safetensors", "vivid", &[0.0, 0.0]);
        let mean = average(&[(a.clone(), 0.75), (untrained, 0.25)]).unwrap();
        assert_eq!(mean["w"].to_vec1::<f32>().unwrap(), [1.0, 2.0]);

        let refused = |parts: &[(Weights, f64)]| average(parts).unwrap_err().to_string();
        assert!(refused(&[(a.clone(), 0.5), (b, 0.6)]).contains("add up to 1, found 1.1"));
        let other = make("other.safetensors", "conv_dense", &[1.0, 2.0]);
        assert!(refused(&[(a.clone(), 0.5), (other, 0.5)]).contains("conv_dense"));
        let short = make("short.safetensors", "vivid", &[1.0]);
        assert!(refused(&[(a, 0.5), (short, 0.5)]).contains("no tensor `w` of shape [2]"));
    }
}
