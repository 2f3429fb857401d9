//! Ranges for predictions in integers, from photographs.

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use polychromify_core::internals::model::integers::calibrate::Calibration;
use polychromify_core::internals::model::{CHROMA_SCALE, vivid};
use polychromify_core::internals::weights::{Integers, tensors};
use polychromify_core::{Error, Result, Weights};
use rayon::prelude::*;

use crate::evaluate::Photo;
use crate::photos::read_photo;

/// Height and width at which photographs are looked at, in pixels.
const SIDE: usize = 192;

/// Colors of a photograph that are given away in a second look at it, as hints of 3x3 pixels.
const HINTS: usize = 12;

/// What hints are multiplied by: users ask for stronger colors than photographs have.
const STRONGER: f32 = 2.0;

/// Photographs that are in work between two calls of the observer.
const CHUNK: usize = 16;

/// What the weights' network needs for predictions in integers: its weights, for ranges that lie
/// a quarter beyond those that it has on photographs, without and with hints.
///
/// `observe(done, all)` is called now and then with the number of photographs.
///
/// # Errors
///
/// When the network is not `vivid`, a photograph cannot be read, or sums of a layer do not fit into
/// 32 bits.
pub fn calibrate(
    weights: &Weights,
    photos: &[PathBuf],
    observe: &mut dyn FnMut(usize, usize),
) -> Result<Integers> {
    let refuse = |reason: String| Error::Weights { name: weights.name().to_owned(), reason };
    if weights.network() != "vivid" {
        return Err(refuse("only `vivid` predicts in integers".to_owned()));
    }
    let config: vivid::Config = serde_json::from_value(weights.config().clone())
        .map_err(|error| refuse(format!("its configuration does not fit: {error}")))?;
    let mut calibration = Calibration::new(&config, tensors(weights))?;
    for (i, paths) in photos.chunks(CHUNK).enumerate() {
        let look = |path: &PathBuf| {
            let photo = Photo::new(read_photo(path, SIDE)?.1, SIDE);
            let shape = (1, 1, SIDE, SIDE);
            let lightness = Tensor::from_slice(&photo.l, shape, &Device::Cpu)?;
            let alone = calibration.measure(&lightness, None)?;
            let hints = Tensor::from_vec(hints(&photo), (1, 3, SIDE, SIDE), &Device::Cpu)?;
            Ok([alone, calibration.measure(&lightness, Some(&hints))?])
        };
        let found: Vec<_> = paths.par_iter().map(look).collect::<Result<_>>()?;
        found.iter().flatten().for_each(|greatest| calibration.add(greatest));
        observe(i * CHUNK + paths.len(), photos.len());
    }
    calibration.quantize().map_err(refuse)
}

/// Planes of `(a, b) / 128` and of the mask, at places along a diagonal.
fn hints(photo: &Photo) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * SIDE * SIDE];
    for hint in 0..HINTS {
        let (x, y) = (hint * (SIDE - 3) / (HINTS - 1), hint * 67 % (SIDE - 3));
        let center = (y + 1) * SIDE + x + 1;
        let color = [photo.a[center], photo.b[center]];
        let color = color.map(|value| (STRONGER * value / CHROMA_SCALE).clamp(-1.0, 1.0));
        for i in (0..9).map(|i| (y + i / 3) * SIDE + x + i % 3) {
            planes[i] = color[0];
            planes[SIDE * SIDE + i] = color[1];
            planes[2 * SIDE * SIDE + i] = 1.0;
        }
    }
    planes
}
