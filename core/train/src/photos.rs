//! The photographs that networks are trained and measured on.

mod read;
mod table;

use std::path::{Path, PathBuf};

use polychromify_core::{Error, Result};

pub use read::read_photo;
pub use table::{Row, draw_splits, read_table};

/// The photographs of `table` whose split is `split`, or all of `folder` without a table.
///
/// Tables name files relative to the folder or to the one that the table lies in.
///
/// # Errors
///
/// When the table or the folder cannot be read or there is no photograph.
pub fn list_photos(folder: &Path, table: Option<&Path>, split: &str) -> Result<Vec<PathBuf>> {
    let Some(table) = table else {
        let rows = draw_splits(folder, 0)?;
        return Ok(rows.into_iter().map(|row| folder.join(row.file)).collect());
    };
    let rows = read_table(table)?;
    let files: Vec<_> =
        rows.into_iter().filter(|row| row.split == split).map(|row| row.file).collect();
    if files.is_empty() {
        let table = table.display();
        return Err(Error::Train(format!("{table}: no photograph has the split `{split}`")));
    }
    Ok(files.iter().map(|file| locate(folder, Some(table), file)).collect())
}

/// A file of a table: its name is relative to the folder of photographs, or to the one that the table
/// lies in.
pub fn locate(folder: &Path, table: Option<&Path>, file: &str) -> PathBuf {
    let path = folder.join(file);
    match table.map(|table| table.with_file_name(file)) {
        Some(beside) if !path.exists() && beside.exists() => beside,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_chooses_the_photographs_of_a_split() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["0.png", "1.png"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let table = folder.path().join("photos.tsv");
        std::fs::write(&table, "file\tsplit\n0.png\ttrain\n1.png\ttest\n").unwrap();
        let photos = list_photos(folder.path(), Some(&table), "test").unwrap();
        assert_eq!(photos, [folder.path().join("1.png")]);
        let error = list_photos(folder.path(), Some(&table), "valid").unwrap_err().to_string();
        assert!(error.contains("no photograph has the split `valid`"), "{error}");
    }
}
