//! The cache: every photograph of a data set at one small size, in one file.
//!
//! The file is a mark of 8 bytes; the samples, `size * size * 3` bytes of interleaved sRGB for each
//! photograph; the index as JSON; its length as a little-endian `u64`; and the mark again. Samples
//! stay sRGB of 8 bits, which is what the photographs hold: it is an eighth of CIE Lab in f32 with
//! lightness kept apart, and the conversion at training time is exact.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use polychromify_core::{Error, Result, hexadecimal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// First and last bytes; the digit is the version of the format.
const MARK: [u8; 8] = *b"PLYCHRM1";

/// What a cache holds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Index {
    /// Height and width of each photograph in pixels.
    pub size: usize,
    /// Photographs, in the order of their samples.
    pub photos: Vec<Photo>,
    /// Photographs that could not be read.
    pub failures: Vec<Failure>,
    /// SHA-256 of all samples, lower-case hexadecimal.
    pub samples_sha256: String,
}

/// A photograph of a cache.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Photo {
    /// File, as the table spelled it.
    pub file: String,
    /// Split that it belongs to.
    pub split: String,
    /// Where it comes from, or empty.
    pub source: String,
    /// Upright width in pixels before it was squeezed.
    pub width: u32,
    /// Upright height in pixels before it was squeezed.
    pub height: u32,
    /// How often it is drawn, beside one of weight 1; a weight of 1 is not written, so that a cache
    /// without weights is the same file as before there were any.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::float_cmp,
    reason = "serde's signature; set, not computed"
)]
fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}

/// A photograph that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Failure {
    /// File, as the table spelled it.
    pub file: String,
    /// Split that it would belong to.
    pub split: String,
    /// Why, with the path.
    pub reason: String,
}

impl Index {
    /// Bytes of a photograph's samples.
    pub fn sample_bytes(&self) -> usize {
        3 * self.size * self.size
    }

    /// Splits and how many photographs each has, in order of appearance.
    pub fn splits(&self) -> Vec<(&str, usize)> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for photo in &self.photos {
            match counts.iter_mut().find(|(split, _)| *split == photo.split) {
                Some((_, count)) => *count += 1,
                None => counts.push((&photo.split, 1)),
            }
        }
        counts
    }
}

/// A cache file whose index is read.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    index: Index,
    sha256: String,
}

impl Cache {
    /// Opens a cache and reads its index.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not a cache, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        let mut file = File::open(path).map_err(Error::io(path, "open"))?;
        let read = Error::io(path, "read");
        let ends = (|| {
            let length = file.metadata()?.len();
            let mut head = [0; 8];
            file.read_exact(&mut head)?;
            let (mut index_bytes, mut tail) = ([0; 8], [0; 8]);
            file.seek(SeekFrom::End(-16))?;
            file.read_exact(&mut index_bytes)?;
            file.read_exact(&mut tail)?;
            io::Result::Ok((length, u64::from_le_bytes(index_bytes), head, tail))
        })();
        let (length, index_bytes, head, tail) = match ends {
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Err(read(error)),
            Err(_) => return Err(damaged("too short to be a cache".to_owned())),
            Ok(ends) => ends,
        };
        if head != MARK {
            return Err(damaged("not a cache of `polychromify-train prepare`".to_owned()));
        }
        if tail != MARK || index_bytes > length - 24 {
            return Err(damaged("its end is missing; prepare it again".to_owned()));
        }
        let mut json = vec![0; index_bytes as usize];
        file.seek(SeekFrom::End(-16 - index_bytes.cast_signed()))
            .and_then(|_| file.read_exact(&mut json))
            .map_err(read)?;
        let index: Index = serde_json::from_slice(&json)
            .map_err(|error| damaged(format!("its index: {error}")))?;
        let samples = (index.photos.len() * index.sample_bytes()) as u64;
        if length != 24 + index_bytes + samples {
            return Err(damaged(format!(
                "holds {} bytes of samples, expected {samples}",
                length - 24 - index_bytes
            )));
        }
        Ok(Self { path: path.to_owned(), index, sha256: hexadecimal(&Sha256::digest(&json)) })
    }

    /// What the cache holds.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// SHA-256 of the index, which has that of the samples in it: names the cache's content.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Reads the samples of the photographs that belong to one of `splits`, in the cache's order,
    /// and which photographs these are: interleaved sRGB, `size * size * 3` bytes each. With a `limit` it is so many of them, evenly
    /// spaced, so that each source has its share, or all where there are fewer.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, its samples are not those that were written, or no
    /// photograph belongs to one of `splits`.
    pub fn samples(
        &self,
        splits: &[String],
        limit: Option<usize>,
    ) -> Result<(Vec<u8>, Vec<&Photo>)> {
        let chosen = |photo: &Photo| splits.contains(&photo.split);
        let all = self.index.photos.iter().filter(|photo| chosen(photo)).count();
        let count = limit.map_or(all, |limit| limit.min(all));
        if all == 0 {
            let known: Vec<&str> = self.index.splits().iter().map(|(split, _)| *split).collect();
            return Err(Error::Train(format!(
                "{}: has no photographs of split {}; it has: {}",
                self.path.display(),
                splits.join(", "),
                known.join(", ")
            )));
        }
        let mut file =
            BufReader::new(File::open(&self.path).map_err(Error::io(&self.path, "open"))?);
        file.read_exact(&mut [0; MARK.len()]).map_err(Error::io(&self.path, "read"))?;
        let mut sample = vec![0; self.index.sample_bytes()];
        let mut samples = Vec::with_capacity(count * sample.len());
        let mut photos = Vec::with_capacity(count);
        let mut hash = Sha256::new();
        let mut seen = 0;
        for photo in &self.index.photos {
            file.read_exact(&mut sample).map_err(Error::io(&self.path, "read"))?;
            hash.update(&sample);
            if chosen(photo) {
                // Steps up `count` times while `seen` goes through all.
                if (seen + 1) * count / all > seen * count / all {
                    samples.extend_from_slice(&sample);
                    photos.push(photo);
                }
                seen += 1;
            }
        }
        if hexadecimal(&hash.finalize()) != self.index.samples_sha256 {
            let reason = "its samples are not those that were written; prepare it again".to_owned();
            return Err(Error::Damaged { path: self.path.clone(), reason });
        }
        Ok((samples, photos))
    }
}

/// Writes a cache beside its final name; [`Writer::finish`] puts it in place, dropping removes it.
pub(crate) struct Writer {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    index: Index,
}

impl Writer {
    pub(crate) fn create(path: &Path, size: usize) -> Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(Error::Train(format!("{}: is not the name of a file", path.display())));
        };
        let name = name.to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = File::create(&temporary).map_err(Error::io(&temporary, "create"))?;
        let index =
            Index { size, photos: Vec::new(), failures: Vec::new(), samples_sha256: String::new() };
        let (path, file, hash) = (path.to_owned(), BufWriter::new(file), Sha256::new());
        let mut writer = Self { path, temporary, file, hash, index };
        writer.write(&MARK)?;
        Ok(writer)
    }

    /// Adds a photograph and its samples.
    pub(crate) fn push(&mut self, photo: Photo, samples: &[u8]) -> Result<()> {
        assert_eq!(samples.len(), self.index.sample_bytes());
        self.hash.update(samples);
        self.index.photos.push(photo);
        self.write(samples)
    }

    /// Remembers a photograph that could not be read.
    pub(crate) fn push_failure(&mut self, failure: Failure) {
        self.index.failures.push(failure);
    }

    /// Whether no photograph was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.photos.is_empty()
    }

    /// Writes the index, syncs, and renames the file into place.
    pub(crate) fn finish(mut self) -> Result<Index> {
        self.index.samples_sha256 = hexadecimal(&self.hash.finalize_reset());
        let json = serde_json::to_vec(&self.index).expect("an index is plain strings and numbers");
        self.write(&json)?;
        self.write(&(json.len() as u64).to_le_bytes())?;
        self.write(&MARK)?;
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(Error::io(&self.temporary, "write"))?;
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path, "write"))?;
        Ok(self.index.clone())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io(&self.temporary, "write"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Once it is in place the temporary name is gone; a leftover does no harm.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(file: &str, split: &str) -> Photo {
        let (file, split, source) = (file.to_owned(), split.to_owned(), String::new());
        Photo { file, split, source, width: 3, height: 2, weight: 1.0 }
    }

    fn write(path: &Path) -> Index {
        let mut writer = Writer::create(path, 2).unwrap();
        writer.push(photo("a", "train"), &[1; 12]).unwrap();
        writer.push(photo("b", "valid"), &[2; 12]).unwrap();
        writer.push(photo("c", "train"), &[3; 12]).unwrap();
        writer.finish().unwrap()
    }

    fn splits(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_by_split() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cache");
        let index = write(&path);
        let cache = Cache::open(&path).unwrap();
        assert_eq!(cache.index(), &index);
        assert_eq!(cache.index().splits(), [("train", 2), ("valid", 1)]);
        let (samples, photos) = cache.samples(&splits(&["train"]), None).unwrap();
        assert_eq!(samples, [[1; 12], [3; 12]].concat());
        assert_eq!(photos, [&index.photos[0], &index.photos[2]]);
        let some = |limit| cache.samples(&splits(&["train", "valid"]), Some(limit)).unwrap().0;
        assert_eq!(some(1), [3; 12], "the last of three");
        assert_eq!(some(2), [[2; 12], [3; 12]].concat());
        assert_eq!(some(9).len(), 3 * 12, "all, where there are fewer");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_weight_of_one_leaves_no_trace_and_another_is_kept() {
        let json =
            |weight| serde_json::to_string(&Photo { weight, ..photo("a", "train") }).unwrap();
        assert!(!json(1.0).contains("weight"));
        let read = |text: &str| serde_json::from_str::<Photo>(text).unwrap().weight;
        assert_eq!([read(&json(1.0)), read(&json(2.5))], [1.0, 2.5]);
    }

    #[test]
    fn a_split_that_is_not_there_is_refused_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cache");
        write(&path);
        let error = Cache::open(&path).unwrap().samples(&splits(&["extra"]), None).unwrap_err();
        assert!(error.to_string().ends_with("of split extra; it has: train, valid"), "{error}");
    }

    #[test]
    fn an_unfinished_cache_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cache");
        let mut writer = Writer::create(&path, 2).unwrap();
        writer.push(photo("a", "train"), &[1; 12]).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_cache_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.cache");
        write(&path);
        let whole = fs::read(&path).unwrap();
        let error = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let opened = Cache::open(&path);
            let error = opened
                .and_then(|cache| cache.samples(&splits(&["train"]), None).map(|_| ()))
                .unwrap_err();
            let error = error.to_string();
            assert!(error.contains("x.cache: damaged: "), "{error}");
            error
        };
        assert!(error(b"").contains("too short"));
        assert!(error(&[0; 100]).contains("not a cache"));
        for length in [8, 20, 24, 50, whole.len() - 1] {
            error(&whole[..length]);
        }
        let mut flipped = whole.clone();
        flipped[20] ^= 1;
        assert!(error(&flipped).contains("its samples are not those that were written"));
        let mut shortened = whole.clone();
        shortened.remove(20);
        assert!(error(&shortened).contains("35 bytes of samples, expected 36"));
    }
}
