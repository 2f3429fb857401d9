//! Weights files: read, check, name their network; the built-in ones.
//!
//! A weights file is a safetensors file whose metadata names what its tensors are for:
//! `polychromify.network`, `polychromify.config` (JSON), `polychromify.training` (JSON: data,
//! seed, epochs, command, measures) and `polychromify.sepia` (JSON: the training set's mean
//! `[a, b]`). Nobody passes a matching network by hand.
//!
//! Tensors named `integers.*`, if there are any, are for predictions in integers
//! (`model/integers.rs`): i16, i32, u8 and f32. The others are the network's own.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use candle_core::{DType, Tensor};
use candle_nn::VarBuilder;
use directories::ProjectDirs;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, View};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::nn::model::{self, Network};
use crate::text::hexadecimal;
use crate::{Arithmetic, Device, Error, Result};

mod average;
mod complete;
pub(crate) mod import;
mod integers;
mod pth;
mod tensors;

pub use average::average;
pub use import::{Imported, import};
pub use integers::{Integers, Numbers};
use tensors::{Bytes, Place, Tensors};

/// Weights within the program.
struct BuiltIn {
    name: &'static str,
    /// `weights/NAME.safetensors`.
    bytes: &'static [u8],
    /// Of the bytes: calculating it is a fifth of a program's start.
    sha256: &'static str,
}

/// The built-in weights, the default first.
const BUILTIN: &[BuiltIn] = &[
    BuiltIn {
        name: "vivid",
        bytes: include_bytes!("../../../weights/vivid.safetensors"),
        sha256: "e34ebf66446e9a3a1852d56d85477e622ac12e01da4ce6fa54d943058aff99be",
    },
    BuiltIn {
        name: "polychromify",
        bytes: include_bytes!("../../../weights/polychromify.safetensors"),
        sha256: "de52940915bbe1890a551ee0e9fa9c93bedd3619f39dab974db4498a2cd0744b",
    },
];

const NETWORK: &str = "polychromify.network";
const CONFIG: &str = "polychromify.config";
const TRAINING: &str = "polychromify.training";
const SEPIA: &str = "polychromify.sepia";

/// Pixels of the thumbnail that a network sees, where its configuration has no `work_area`: the
/// 128x128 that the networks of this crate are trained at.
const WORK_AREA: usize = 128 * 128;

/// A weights file in memory, its header checked.
#[derive(Clone, Debug)]
pub struct Weights {
    name: String,
    given: String,
    sha256: String,
    network: String,
    config: Value,
    training: Value,
    sepia: [f32; 2],
    tensors: Arc<Tensors>,
    integers: Arc<Integers>,
}

impl Weights {
    /// Finds `name`: a file if it has a path separator or ends in `.safetensors`, else
    /// `NAME.safetensors` in `folder` (the user's), else a built-in one.
    ///
    /// # Errors
    ///
    /// When there is no such file or name, and those of [`Weights::read`].
    pub fn find(name: &str, folder: Option<&Path>) -> Result<Self> {
        if name.contains(std::path::is_separator) || name.ends_with(".safetensors") {
            return Self::read(name);
        }
        if let Some(path) = folder.map(|folder| folder.join(format!("{name}.safetensors")))
            && path.exists()
        {
            return Self::read(path);
        }
        if let Some(builtin) = BUILTIN.iter().find(|builtin| builtin.name == name) {
            return Self::builtin(builtin);
        }
        let known = Self::known_names(folder);
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let reason =
            format!("no weights of this name; known names: {known}; a file is named by its path");
        Err(Error::Weights { name: name.to_owned(), reason })
    }

    /// Reads a weights file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not a safetensors file, holds other than floating-point numbers
    /// or lacks the metadata that names its network.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(Error::io(path, "read"))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        Self::from_bytes(&name, &path.display().to_string(), bytes.into(), sha256)
    }

    /// The built-in default.
    ///
    /// # Errors
    ///
    /// When the built-in file does not fit this build's networks.
    pub fn default_weights() -> Result<Self> {
        Self::builtin(&BUILTIN[0])
    }

    /// Names of the built-in ones, the default first.
    pub fn builtin_names() -> &'static [&'static str] {
        static NAMES: LazyLock<Vec<&str>> =
            LazyLock::new(|| BUILTIN.iter().map(|builtin| builtin.name).collect());
        &NAMES
    }

    /// The folder of the user's own weights, if the system tells of a home.
    pub fn user_folder() -> Option<PathBuf> {
        ProjectDirs::from("", "", "Polychromify").map(|user| user.data_dir().join("weights"))
    }

    /// Names that [`Weights::find`] knows: the built-in ones, the default first, and those in
    /// `folder` (the user's), each once.
    pub fn known_names(folder: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> =
            Self::builtin_names().iter().map(|&name| name.to_owned()).collect();
        let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let mut own: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".safetensors").map(str::to_owned))
            .filter(|name| !names.contains(name))
            .collect();
        own.sort();
        names.append(&mut own);
        names
    }

    /// Name, such as `polychromify`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the file, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Name of the network that the tensors are for.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Configuration of the network.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// What the file says of its training (data, seed, epochs, command, measures); null where it
    /// says nothing.
    pub fn training(&self) -> &Value {
        &self.training
    }

    /// Mean `[a, b]` of the training set, in -128..=127; `[0, 0]` where the file says nothing.
    pub fn sepia(&self) -> [f32; 2] {
        self.sepia
    }

    /// Pixels of the thumbnail that the network sees at most.
    pub fn work_area(&self) -> usize {
        let area = self.config.get("work_area").and_then(Value::as_u64);
        area.and_then(|area| usize::try_from(area).ok()).unwrap_or(WORK_AREA)
    }

    /// How many numbers the tensors hold: the network's parameters and, with batch norm, its
    /// running means and variances.
    pub fn parameters(&self) -> usize {
        self.tensors.count()
    }

    /// The tensors by name, f32 and on the CPU; made when they are first asked for.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        self.tensors.all()
    }

    /// Whether the file holds what predictions in integers need.
    pub fn has_integers(&self) -> bool {
        !self.integers.is_empty()
    }

    /// What predictions in integers need; empty where the file holds nothing.
    #[cfg(test)]
    pub(crate) fn integers(&self) -> &Integers {
        &self.integers
    }

    /// Builds the network that the file names, with the arithmetic of its predictions: in integers
    /// it is on the CPU whatever the device, and cannot be trained.
    ///
    /// # Errors
    ///
    /// Those of [`Weights::build`], or when the file holds no integers or some that do not fit.
    pub fn build_in(&self, device: &Device, arithmetic: Arithmetic) -> Result<Box<dyn Network>> {
        if arithmetic != Arithmetic::Integers {
            return self.build(device);
        }
        let refuse = |reason: String| Error::Weights { name: self.given.clone(), reason };
        if !self.has_integers() {
            return Err(refuse("they hold nothing for predictions in integers".to_owned()));
        }
        let network = model::build_in_integers(&self.network, &self.config, &self.integers);
        network.map_err(|error| match error {
            Error::Weights { name, reason } => refuse(format!("network `{name}`: {reason}")),
            other => other,
        })
    }

    /// Builds the network that the file names.
    ///
    /// # Errors
    ///
    /// When there is no such network, its configuration does not fit, or the file's tensors are
    /// not exactly those that it asks for: one missing, one more or one of another shape.
    pub fn build(&self, device: &Device) -> Result<Box<dyn Network>> {
        complete::build(self.tensors(), &device.inner, |vb| {
            model::build(&self.network, &self.config, vb)
        })
        .map_err(|reason| Error::Weights { name: self.given.clone(), reason })
    }

    /// The tensors, for a network's constructor. It checks shapes, but not that the network asks
    /// for every tensor of the file.
    pub fn var_builder(&self, device: &Device, dtype: DType) -> VarBuilder<'static> {
        let tensors: HashMap<_, _> = self.tensors().clone().into_iter().collect();
        VarBuilder::from_tensors(tensors, dtype, &device.inner)
    }

    fn builtin(&BuiltIn { name, bytes, sha256 }: &BuiltIn) -> Result<Self> {
        Self::from_bytes(name, name, bytes.into(), sha256.to_owned())
    }

    fn from_bytes(
        name: &str,
        given: &str,
        bytes: Cow<'static, [u8]>,
        sha256: String,
    ) -> Result<Self> {
        let refuse = |reason: String| Error::Weights { name: given.to_owned(), reason };
        let not_ours = |error| refuse(format!("not a safetensors file: {error}"));
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(not_ours)?;
        let Some(metadata) = header.metadata() else {
            return Err(refuse(format!("has no metadata, expected `{NETWORK}` and `{CONFIG}`")));
        };
        let text = |key: &str| metadata.get(key).map(String::as_str);
        let json = |key: &str, value: &str| {
            serde_json::from_str::<Value>(value)
                .map_err(|error| refuse(format!("metadata `{key}` is not JSON: {error}")))
        };
        let required =
            |key: &str| text(key).ok_or_else(|| refuse(format!("metadata has no `{key}`")));

        let network = required(NETWORK)?.to_owned();
        let config = json(CONFIG, required(CONFIG)?)?;
        let training = text(TRAINING).map_or(Ok(Value::Null), |value| json(TRAINING, value))?;
        let sepia = match text(SEPIA) {
            Some(value) => serde_json::from_str(value).map_err(|error| {
                refuse(format!("metadata `{SEPIA}` is not a pair of numbers: {error}"))
            })?,
            None => [0.0; 2],
        };
        let start = 8 + length; // its length is before the header
        let places = header.tensors().into_iter();
        let places = places.map(|(name, info)| (name, Place::new(info, start)));
        let bytes: Bytes = Arc::new(bytes);
        let (mut own, mut integers) = (BTreeMap::new(), Integers::default());
        for (name, place) in places {
            match name.strip_prefix(integers::PREFIX) {
                None => {
                    own.insert(name, place);
                }
                Some(name) => integers.add(name, place, &bytes).map_err(refuse)?,
            }
        }
        let tensors = Arc::new(Tensors::new(bytes, own).map_err(refuse)?);
        let integers = Arc::new(integers);
        Ok(Self {
            name: name.to_owned(),
            given: given.to_owned(),
            sha256,
            network,
            config,
            training,
            sepia,
            tensors,
            integers,
        })
    }
}

/// [`Weights::known_names`].
pub fn known_names(folder: Option<&Path>) -> Vec<String> {
    Weights::known_names(folder)
}

/// What a weights file is written with, beside its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Name of the network.
    pub network: &'a str,
    /// Its configuration.
    pub config: &'a Value,
    /// What is known of its training.
    pub training: &'a Value,
    /// The training set's mean `[a, b]`, in -128..=127.
    pub sepia: [f32; 2],
    /// What predictions in integers need, if they are wanted.
    pub integers: Option<&'a Integers>,
}

/// Writes a weights file as [`save`] does, its tensors as f16: half as long, and read as f32.
///
/// # Errors
///
/// Those of [`save`].
pub fn save_half(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    header: Header<'_>,
) -> Result<()> {
    save_as(path.as_ref(), tensors, header, DType::F16)
}

/// Writes a weights file, whole or not at all: the same content always gives the same bytes.
///
/// `sepia` is the training set's mean `[a, b]`, in -128..=127.
///
/// # Errors
///
/// When a tensor cannot be read from its device or the file cannot be written.
pub fn save(
    path: impl AsRef<Path>,
    tensors: &BTreeMap<String, Tensor>,
    network: &str,
    config: &Value,
    training: &Value,
    sepia: [f32; 2],
) -> Result<()> {
    let header = Header { network, config, training, sepia, integers: None };
    save_as(path.as_ref(), tensors, header, DType::F32)
}

fn save_as(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    header: Header<'_>,
    dtype: DType,
) -> Result<()> {
    let Header { network, config, training, sepia, integers } = header;
    let metadata = BTreeMap::from([
        (NETWORK, network.to_owned()),
        (CONFIG, config.to_string()),
        (TRAINING, training.to_string()),
        (SEPIA, format!("[{:?}, {:?}]", sepia[0], sepia[1])),
    ]);
    let bytes = serialize_as(tensors, integers, &metadata, dtype)?;
    write_whole(path, &bytes).map_err(Error::io(path, "write"))
}

/// A safetensors file. The crate writes metadata in the order of a hash map, which differs from
/// run to run, so its header is written without and the sorted metadata put in front.
///
/// # Errors
///
/// When a tensor cannot be read from its device.
pub fn serialize(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<&str, String>,
) -> Result<Vec<u8>> {
    serialize_as(tensors, None, metadata, DType::F32)
}

/// The same in half precision.
///
/// # Errors
///
/// Those of [`serialize`].
pub fn serialize_half(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<&str, String>,
) -> Result<Vec<u8>> {
    serialize_as(tensors, None, metadata, DType::F16)
}

/// With tensors of type F32 or F16, and those for integers.
fn serialize_as(
    tensors: &BTreeMap<String, Tensor>,
    integers: Option<&Integers>,
    metadata: &BTreeMap<&str, String>,
    dtype: DType,
) -> Result<Vec<u8>> {
    let own = if dtype == DType::F16 { Dtype::F16 } else { Dtype::F32 };
    let mut content = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        // Little-endian on every processor that candle's own writer serves.
        let bytes = tensor.to_dtype(dtype)?.contiguous()?.data().into_owned();
        content.push((name.clone(), tensor.dims().to_vec(), own, bytes));
    }
    for (name, shape, numbers) in integers.into_iter().flat_map(Integers::iter) {
        let (dtype, bytes) = numbers.bytes();
        content.push((format!("{}{name}", integers::PREFIX), shape.to_vec(), dtype, bytes));
    }
    let views = content.iter().map(|(name, shape, dtype, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name.as_str(), view.expect("the bytes were made from the tensor of this shape"))
    });
    let plain = safetensors::serialize(views, None)
        .expect("names are unique and the header is far below the format's 100 MB");

    let (length, rest) = plain.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("split at 8")) as usize;
    let (header, data) = rest.split_at(length);
    let mut header: Value = serde_json::from_slice(header).expect("just written by safetensors");
    let entries = header.as_object_mut().expect("a safetensors header is an object");
    entries.shift_insert(0, "__metadata__".to_owned(), serde_json::json!(metadata));
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut file = Vec::with_capacity(8 + header.len() + data.len());
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header);
    file.extend(data);
    Ok(file)
}

/// Writes beside `path`, syncs and renames into place, so that `path` never holds half a file.
///
/// # Errors
///
/// When the file cannot be written; then what was there before is as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    let temporary: PathBuf =
        folder.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The reason for the failure matters more than a leftover that cannot be removed.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        Device::open(crate::nn::device::DeviceChoice::Cpu).unwrap()
    }

    fn refusal(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, bytes).unwrap();
        Weights::read(&path).unwrap_err().to_string()
    }

    #[test]
    fn every_built_in_file_fits_its_network() {
        let device = Device::open(crate::nn::device::DeviceChoice::Cpu).unwrap();
        for name in Weights::builtin_names() {
            Weights::find(name, None).unwrap().build(&device).unwrap();
        }
        for BuiltIn { name, bytes, sha256 } in BUILTIN {
            assert_eq!(&hexadecimal(&Sha256::digest(bytes)), sha256, "{name} in `BUILTIN`");
        }
        assert_eq!(Weights::default_weights().unwrap().name(), "vivid");
        assert_eq!(Weights::find("polychromify", None).unwrap().parameters(), 293_330);
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
        let bias = weights.tensors()["a.bias"].to_vec1::<f32>().unwrap();
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
        let found = weights.tensors()["x"].to_vec1::<f32>().unwrap();
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
        assert_eq!(weights.tensors()["x"].to_vec1::<f32>().unwrap(), [1.0, -2.0]);
        assert_eq!(weights.training(), &Value::Null);
    }

    #[test]
    fn files_that_do_not_fit_are_refused_in_words() {
        assert!(refusal(b"GIF89a, or some other file").contains("not a safetensors file"));
        assert!(refusal(b"").contains("not a safetensors file"));
        let none = serialize(&tensors(), &BTreeMap::new()).unwrap();
        assert!(refusal(&none).contains("metadata has no `polychromify.network`"));
        let plain =
            safetensors::serialize(Vec::<(&str, safetensors::tensor::TensorView)>::new(), None);
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
        let network = weights.build(&device()).unwrap();
        let chroma = network.forward(&lightness, None, model::Mode::Infer).unwrap();
        assert_eq!(chroma.dims(), [1, 2, 8, 8]);
    }

    #[test]
    fn a_file_of_another_network_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_in(folder.path(), "mine.safetensors");
        let error = Weights::read(&path).unwrap().build(&device()).err().unwrap().to_string();
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
}
