//! Loss and accuracy on photographs that are not trained on.

use candle_core::{DType, Device, Tensor};

use super::dataset::Dataset;
use super::loader::Batch;
use super::recipe::Recipe;
use crate::Result;
use crate::model::{Mode, Network};

/// Measures over a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measures {
    /// Mean squared error of `(a, b) / 128`.
    pub mse: f64,
    /// Share of pixels where the larger of `(a, b)` is the same one as in the photograph; a tie
    /// counts as `a` (what Keras' `accuracy` resolves to on two channels).
    pub accuracy: f64,
}

/// Measures a network on all photographs, `batch` at a time.
pub(crate) fn validate(
    network: &dyn Network,
    photos: &Dataset,
    batch: usize,
    recipe: Option<&Recipe>,
    device: &Device,
) -> Result<Measures> {
    let (mut mse, mut accuracy) = (0.0, 0.0);
    for items in photos.in_order().chunks(batch) {
        let Batch { lightness, chroma: target, .. } = photos.batch(items, recipe, device)?;
        let predicted = network.forward(&lightness, None, Mode::Infer)?.detach();
        mse += scalar(&loss(&predicted, &target)?)? * items.len() as f64;
        accuracy += scalar(&agreement(&predicted, &target)?)? * items.len() as f64;
    }
    let photos = photos.len() as f64;
    Ok(Measures { mse: mse / photos, accuracy: accuracy / photos })
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
