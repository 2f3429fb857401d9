//! The networks against PyTorch's layers: `scripts/reference-networks` made the results in
//! `tests/assets/networks` from weights and inputs that follow from names, as here.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use serde_json::{Value, json};

use super::{Mode, Network, build};
use crate::nn::import::{eccv16_layers, import, siggraph17_layers};

/// Rows and columns of the picture.
const SIZE: (usize, usize) = (32, 64);
/// One row of bins in so many is kept.
const KEPT: usize = 8;

/// Values in -1..1 that look random and follow from the name.
fn noise(name: &str, shape: &[usize]) -> Tensor {
    let key = name.bytes().fold(2166136261u32, |key, byte| {
        (key ^ u32::from(byte)).wrapping_mul(16777619) // FNV-1a
    });
    let value = |i: usize| {
        let mut x = (i as u32).wrapping_mul(0x9E3779B9).wrapping_add(key);
        // MurmurHash3's mixing.
        x = (x ^ (x >> 16)).wrapping_mul(0x85EBCA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2AE35);
        x ^= x >> 16;
        (f64::from(x) / f64::from(1u32 << 31) - 1.) as f32
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// A tensor of a network.
fn value(name: &str, shape: &[usize]) -> Tensor {
    let values = noise(name, shape);
    match shape {
        _ if name == "model_out.weight" => values, // colors over 110
        &[outputs, inputs, height, width] => {
            let area = height * width;
            // A transposed convolution's pixels see a quarter of the kernel.
            let terms = if area == 16 { outputs * 4 } else { inputs * area };
            // What comes out of Ghiotto's networks, whose input is 0..100, is not to saturate.
            let factor = if name.starts_with("output.") { 0.02 } else { 1. };
            (values * (factor * (6. / terms as f64).sqrt())).unwrap()
        }
        _ if name.ends_with(".weight") || name.ends_with(".running_var") => {
            ((values * 0.25).unwrap() + 1.).unwrap()
        }
        _ => (values * 0.1).unwrap(),
    }
}

/// A network with the weights that follow from its tensors' names, and how many numbers these have,
/// running statistics left out. `layers` are published names and ours, where they differ.
fn network(name: &str, config: &Value, layers: &[(String, String)]) -> (Box<dyn Network>, usize) {
    let vars = VarMap::new();
    build(name, config, VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu)).unwrap();
    let tensors = vars.data().lock().unwrap().clone();
    let tensors: HashMap<String, Tensor> = tensors
        .iter()
        .map(|(name, var)| {
            let (layer, part) = name.rsplit_once('.').unwrap();
            let published = layers.iter().find(|(_, ours)| ours == layer);
            let theirs =
                published.map_or_else(|| name.clone(), |(theirs, _)| format!("{theirs}.{part}"));
            (name.clone(), value(&theirs, var.dims()))
        })
        .collect();
    let trained = tensors.iter().filter(|(name, _)| !name.contains("running_"));
    let count = trained.map(|(_, tensor)| tensor.elem_count()).sum();
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    (build(name, config, vb).unwrap(), count)
}

fn lightness() -> Tensor {
    let values = noise("lightness", &[1, 1, SIZE.0, SIZE.1]);
    ((values * 50.).unwrap() + 50.).unwrap()
}

fn hints() -> Tensor {
    let mask = noise("mask", &[1, 1, SIZE.0, SIZE.1]).gt(0.75).unwrap();
    let mask = mask.to_dtype(DType::F32).unwrap();
    let colors = (noise("colors", &[1, 2, SIZE.0, SIZE.1]) * 0.5).unwrap();
    Tensor::cat(&[colors.broadcast_mul(&mask).unwrap(), mask], 1).unwrap()
}

/// The network's results are PyTorch's, to 1e-4 of the largest.
fn assert_agrees(file: &str, network: &dyn Network) {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/networks");
    let path = Path::new(assets).join(format!("{file}.safetensors"));
    let expected = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let hints = network.takes_hints().then(hints);
    let heads = network.heads(&lightness(), hints.as_ref(), Mode::Infer).unwrap();
    let forward = network.forward(&lightness(), hints.as_ref(), Mode::Infer).unwrap();
    let kept = heads.bins.map(|bins| {
        let rows = bins.dim(0).unwrap() as u32;
        let rows = Tensor::arange_step(0, rows, KEPT as u32, &Device::Cpu).unwrap();
        bins.index_select(&rows, 0).unwrap()
    });
    assert_eq!(kept.is_some(), expected.contains_key("bins"), "{file}");
    let found = [("chroma", Some(heads.chroma)), ("chroma", Some(forward)), ("bins", kept)];
    for (name, found) in found {
        let Some(found) = found else { continue };
        let expected = &expected[name];
        assert_eq!(found.dims(), expected.dims(), "{file} {name}");
        let largest =
            |tensor: &Tensor| tensor.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let (scale, difference) = (largest(expected), largest(&(&found - expected).unwrap()));
        assert!(scale > 0.01, "{file} {name}: nothing to compare, {scale}");
        assert!(difference < 1e-4 * scale.max(1.), "{file} {name}: {difference} of {scale}");
    }
}

#[test]
fn the_networks_of_the_study_agree_with_pytorch() {
    let dense =
        |neurons: [usize; 5], filters: [usize; 6]| json!({"neurons": neurons, "filters": filters});
    let (low, high) = ([16, 32, 64, 64, 32, 16], [32, 64, 128, 128, 64, 32]);
    let (few, some, many) =
        ([64, 32, 16, 32, 64], [128, 64, 32, 64, 128], [256, 128, 64, 128, 256]);
    let mut strided = dense(many, high);
    strided["strides"] = json!(true);
    let mut normed = strided.clone();
    normed["batch_norm"] = json!(true);
    let default = |name| super::default_config(name).unwrap();
    for (file, name, config, parameters) in [
        ("vanilla", "vanilla", default("vanilla"), 21_282),
        ("conv", "conv", default("conv"), 82_946),
        ("conv_dense-v1", "conv_dense", dense(few, low), 93_026),
        ("conv_dense-v2", "conv_dense", dense(some, low), 149_554),
        ("conv_dense-v3", "conv_dense", dense(many, low), 293_330),
        ("conv_dense-v4", "conv_dense", strided, 596_066),
        ("conv_dense-v5", "conv_dense", normed, 596_962),
        ("deep_conv", "deep_conv", default("deep_conv"), 5_495_586),
        ("cnn", "cnn", default("cnn"), 97_890),
    ] {
        let (network, count) = network(name, &config, &[]);
        assert_eq!(count, parameters, "{file}");
        assert_agrees(file, network.as_ref());
    }
}

#[test]
fn eccv16_agrees_with_pytorch_in_each_form() {
    for (head, parameters) in
        [("regression", 32_236_013), ("bins", 32_235_385), ("published", 32_236_011)]
    {
        let temperature = if head == "bins" { 0.38 } else { 1. };
        let config = json!({"head": head, "temperature": temperature});
        let mut layers = eccv16_layers();
        layers.retain(|(_, ours)| head == "published" || ours != "output");
        let (network, count) = network("eccv16", &config, &layers);
        assert_eq!(count, parameters, "{head}");
        assert_agrees(&format!("eccv16-{head}"), network.as_ref());
    }
}

#[test]
fn siggraph17_agrees_with_pytorch_wherever_the_mask_is_centered() {
    for (file, center) in [("siggraph17", 0.), ("siggraph17-centered", 0.5)] {
        let config = json!({"mask_center": center});
        let (network, count) = network("siggraph17", &config, &siggraph17_layers());
        assert_eq!(count, 34_187_027);
        assert_agrees(file, network.as_ref());
    }
}

#[test]
fn imported_weights_give_what_pytorch_gives() {
    let assets = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/networks"));
    for (network, filters) in
        [("eccv16", json!([2, 3, 4, 5, 3])), ("siggraph17", json!([2, 3, 4, 5, 3, 2]))]
    {
        for ending in ["", "-old"] {
            let path = assets.join(format!("{network}-narrow{ending}.pth"));
            let imported = import(&path, network, Some(&json!({"filters": filters}))).unwrap();
            let tensors: HashMap<String, Tensor> = imported.tensors.into_iter().collect();
            let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
            let built = build(network, &imported.config, vb).unwrap();
            assert_agrees(&format!("{network}-narrow"), built.as_ref());
        }
    }
}
