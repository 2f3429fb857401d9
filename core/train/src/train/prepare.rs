//! Photographs of any size into a cache of small ones.

use std::path::PathBuf;

use polychromify_core::{Error, Result};
use rayon::prelude::*;

use super::cache::{Failure, Index, Photo, Writer};
use crate::photos::{Row, draw_splits, locate, read_photo, read_table};

/// Photographs that are decoded in parallel before they are written: bounds the memory.
const CHUNK: usize = 256;

/// What to prepare, and where to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of photographs.
    pub photos: PathBuf,
    /// Table of files and splits; without one the splits are drawn.
    pub table: Option<PathBuf>,
    /// Splits to take; empty for all.
    pub splits: Vec<String>,
    /// Height and width of each photograph in the cache, in pixels.
    pub size: usize,
    /// Seed of the draw without a table.
    pub seed: u64,
    /// Threads; 0 for one a core.
    pub jobs: usize,
    /// The cache file.
    pub output: PathBuf,
}

/// Reads every photograph once and writes the cache, whole or not at all.
///
/// Photographs that cannot be read are passed over and remembered in [`Index::failures`].
/// `observe(done, all)` is called now and then with the number of photographs.
///
/// # Errors
///
/// When the table or the folder cannot be read, no photograph can, or the cache cannot be written.
pub fn prepare(settings: &Settings, observe: &mut dyn FnMut(usize, usize)) -> Result<Index> {
    if settings.size == 0 {
        return Err(Error::Train("the size of photographs has to be at least 1 pixel".to_owned()));
    }
    let rows = chosen_rows(settings)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.jobs).build();
    let pool = pool.map_err(|error| Error::Train(format!("cannot start threads: {error}")))?;
    let mut writer = Writer::create(&settings.output, settings.size)?;
    let (mut done, mut first_failure) = (0, None);
    for chunk in rows.chunks(CHUNK) {
        let read = |row: &Row| {
            let path = locate(&settings.photos, settings.table.as_deref(), &row.file);
            read_photo(&path, settings.size)
        };
        let photos: Vec<_> = pool.install(|| chunk.par_iter().map(read).collect());
        for (row, photo) in chunk.iter().cloned().zip(photos) {
            let Row { file, split, source, weight } = row;
            match photo {
                Ok(((width, height), samples)) => {
                    writer.push(Photo { file, split, source, width, height, weight }, &samples)?;
                }
                Err(error) => {
                    writer.push_failure(Failure { file, split, reason: error.to_string() });
                    first_failure.get_or_insert(error);
                }
            }
        }
        done += chunk.len();
        observe(done, rows.len());
    }
    match first_failure {
        Some(error) if writer.is_empty() => Err(error),
        _ => writer.finish(),
    }
}

fn chosen_rows(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = match &settings.table {
        Some(table) => read_table(table)?,
        None => draw_splits(&settings.photos, settings.seed)?,
    };
    for split in &settings.splits {
        if !rows.iter().any(|row| row.split == *split) {
            let place = settings.table.as_ref().unwrap_or(&settings.photos).display();
            return Err(Error::Train(format!("{place}: no photograph has the split `{split}`")));
        }
    }
    if !settings.splits.is_empty() {
        rows.retain(|row| settings.splits.contains(&row.split));
    }
    Ok(rows)
}
