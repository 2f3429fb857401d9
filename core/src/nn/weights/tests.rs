use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use safetensors::Dtype;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::file::{CONFIG, NETWORK};
use super::named::{BUILTIN, BuiltIn};
use super::*;
use crate::nn::model;
use crate::text::hexadecimal;
use crate::{Device, DeviceChoice};

fn tensors() -> BTreeMap<String, Tensor> {
    let cpu = &candle_core::Device::Cpu;
    let weight = Tensor::arange(0f32, 18.0, cpu).unwrap().reshape((2, 1, 3, 3)).unwrap();
    let bias = Tensor::new(&[0.5f32, -0.25], cpu).unwrap();
    BTreeMap::from([("a.weight".to_owned(), weight), ("a.bias".to_owned(), bias)])
}

fn save_in(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let training = json!({"seed": 7, "epochs": 2});
    save(&path, &tensors(), "other", &json!({"filters": [2]}), &training, [1.5, 9.25]).unwrap();
    path
}

fn device() -> Device {
    Device::open(DeviceChoice::Cpu).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    fs::write(&path, bytes).unwrap();
    Weights::read(&path).unwrap_err().to_string()
}

#[test]
fn every_built_in_file_fits_its_network() {
    let device = Device::open(DeviceChoice::Cpu).unwrap();
    for name in Weights::builtin_names() {
        model::open(&Weights::find(name, None).unwrap(), &device).unwrap();
    }
    for BuiltIn { name, bytes, sha256 } in BUILTIN {
        assert_eq!(&hexadecimal(&Sha256::digest(bytes)), sha256, "{name} in `BUILTIN`");
    }
    assert_eq!(Weights::default_weights().unwrap().name(), "vivid");
    assert_eq!(Weights::find("polychromify", None).unwrap().parameters(), 293_330);
}

#[test]
fn values_that_are_no_numbers_are_refused_with_the_name_of_their_tensor() {
    let header = HashMap::from([
        (NETWORK.to_owned(), "conv".to_owned()),
        (CONFIG.to_owned(), "{}".to_owned()),
    ]);
    let broken = [
        (Dtype::F16, 0x7E00_u16.to_le_bytes().to_vec()),
        (Dtype::BF16, 0xFF80_u16.to_le_bytes().to_vec()),
        (Dtype::F32, f32::NAN.to_le_bytes().to_vec()),
        (Dtype::F32, f32::INFINITY.to_le_bytes().to_vec()),
        (Dtype::F64, 1e300_f64.to_le_bytes().to_vec()), // too large for f32
    ];
    for (dtype, bytes) in broken {
        let view = |bytes| safetensors::tensor::TensorView::new(dtype, vec![1], bytes).unwrap();
        let good = vec![0; bytes.len()];
        for name in ["b", "integers.b"] {
            let tensors = [("a", view(&good)), (name, view(&bytes))];
            let file = safetensors::serialize(tensors, Some(header.clone())).unwrap();
            let told = refusal(&file);
            let reason = format!("tensor `{name}` holds values that are infinite or not a number");
            let has_type = name == "b" || dtype == Dtype::F32;
            assert_eq!(told.ends_with(&reason), has_type, "{name} {dtype:?}: {told}");
        }
    }
}

#[test]
fn what_is_saved_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let weights = Weights::read(save_in(folder.path(), "mine.safetensors")).unwrap();
    assert_eq!((weights.name(), weights.network()), ("mine", "other"));
    assert_eq!(weights.config(), &json!({"filters": [2]}));
    assert_eq!(weights.training()["seed"], 7);
    assert_eq!(weights.sepia(), [1.5, 9.25]);
    assert_eq!((weights.work_area(), weights.parameters()), (16384, 20));
    assert_eq!(weights.sha256().len(), 64);
    let bias = super::tensors(&weights)["a.bias"].to_vec1::<f32>().unwrap();
    assert_eq!(bias, [0.5, -0.25]);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file is left");
}

#[test]
fn what_is_saved_in_half_precision_is_read_back_rounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.safetensors");
    let tensors = BTreeMap::from([(
        "x".to_owned(),
        Tensor::new(&[1.0f32, 0.1, -6.5], &candle_core::Device::Cpu).unwrap(),
    )]);
    let (config, training) = (json!({"filters": [2]}), json!({"seed": 7}));
    let header = Header {
        network: "other",
        config: &config,
        training: &training,
        sepia: [1.5, 9.25],
        integers: None,
    };
    save_half(&path, &tensors, header).unwrap();
    let weights = Weights::read(&path).unwrap();
    let found = super::tensors(&weights)["x"].to_vec1::<f32>().unwrap();
    assert_eq!(found, [1.0, 0.099_975_586, -6.5]);
    assert_eq!((weights.config(), weights.training()), (&config, &training));
    assert_eq!(weights.sepia(), [1.5, 9.25]);
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let first = fs::read(save_in(folder.path(), "1.safetensors")).unwrap();
    for _ in 0..4 {
        assert_eq!(first, fs::read(save_in(folder.path(), "2.safetensors")).unwrap());
    }
}

#[test]
fn half_precision_becomes_f32() {
    let half: Vec<u8> = [0x00u8, 0x3c, 0x00, 0xc0].to_vec(); // 1.0 and -2.0
    let view = safetensors::tensor::TensorView::new(Dtype::F16, vec![2], &half).unwrap();
    let metadata = HashMap::from([
        (NETWORK.to_owned(), "conv".to_owned()),
        (CONFIG.to_owned(), "{}".to_owned()),
    ]);
    let bytes = safetensors::serialize([("x", view)], Some(metadata)).unwrap();
    let weights = Weights::from_bytes("x", "x", bytes.into(), String::new()).unwrap();
    assert_eq!(super::tensors(&weights)["x"].to_vec1::<f32>().unwrap(), [1.0, -2.0]);
    assert_eq!(weights.training(), &Value::Null);
}

#[test]
fn files_that_do_not_fit_are_refused_in_words() {
    assert!(refusal(b"GIF89a, or some other file").contains("not a safetensors file"));
    assert!(refusal(b"").contains("not a safetensors file"));
    let none = serialize(&tensors(), &BTreeMap::new()).unwrap();
    assert!(refusal(&none).contains("metadata has no `polychromify.network`"));
    let plain = safetensors::serialize(Vec::<(&str, safetensors::tensor::TensorView)>::new(), None);
    assert!(refusal(&plain.unwrap()).contains("has no metadata"));
    let broken = BTreeMap::from([(NETWORK, "conv".to_owned()), (CONFIG, "{".to_owned())]);
    let broken = serialize(&tensors(), &broken).unwrap();
    assert!(refusal(&broken).contains("`polychromify.config` is not JSON"));
    let whole = serialize(&tensors(), &BTreeMap::from([(NETWORK, "conv".to_owned())])).unwrap();
    assert!(refusal(&whole[..whole.len() - 1]).contains("not a safetensors file"));
}

#[test]
fn a_network_is_built_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.safetensors");
    let config = json!({"neurons": [4], "filters": [2, 2]});
    let map = candle_nn::VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &candle_core::Device::Cpu);
    model::build("conv_dense", &config, vb).unwrap();
    let variables = map.data().lock().unwrap().clone();
    let tensors: BTreeMap<_, _> =
        variables.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect();
    save(&path, &tensors, "conv_dense", &config, &Value::Null, [0.0; 2]).unwrap();
    let weights = Weights::read(&path).unwrap();
    let lightness = Tensor::zeros((1, 1, 8, 8), DType::F32, &candle_core::Device::Cpu).unwrap();
    let network = model::open(&weights, &device()).unwrap();
    let chroma = network.forward(&lightness, None, model::Mode::Infer).unwrap();
    assert_eq!(chroma.dims(), [1, 2, 8, 8]);
}

#[test]
fn a_file_of_another_network_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = save_in(folder.path(), "mine.safetensors");
    let error = model::open(&Weights::read(&path).unwrap(), &device()).err().unwrap().to_string();
    assert!(error.contains("mine.safetensors: network `other`"), "{error}");
}

#[test]
fn names_are_paths_then_the_users_then_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = save_in(folder.path(), "mine.safetensors");
    assert_eq!(Weights::find(path.to_str().unwrap(), None).unwrap().name(), "mine");
    assert_eq!(Weights::find("mine", Some(folder.path())).unwrap().name(), "mine");
    let unknown = Weights::find("yours", Some(folder.path())).unwrap_err().to_string();
    assert!(unknown.starts_with("weights yours: no weights of this name"), "{unknown}");
    assert!(unknown.contains("mine"), "{unknown}");
    let absent = Weights::find("absent.safetensors", None).unwrap_err().to_string();
    assert!(absent.starts_with("absent.safetensors: cannot read"), "{absent}");
}
