//! What the manifests of a delivered folder tell.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::command::manifest::listing::{self, CHECKSUMS, Escapes, Lines};
use crate::command::manifest::table::{self, Records, TABLE};
use crate::command::verify::problem::{Problem, ProblemKind};
use crate::error::{Error, Result};
use crate::files::own;
use crate::files::system::names;

/// Folder of a bag's files.
pub(super) const PAYLOAD: &str = "data";
const BAG: &str = "bagit.txt";
const TAG_CHECKSUMS: &str = "tagmanifest-sha256.txt";

/// So many lines that cannot be used, and it is no list of checksums.
const MOST_PROBLEMS: usize = 1000;

/// A folder's manifests, read.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) folder: PathBuf,
    /// Whether it is a bag by RFC 8493.
    pub(super) is_bag: bool,
    /// Files that are listed with their checksums.
    pub(super) items: Vec<Item>,
    /// What the table tells of results.
    pub(super) results: HashMap<PathBuf, Told>,
    /// What is wrong with the manifests.
    pub(super) problems: Vec<Problem>,
}

/// A file that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Below the folder.
    pub(super) path: PathBuf,
    pub(super) sha256: String,
}

/// What the table tells of a result.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) sha256: String,
    pub(super) source_sha256: String,
    pub(super) weights_sha256: String,
    /// Whether somebody changed it before it was delivered.
    pub(super) is_changed: bool,
}

impl Delivery {
    /// Reads the manifests of a folder.
    ///
    /// # Errors
    ///
    /// When there is no list of checksums that can be read.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let is_bag = folder.join(BAG).is_file();
        let mut delivery = Self {
            folder: folder.to_path_buf(),
            is_bag,
            items: Vec::new(),
            results: HashMap::new(),
            problems: Vec::new(),
        };
        let listed = folder.join(CHECKSUMS);
        if !listed.is_file() {
            return Err(Error::NoManifest { folder: folder.to_path_buf(), name: CHECKSUMS });
        }
        delivery.read_checksums(CHECKSUMS)?;
        if is_bag && folder.join(TAG_CHECKSUMS).is_file() {
            delivery.read_checksums(TAG_CHECKSUMS)?;
        }
        let base = if is_bag { Path::new(PAYLOAD) } else { Path::new("") };
        let table = base.join(TABLE);
        if folder.join(&table).is_file() {
            delivery.read_table(&table, base);
        }
        delivery.compare();
        Ok(delivery)
    }

    /// Whether a path is that of the list of checksums itself.
    pub(super) fn is_manifest(&self, path: &Path) -> bool {
        !self.is_bag && path == Path::new(CHECKSUMS)
    }

    fn problem(&mut self, path: &Path, reason: String) {
        self.problems.push(Problem {
            path: path.to_path_buf(),
            kind: ProblemKind::Manifest,
            reason,
        });
    }

    fn read_checksums(&mut self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        let file = own::open(&path)?;
        let escapes = if self.is_bag { Escapes::Bag } else { Escapes::Coreutils };
        let mut seen: HashSet<PathBuf> = HashSet::new();
        let mut lines = Lines::new(BufReader::new(file));
        while let Some((number, line)) = lines.next().map_err(Error::io(&path, "read"))? {
            if line.is_empty() {
                continue;
            }
            if self.problems.len() >= MOST_PROBLEMS {
                self.problem(name.as_ref(), format!("not read beyond line {}", number - 1));
                break;
            }
            match listing::parse(line, escapes) {
                None => self.problem(name.as_ref(), format!("line {number} is no checksum")),
                Some((_, path)) if !listing::stays_below(&path) => {
                    let reason = format!("line {number} leads out of the folder");
                    self.problem(name.as_ref(), reason);
                }
                Some((_, path)) if !names::is_plain(&path) => {
                    let reason = format!("line {number} has a name that Windows reads as another");
                    self.problem(name.as_ref(), reason);
                }
                Some((sha256, path)) => {
                    if seen.insert(path.clone()) {
                        self.items.push(Item { path, sha256 });
                    } else {
                        let reason = format!("line {number} lists {} again", path.display());
                        self.problem(name.as_ref(), reason);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the table as far as it goes; paths in it start at `base`.
    fn read_table(&mut self, table: &Path, base: &Path) {
        if let Err(error) = self.try_read_table(table, base) {
            self.problem(table, format!("cannot be read: {error}"));
        }
    }

    fn try_read_table(&mut self, name: &Path, base: &Path) -> io::Result<()> {
        let opened = own::open(&self.folder.join(name)).map_err(io::Error::other)?;
        let mut records = Records::new(opened);
        let columns = records.next()?.unwrap_or_default();
        let column = |name: &str| columns.iter().position(|column| column == name.as_bytes());
        let names = ["path", "sha256", "source_sha256", "weights_sha256", "status"];
        let columns = names.map(column);
        while let Some(record) = records.next()? {
            let [path, sha256, source, weights, status] = columns.map(|column| {
                column.and_then(|column| record.get(column)).map_or(&[][..], Vec::as_slice)
            });
            if path.is_empty() || sha256.is_empty() {
                continue; // an input without a result
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let told = Told {
                sha256: text(sha256),
                source_sha256: text(source),
                weights_sha256: text(weights),
                is_changed: status == b"changed",
            };
            self.results.insert(base.join(table::read_path(path)), told);
        }
        Ok(())
    }

    /// Compares the table with the list of checksums.
    fn compare(&mut self) {
        let listed: HashMap<&Path, &str> =
            self.items.iter().map(|item| (item.path.as_path(), item.sha256.as_str())).collect();
        let mut problems = Vec::new();
        for (path, told) in &self.results {
            let reason = match listed.get(path.as_path()) {
                None => format!("in {TABLE}, and not in {CHECKSUMS}"),
                Some(listed) if *listed != told.sha256 => {
                    format!("{TABLE} and {CHECKSUMS} tell different checksums")
                }
                Some(_) => continue,
            };
            problems.push(Problem { path: path.clone(), kind: ProblemKind::Manifest, reason });
        }
        problems.sort_by(|one, other| one.path.cmp(&other.path));
        self.problems.extend(problems);
    }
}
