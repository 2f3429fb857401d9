//! Loss and accuracy on photographs that are not trained on.

use candle_core::{DType, Device, Tensor};
use polychromify_core::Result;
use polychromify_core::internals::model::{Mode, Network};
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::cache::Cache;
use super::dataset::Dataset;
use super::recipe::Recipe;

/// Measures over a split.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Measures {
    /// Mean squared error of `(a, b) / 128`.
    pub mse: f64,
    /// Share of pixels where the larger of `(a, b)` is the same one as in the photograph; a tie
    /// counts as `a` (what Keras' `accuracy` resolves to on two channels).
    pub accuracy: f64,
}

/// Measures over one of several splits.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct SplitMeasures {
    /// Name of the split.
    pub split: String,
    /// Error and accuracy.
    #[serde(flatten)]
    pub measures: Measures,
    /// Mean chroma of what was predicted over that of the photographs: below 1 it is shy.
    pub saturation: f64,
}

/// Photographs of a split.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) name: String,
    pub(crate) photos: Dataset,
}

/// Reads splits of a cache, or so many photographs of each.
pub(crate) fn read(cache: &Cache, names: &[String], limit: Option<usize>) -> Result<Vec<Split>> {
    let read = |name: &String| {
        let photos = Dataset::read(cache, std::slice::from_ref(name), limit)?;
        Ok(Split { name: name.clone(), photos })
    };
    names.iter().map(read).collect()
}

/// Measures a network on the photographs of all splits, `batch` at a time: over all, and each.
pub(crate) fn validate(
    network: &dyn Network,
    splits: &[Split],
    batch: usize,
    recipe: Option<&Recipe>,
    device: &Device,
) -> Result<(Measures, Vec<SplitMeasures>)> {
    let mut each = Vec::new();
    for Split { name, photos } in splits {
        let [mut mse, mut accuracy, mut predicted_chroma, mut true_chroma] = [0.0; 4];
        for items in photos.in_order().chunks(batch) {
            let Batch { lightness, chroma: target, .. } = photos.batch(items, recipe, device)?;
            let predicted = network.forward(&lightness, None, Mode::Infer)?.detach();
            let count = items.len() as f64;
            mse += scalar(&loss(&predicted, &target)?)? * count;
            accuracy += scalar(&agreement(&predicted, &target)?)? * count;
            predicted_chroma += scalar(&mean_chroma(&predicted)?)? * count;
            true_chroma += scalar(&mean_chroma(&target)?)? * count;
        }
        let count = photos.len() as f64;
        let measures = Measures { mse: mse / count, accuracy: accuracy / count };
        let saturation = predicted_chroma / true_chroma.max(f64::MIN_POSITIVE);
        each.push(SplitMeasures { split: name.clone(), measures, saturation });
    }
    let [one] = each.as_slice() else { return Ok((over_all(splits, &each), each)) };
    Ok((one.measures, Vec::new()))
}

/// The mean of the splits' measures, each by its photographs.
fn over_all(splits: &[Split], each: &[SplitMeasures]) -> Measures {
    let counts = splits.iter().map(|split| split.photos.len() as f64);
    let all: f64 = counts.clone().sum();
    let mean = |value: fn(&Measures) -> f64| {
        counts.clone().zip(each).map(|(count, split)| count * value(&split.measures)).sum::<f64>()
            / all
    };
    Measures { mse: mean(|measures| measures.mse), accuracy: mean(|measures| measures.accuracy) }
}

/// Mean length of `(a, b)` of `(N, 2, H, W)`, a scalar.
fn mean_chroma(chroma: &Tensor) -> candle_core::Result<Tensor> {
    chroma.sqr()?.sum(1)?.sqrt()?.mean_all()
}

/// Mean squared error of `(N, 2, H, W)`, a scalar.
pub(crate) fn loss(predicted: &Tensor, target: &Tensor) -> candle_core::Result<Tensor> {
    (predicted - target)?.sqr()?.mean_all()
}

/// Share of pixels of `(N, 2, H, W)` where both have the larger value in the same channel.
fn agreement(predicted: &Tensor, target: &Tensor) -> candle_core::Result<Tensor> {
    let b_is_larger = |chroma: &Tensor| {
        let (a, b) = (chroma.narrow(1, 0, 1)?, chroma.narrow(1, 1, 1)?);
        b.contiguous()?.gt(&a.contiguous()?)
    };
    let same = b_is_larger(predicted)?.eq(&b_is_larger(target)?)?;
    same.to_dtype(DType::F32)?.mean_all()
}

fn scalar(tensor: &Tensor) -> candle_core::Result<f64> {
    tensor.to_dtype(DType::F32)?.to_scalar::<f32>().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_compares_the_larger_channel_and_a_tie_is_a() {
        let pixels = |ab: [[f32; 2]; 4]| {
            let planes: Vec<f32> = (0..2).flat_map(|c| ab.map(|pixel| pixel[c])).collect();
            Tensor::from_vec(planes, (1, 2, 2, 2), &Device::Cpu).unwrap()
        };
        let target = pixels([[0.5, 0.1], [0.1, 0.5], [0.0, 0.0], [-0.2, -0.1]]);
        let predicted = pixels([[0.1, 0.0], [0.2, 0.1], [0.3, 0.1], [-0.1, 0.9]]);
        assert_eq!(scalar(&agreement(&predicted, &target).unwrap()).unwrap(), 0.75);
    }

    #[test]
    fn the_loss_is_the_mean_over_both_channels() {
        let target = Tensor::zeros((1, 2, 1, 2), DType::F32, &Device::Cpu).unwrap();
        let predicted = Tensor::new(&[1f32, 0.0, 0.0, 1.0], &Device::Cpu).unwrap();
        let predicted = predicted.reshape((1, 2, 1, 2)).unwrap();
        assert_eq!(scalar(&loss(&predicted, &target).unwrap()).unwrap(), 0.5);
    }
}
