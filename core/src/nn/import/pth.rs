//! Tensors from PyTorch's files: the zip archives that it writes since 1.6, and what it wrote before.
//!
//! Only a state is read, a dictionary of tensors by name. The pickles are read by candle, which
//! builds no objects and calls nothing. The older format is described by `_legacy_load` in PyTorch's
//! `torch/serialization.py`: pickles of a magic number, the protocol, the system and the state, one
//! of the storages' keys, then each storage's length, 8 bytes, and values.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use candle_core::pickle::{Object, Stack};
use candle_core::{DType, Device, Tensor};
use zip::ZipArchive;

use crate::{Error, Result};

/// How a zip archive begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How the older format begins: the pickle of 0x1950a86a20f9469cfc6c.
const OLDER: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
/// Most bytes of a pickle; those of the published networks have some ten thousand.
const LONGEST_PICKLE: u64 = 4 << 20;

/// Why a file is refused.
type Refused = String;

/// Where a tensor's values lie.
#[derive(Debug)]
struct Entry {
    /// Name of its storage.
    storage: String,
    dtype: DType,
    /// In elements.
    offset: usize,
    shape: Vec<usize>,
    /// In elements.
    strides: Vec<usize>,
}

/// A file's bytes, and its tensors by name: those of floating-point numbers, as f32.
///
/// # Errors
///
/// When the file cannot be read, is damaged, or is not a state.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, BTreeMap<String, Tensor>)> {
    let bytes = fs::read(path).map_err(Error::io(path, "read"))?;
    let refuse = |reason: Refused| Error::Weights { name: path.display().to_string(), reason };
    let tensors = if bytes.starts_with(ZIP) {
        read_zip(&bytes)
    } else if bytes.starts_with(OLDER) {
        read_older(&bytes)
    } else {
        Err("not a file of PyTorch, neither a zip archive nor the older format".to_owned())
    };
    let tensors = tensors.map_err(refuse)?;
    Ok((bytes, tensors))
}

fn read_zip(bytes: &[u8]) -> std::result::Result<BTreeMap<String, Tensor>, Refused> {
    let damaged = |error: zip::result::ZipError| format!("damaged: {error}");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let names: std::result::Result<Vec<String>, _> =
        archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned)).collect();
    let pickle = names.map_err(damaged)?.into_iter().find(|name| name.ends_with("data.pkl"));
    let pickle = pickle.ok_or("a zip archive without `data.pkl`: not a file of PyTorch")?;
    let folder = pickle.trim_end_matches(".pkl").to_owned();
    let mut read = |name: &str, limit: u64| {
        let mut content = Vec::new();
        let file = archive.by_name(name).map_err(|error| format!("damaged: `{name}`: {error}"))?;
        let read = file.take(limit).read_to_end(&mut content);
        read.map_err(|error| format!("damaged: `{name}`: {error}"))?;
        Ok::<_, Refused>(content)
    };
    let object = unpickle(&mut read(&pickle, LONGEST_PICKLE)?.as_slice())?;
    let mut storages = BTreeMap::new();
    let entries = entries(object)?;
    for entry in entries.values() {
        if !storages.contains_key(&entry.storage) {
            let content = read(&format!("{folder}/{}", entry.storage), bytes.len() as u64)?;
            storages.insert(entry.storage.clone(), content);
        }
    }
    tensors(&entries, |storage| storages.get(storage).map(Vec::as_slice))
}

fn read_older(bytes: &[u8]) -> std::result::Result<BTreeMap<String, Tensor>, Refused> {
    let mut rest = &bytes[OLDER.len()..];
    let _protocol = unpickle(&mut rest)?;
    let system = unpickle(&mut rest)?.dict().unwrap_or_default();
    let little = (Object::Unicode("little_endian".to_owned()), Object::Bool(true));
    if !system.contains(&little) {
        return Err("was not written on a little-endian machine".to_owned());
    }
    let entries = entries(unpickle(&mut rest)?)?;
    let Object::List(keys) = unpickle(&mut rest)? else {
        return Err("damaged: has no list of its storages".to_owned());
    };
    let mut storages = BTreeMap::new();
    for key in keys {
        let key = key.unicode().map_err(|_| "damaged: a storage without a name".to_owned())?;
        let short = || format!("damaged: ends within storage `{key}`");
        let (count, after) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let width = entries.values().find(|entry| entry.storage == key);
        let width = width.map(|entry| entry.dtype.size_in_bytes());
        let width = width.ok_or_else(|| format!("storage `{key}` is of no tensor"))?;
        let length = usize::try_from(i64::from_le_bytes(*count)).ok();
        let length = length.and_then(|count| count.checked_mul(width)).ok_or_else(short)?;
        let (content, after) = after.split_at_checked(length).ok_or_else(short)?;
        storages.insert(key, content);
        rest = after;
    }
    tensors(&entries, |storage| storages.get(storage).copied())
}

/// Reads one pickle and leaves `bytes` behind it.
fn unpickle(bytes: &mut &[u8]) -> std::result::Result<Object, Refused> {
    let mut limited = Read::take(&mut *bytes, LONGEST_PICKLE);
    let mut stack = Stack::empty();
    let read = stack.read_loop(&mut limited);
    read.and_then(|()| stack.finalize())
        .map_err(|error| format!("not a state (a dictionary of tensors): {error}"))
}

/// What the dictionary says of each tensor.
fn entries(object: Object) -> std::result::Result<BTreeMap<String, Entry>, Refused> {
    let dictionary = match object {
        Object::Dict(dictionary) => dictionary,
        Object::Build { callable, .. } | Object::Reduce { callable, .. } => {
            let class = class_of(*callable).unwrap_or_else(|| "an object".to_owned());
            return Err(format!(
                "holds a whole module ({class}), not its state: save `module.state_dict()`"
            ));
        }
        _ => return Err("holds no dictionary of tensors".to_owned()),
    };
    let mut entries = BTreeMap::new();
    let mut others = Vec::new();
    for (name, value) in dictionary {
        let Object::Unicode(name) = name else { continue };
        if name == "_metadata" {
            continue;
        }
        match entry(value) {
            Some(entry) => {
                let entry = entry.map_err(|reason| format!("tensor `{name}` {reason}"))?;
                entries.insert(name, entry);
            }
            None => others.push(format!("`{name}`")),
        }
    }
    if entries.is_empty() {
        let holds = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        return Err(format!("holds no tensors, but {holds}: save the state alone"));
    }
    if !others.is_empty() {
        return Err(format!("holds {} beside tensors: save the state alone", others.join(", ")));
    }
    Ok(entries)
}

/// Name of the class of what a pickle makes.
fn class_of(object: Object) -> Option<String> {
    match object {
        Object::Class { module_name, class_name } => Some(format!("{module_name}.{class_name}")),
        Object::Reduce { callable, .. } | Object::Build { callable, .. } => class_of(*callable),
        Object::PersistentLoad(parts) => match *parts {
            // The older format wraps classes, with their source code: ("module", class, ..).
            Object::Tuple(parts) => parts.into_iter().nth(1).and_then(class_of),
            _ => None,
        },
        _ => None,
    }
}

/// `None` for what is no tensor; an error completes "tensor `name` ..".
fn entry(object: Object) -> Option<std::result::Result<Entry, Refused>> {
    let (callable, arguments) = object.reduce().ok()?;
    let (module, class) = callable.class().ok()?;
    let arguments = arguments.tuple().ok()?;
    match (module.as_str(), class.as_str()) {
        ("torch._utils", "_rebuild_parameter") => entry(arguments.into_iter().next()?),
        ("torch._utils", "_rebuild_tensor_v2") => {
            Some(rebuild(arguments).unwrap_or_else(|| Err("is not described as usual".to_owned())))
        }
        _ => None,
    }
}

/// From storage, offset, size and strides.
fn rebuild(arguments: Vec<Object>) -> Option<std::result::Result<Entry, Refused>> {
    let mut arguments = arguments.into_iter();
    let storage = arguments.next()?.persistent_load().ok()?.tuple().ok()?;
    let offset = usize::try_from(arguments.next()?.int_or_long().ok()?).ok()?;
    let mut sizes = || {
        let sizes = arguments.next()?.tuple().ok()?.into_iter();
        sizes
            .map(|size| usize::try_from(size.int_or_long().ok()?).ok())
            .collect::<Option<Vec<usize>>>()
    };
    let (shape, strides): (Vec<usize>, Vec<usize>) = (sizes()?, sizes()?);
    // ("storage", class, key, device, length), and in the older format a view or none.
    let mut storage = storage.into_iter().skip(1);
    let (_, class) = storage.next()?.class().ok()?;
    let key = storage.next()?.unicode().ok()?;
    if !matches!(storage.nth(2), None | Some(Object::None)) {
        return Some(Err("is a view of another storage".to_owned()));
    }
    let dtype = match class.as_str() {
        "FloatStorage" => DType::F32,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "DoubleStorage" => DType::F64,
        "LongStorage" => DType::I64,
        _ => return Some(Err(format!("is of type {class}, expected FloatStorage"))),
    };
    if shape.len() != strides.len() {
        return None;
    }
    Some(Ok(Entry { storage: key, dtype, offset, shape, strides }))
}

/// The tensors of floating-point numbers; those of integers count steps.
fn tensors<'a>(
    entries: &BTreeMap<String, Entry>,
    storage: impl Fn(&str) -> Option<&'a [u8]>,
) -> std::result::Result<BTreeMap<String, Tensor>, Refused> {
    let mut tensors = BTreeMap::new();
    for (name, entry) in entries.iter().filter(|(_, entry)| entry.dtype.is_float()) {
        let short = || format!("damaged: tensor `{name}` lies outside its storage");
        let content = storage(&entry.storage).ok_or_else(short)?;
        let values = values(entry, content).ok_or_else(short)?;
        let tensor = Tensor::from_vec(values, entry.shape.as_slice(), &Device::Cpu);
        tensors.insert(name.clone(), tensor.map_err(|error| format!("tensor `{name}`: {error}"))?);
    }
    Ok(tensors)
}

/// A tensor's values one after the other; `None` where they lie outside the storage.
fn values(entry: &Entry, content: &[u8]) -> Option<Vec<f32>> {
    let count = content.len() / entry.dtype.size_in_bytes();
    let elements = entry.shape.iter().try_fold(1usize, |all, size| all.checked_mul(*size))?;
    if elements == 0 {
        return Some(Vec::new());
    }
    let mut last = entry.offset;
    for (size, stride) in entry.shape.iter().zip(&entry.strides) {
        last = last.checked_add((size - 1).checked_mul(*stride)?)?;
    }
    // Not more elements than the storage has: strides of 0 would repeat them.
    if last >= count || elements > count {
        return None;
    }
    let bytes = &content[..count * entry.dtype.size_in_bytes()];
    let stored = Tensor::from_raw_buffer(bytes, entry.dtype, &[count], &Device::Cpu).ok()?;
    let stored = stored.to_dtype(DType::F32).ok()?.to_vec1::<f32>().ok()?;
    let mut places = vec![entry.offset];
    for (size, stride) in entry.shape.iter().zip(&entry.strides) {
        let along = |place: usize| (0..*size).map(move |i| place + i * stride);
        places = places.into_iter().flat_map(along).collect();
    }
    Some(places.into_iter().map(|place| stored[place]).collect())
}
