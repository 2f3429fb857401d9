//! The published weights of R. Zhang and others, under our names.
//!
//! The names are those of `colorizers/eccv16.py` and `colorizers/siggraph17.py`
//! (<https://github.com/richzhang/colorization>), where a layer's number counts activations too.

mod pth;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::model::{self, eccv16, siggraph17};
use crate::text::hexadecimal;
use crate::{Error, Result};

/// Convolutions of blocks 1 to 7, which both networks have.
const BLOCKS: [usize; 7] = [2, 2, 3, 3, 3, 3, 3];

/// Most names that a refusal lists of one kind.
const LISTED: usize = 4;

/// Weights read from a file of `PyTorch`.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The tensors by our names, f32.
    pub tensors: BTreeMap<String, Tensor>,
    /// The network's configuration.
    pub config: Value,
    /// Where they come from, for the weights file.
    pub training: Value,
}

/// Reads a published `.pth` file of `eccv16` or `siggraph17`; `changes` to the network's
/// configuration are for files of other sizes.
///
/// Where the file's name ends in a hash, as the published ones' do (`siggraph17-df00044c.pth`), its
/// SHA-256 has to begin so.
///
/// # Errors
///
/// When the file cannot be read, is damaged, is not a state (a dictionary of tensors by name), its
/// tensors are not exactly the network's, or its name tells another hash.
pub fn import(path: &Path, network: &str, changes: Option<&Value>) -> Result<Imported> {
    let refuse = |reason: String| Error::Weights { name: path.display().to_string(), reason };
    let (layers, mut config) = match network {
        "eccv16" => (eccv16_layers(), json!(eccv16::Config::published())),
        "siggraph17" => (siggraph17_layers(), json!(siggraph17::Config::published())),
        _ => {
            return Err(refuse(format!(
                "weights of `{network}` are not published; those of eccv16 and siggraph17 are"
            )));
        }
    };
    if let (Value::Object(config), Some(Value::Object(changes))) = (&mut config, changes) {
        config.extend(changes.clone());
    }
    let (bytes, found) = pth::read(path)?;
    let sha256 = hexadecimal(&Sha256::digest(&bytes));
    drop(bytes);
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
    if let Some(hash) = told_hash(&file)
        && !sha256.starts_with(hash)
    {
        return Err(refuse(format!("its SHA-256 is {sha256}, its name says {hash}...: damaged")));
    }
    let expected = expected(network, &config)?;
    let tensors = rename(found, &layers, &expected).map_err(refuse)?;
    let training = json!({"imported": {"file": file, "sha256": sha256}});
    Ok(Imported { tensors, config, training })
}

/// The hash at the end of a file's name: `c` of `a-b-c.pth`, of at least 8 hexadecimal digits.
fn told_hash(file: &str) -> Option<&str> {
    let hash = file.strip_suffix(".pth")?.rsplit_once('-')?.1;
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (hash.len() >= 8 && hash.chars().all(hexadecimal)).then_some(hash)
}

/// The names and shapes that a network asks for.
fn expected(network: &str, config: &Value) -> Result<BTreeMap<String, Vec<usize>>> {
    let vars = VarMap::new();
    model::build(network, config, VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu))?;
    let data = vars.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(data.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect())
}

/// Gives the tensors our names, if they are exactly those that are expected.
fn rename(
    mut found: BTreeMap<String, Tensor>,
    layers: &[(String, String)],
    expected: &BTreeMap<String, Vec<usize>>,
) -> std::result::Result<BTreeMap<String, Tensor>, String> {
    let mut tensors = BTreeMap::new();
    let (mut missing, mut other) = (Vec::new(), Vec::new());
    for (theirs, ours) in layers {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            let Some(shape) = expected.get(&format!("{ours}.{part}")) else { continue };
            let name = format!("{theirs}.{part}");
            match found.remove(&name) {
                Some(tensor) if tensor.dims() == shape.as_slice() => {
                    tensors.insert(format!("{ours}.{part}"), tensor);
                }
                Some(tensor) => {
                    other.push(format!("`{name}` {:?} in place of {shape:?}", tensor.dims()));
                }
                None => missing.push(format!("`{name}`")),
            }
        }
    }
    let unexpected: Vec<String> = found.keys().map(|name| format!("`{name}`")).collect();
    let kinds = [("missing", missing), ("unexpected", unexpected), ("of another shape", other)];
    let said: Vec<String> = kinds.iter().filter_map(|(kind, names)| list(kind, names)).collect();
    if said.is_empty() { Ok(tensors) } else { Err(format!("tensors {}", said.join("; "))) }
}

fn list(kind: &str, names: &[String]) -> Option<String> {
    let listed = names.get(..LISTED).unwrap_or(names).join(", ");
    match names.len() {
        0 => None,
        count if count > LISTED => Some(format!("{kind}: {listed} and {} more", count - LISTED)),
        _ => Some(format!("{kind}: {listed}")),
    }
}

/// Published and own names of blocks 1 to 7.
fn blocks() -> Vec<(String, String)> {
    let block = |(number, count): (usize, usize)| {
        let conv = move |i| (format!("model{number}.{}", 2 * i), format!("block{number}.{i}"));
        let norm = (format!("model{number}.{}", 2 * count), format!("block{number}.norm"));
        (0..count).map(conv).chain([norm])
    };
    (1..).zip(BLOCKS).flat_map(block).collect()
}

fn with_blocks(others: &[(&str, &str)]) -> Vec<(String, String)> {
    let others = others.iter().map(|(theirs, ours)| ((*theirs).to_owned(), (*ours).to_owned()));
    blocks().into_iter().chain(others).collect()
}

/// Published and own names of the layers of ECCV16.
pub(crate) fn eccv16_layers() -> Vec<(String, String)> {
    with_blocks(&[
        ("model8.0", "block8.up"),
        ("model8.2", "block8.0"),
        ("model8.4", "block8.1"),
        ("model8.6", "bins"),
        ("model_out", "output"),
    ])
}

/// Published and own names of the layers of SIGGRAPH17.
pub(crate) fn siggraph17_layers() -> Vec<(String, String)> {
    with_blocks(&[
        ("model8up.0", "up8"),
        ("model3short8.0", "short8"),
        ("model8.1", "block8.0"),
        ("model8.3", "block8.1"),
        ("model8.5", "block8.norm"),
        ("model9up.0", "up9"),
        ("model2short9.0", "short9"),
        ("model9.1", "block9.0"),
        ("model9.3", "block9.norm"),
        ("model10up.0", "up10"),
        ("model1short10.0", "short10"),
        ("model10.1", "block10.0"),
        ("model_class.0", "bins"),
        ("model_out.0", "output"),
    ])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn asset(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets/networks").join(name)
    }

    fn narrow(network: &str) -> Value {
        match network {
            "eccv16" => json!({"filters": [2, 3, 4, 5, 3]}),
            _ => json!({"filters": [2, 3, 4, 5, 3, 2]}),
        }
    }

    fn error(path: &Path, network: &str) -> String {
        import(path, network, Some(&narrow(network))).unwrap_err().to_string()
    }

    #[test]
    fn both_formats_hold_the_same_tensors() {
        for network in ["eccv16", "siggraph17"] {
            let read = |ending: &str| {
                let path = asset(&format!("{network}-narrow{ending}.pth"));
                import(&path, network, Some(&narrow(network))).unwrap().tensors
            };
            let (zip, older) = (read(""), read("-old"));
            assert!(zip.keys().eq(older.keys()));
            for (name, tensor) in &zip {
                let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>();
                assert_eq!(values(tensor).unwrap(), values(&older[name]).unwrap(), "{name}");
            }
            let expected = expected(network, &{
                let mut config = model::default_config(network).unwrap();
                config["filters"] = narrow(network)["filters"].clone();
                config["head"] = json!("published");
                if network != "eccv16" {
                    config.as_object_mut().unwrap().remove("head");
                }
                config
            });
            assert!(zip.keys().eq(expected.unwrap().keys()));
        }
    }

    #[test]
    fn what_is_no_state_is_refused_with_the_reason() {
        for (file, reason) in [
            ("module.pth", "holds a whole module (torch.nn.modules.linear.Linear)"),
            ("module-old.pth", "holds a whole module (torch.nn.modules.linear.Linear)"),
            ("wrapped.pth", "holds no tensors, but `state_dict`"),
            ("vanilla.safetensors", "not a file of PyTorch"),
        ] {
            let message = error(&asset(file), "eccv16");
            assert!(message.contains(file) && message.contains(reason), "{message}");
        }
    }

    #[test]
    fn other_tensors_are_refused_by_name() {
        let message = error(&asset("other.pth"), "eccv16");
        assert!(message.contains("missing: `model1.0.weight`, `model1.0.bias`"), "{message}");
        assert!(message.contains("unexpected: `bias`, `weight`"), "{message}");
        let message = error(&asset("siggraph17-narrow.pth"), "eccv16");
        assert!(message.contains("`model1.0.weight` [2, 4, 3, 3] in place of [2, 1, 3, 3]"));
        assert!(message.contains("missing: `model8.0.weight`"), "{message}");
        let message = import(&asset("eccv16-narrow.pth"), "eccv16", None).unwrap_err().to_string();
        assert!(message.contains("in place of [64, 1, 3, 3]"), "{message}");
        assert!(error(&asset("eccv16-narrow.pth"), "vivid").contains("not published"));
    }

    #[test]
    fn a_name_that_tells_another_hash_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = fs::read(asset("eccv16-narrow.pth")).unwrap();
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        let right = folder.path().join(format!("release_v2-{}.pth", &sha256[..8]));
        let wrong = folder.path().join("release_v2-9b330a0b.pth");
        for path in [&right, &wrong] {
            fs::write(path, &bytes).unwrap();
        }
        let imported = import(&right, "eccv16", Some(&narrow("eccv16"))).unwrap();
        assert_eq!(imported.training["imported"]["sha256"], sha256);
        assert!(error(&wrong, "eccv16").contains("its name says 9b330a0b...: damaged"));
        assert_eq!(told_hash("a-narrow.pth"), None);
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.pth");
        for name in ["eccv16-narrow.pth", "eccv16-narrow-old.pth"] {
            let bytes = fs::read(asset(name)).unwrap();
            for length in (0..bytes.len()).step_by(977) {
                fs::write(&path, &bytes[..length]).unwrap();
                assert!(error(&path, "eccv16").contains("cut.pth: "), "{name} {length}");
            }
            // Damage within: no panic, whatever comes of it.
            for i in (0..bytes.len().min(9000)).step_by(61) {
                let mut damaged = bytes.clone();
                damaged[i] ^= 0x55;
                fs::write(&path, damaged).unwrap();
                let _ = import(&path, "eccv16", Some(&narrow("eccv16")));
            }
        }
    }
}
