//! Which photographs there are and which split each belongs to: from a table or by a seeded draw.

use std::fs;
use std::path::{Path, PathBuf};

use polychromify_core::{Error, Result};
use rand::seq::SliceRandom;

use crate::seed::stream;

/// A photograph of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// File, relative to the folder of photographs, as the table spells it.
    pub file: String,
    /// `train`, `valid`, `test` or another name that the table gives.
    pub split: String,
    /// Where the photograph comes from; empty where the table does not say.
    pub source: String,
    /// How often it is drawn, beside one of weight 1; 1 where the table does not say.
    pub weight: f64,
}

/// Reads a table of tab-separated values whose first line names the columns.
///
/// The columns `file` and `split` are required, `source` and `weight` are read where they are there,
/// others are passed over.
///
/// # Errors
///
/// When the table cannot be read, lacks a column, a line has fewer fields than columns, or a weight
/// is not a number above 0.
pub fn read_table(path: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).map_err(Error::io(path, "read"))?;
    let refuse = |reason: String| Error::Train(format!("table {}: {reason}", path.display()));
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, header)) = lines.next() else {
        return Err(refuse("is empty, expected a line of column names".to_owned()));
    };
    let columns: Vec<&str> = header.split('\t').map(str::trim).collect();
    let column = |name: &str| columns.iter().position(|column| *column == name);
    let required = |name: &str| {
        column(name).ok_or_else(|| {
            refuse(format!("has no column `{name}`; its columns are: {}", columns.join(", ")))
        })
    };
    let (file, split, source) = (required("file")?, required("split")?, column("source"));
    let weight = column("weight");
    let row = |(number, line): (usize, &str)| {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.len() < columns.len() {
            let (found, expected) = (fields.len(), columns.len());
            let number = number + 1;
            return Err(refuse(format!("line {number} has {found} fields, expected {expected}")));
        }
        let text = |column: usize| fields[column].trim().to_owned();
        let weight = weight.map_or(Ok(1.0), |column| {
            let weight = fields[column].trim().parse().ok().filter(|weight| is_weight(*weight));
            let (number, found) = (number + 1, fields[column].trim());
            let reason =
                || format!("line {number} has the weight `{found}`, expected a number above 0");
            weight.ok_or_else(|| refuse(reason()))
        })?;
        Ok(Row {
            file: text(file),
            split: text(split),
            source: source.map_or_else(String::new, text),
            weight,
        })
    };
    lines.map(row).collect()
}

fn is_weight(weight: f64) -> bool {
    weight.is_finite() && weight > 0.0
}

/// Finds the JPEG, PNG, TIFF and WebP files of a folder and of those below it, and draws the splits.
///
/// Of the files in shuffled order the first 20 % are `test`, of the rest the first 20 % `valid`,
/// the others `train`. The result is sorted by name.
///
/// # Errors
///
/// When a folder cannot be read or holds no photographs.
pub fn draw_splits(folder: &Path, seed: u64) -> Result<Vec<Row>> {
    let mut files = Vec::new();
    find_photos(folder, "", &mut files)?;
    if files.is_empty() {
        let folder = folder.display();
        return Err(Error::Train(format!("{folder}: holds no JPEG, PNG, TIFF or WebP files")));
    }
    files.sort();
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.shuffle(&mut stream(seed, "split"));
    let test = files.len().div_ceil(5);
    let valid = (files.len() - test).div_ceil(5);
    let mut splits = vec!["train"; files.len()];
    for (rank, &file) in order.iter().enumerate().take(test + valid) {
        splits[file] = if rank < test { "test" } else { "valid" };
    }
    let row = |(file, split): (String, &str)| Row {
        file,
        split: split.into(),
        source: String::new(),
        weight: 1.0,
    };
    Ok(files.into_iter().zip(splits).map(row).collect())
}

/// Adds the photographs of `folder`, each named by `prefix` and its path below.
fn find_photos(folder: &Path, prefix: &str, files: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder, "read"))? {
        let entry = entry.map_err(Error::io(folder, "read"))?;
        let path: PathBuf = entry.path();
        let Ok(name) = entry.file_name().into_string() else { continue };
        if path.is_dir() {
            find_photos(&path, &format!("{prefix}{name}/"), files)?;
        } else if is_photo(&name) {
            files.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn is_photo(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("jpg" | "jpeg" | "png" | "tif" | "tiff" | "webp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Vec<Row>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photos.tsv");
        fs::write(&path, text).unwrap();
        read_table(&path)
    }

    #[test]
    fn columns_are_found_by_name() {
        let rows = table("width\tsplit\tfile\n192\ttrain\ta/b.jpg\n\n128\tvalid\tc.png\n").unwrap();
        let row = |file: &str, split: &str| Row {
            file: file.to_owned(),
            split: split.to_owned(),
            source: String::new(),
            weight: 1.0,
        };
        assert_eq!(rows, [row("a/b.jpg", "train"), row("c.png", "valid")]);
    }

    #[test]
    fn a_missing_column_is_named_with_the_table() {
        let error = table("file\tsource\na.jpg\tx\n").unwrap_err().to_string();
        assert!(error.contains("photos.tsv: has no column `split`"), "{error}");
        assert!(error.ends_with("its columns are: file, source"), "{error}");
    }

    #[test]
    fn a_short_line_is_named_by_its_number() {
        let error = table("file\tsplit\na.jpg\ttrain\nb.jpg\n").unwrap_err().to_string();
        assert!(error.ends_with("line 3 has 1 fields, expected 2"), "{error}");
    }

    #[test]
    fn a_weight_is_a_number_above_zero() {
        let read = |weight| table(&format!("file\tsplit\tweight\na.jpg\ttrain\t{weight}\n"));
        assert_eq!(read("0.25").unwrap()[0].weight, 0.25);
        for weight in ["0", "-1", "nan", "inf", "much"] {
            let error = read(weight).unwrap_err().to_string();
            assert!(error.ends_with("expected a number above 0"), "{error}");
        }
    }

    #[test]
    fn a_missing_table_is_named() {
        let error = read_table(Path::new("absent.tsv")).unwrap_err().to_string();
        assert!(error.starts_with("absent.tsv: cannot read"), "{error}");
    }

    #[test]
    fn the_draw_is_seeded_and_takes_a_fifth_and_a_fifth_of_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        for i in 0..24 {
            fs::write(folder.path().join(format!("{i}.JPG")), "").unwrap();
        }
        fs::write(folder.path().join("below/x.tif"), "").unwrap();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        let rows = draw_splits(folder.path(), 1).unwrap();
        let count = |split: &str| rows.iter().filter(|row| row.split == split).count();
        assert_eq!((count("test"), count("valid"), count("train")), (5, 4, 16));
        assert!(rows.iter().any(|row| row.file == "below/x.tif"));
        assert_eq!(rows, draw_splits(folder.path(), 1).unwrap());
        assert_ne!(rows, draw_splits(folder.path(), 2).unwrap());
    }

    #[test]
    fn the_documents_4300_photographs_split_as_in_the_document() {
        let test = 4300usize.div_ceil(5);
        let valid = (4300 - test).div_ceil(5);
        assert_eq!((test, valid, 4300 - test - valid), (860, 688, 2752));
    }

    #[test]
    fn a_folder_without_photographs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = draw_splits(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains("holds no JPEG, PNG, TIFF or WebP files"), "{error}");
    }
}
