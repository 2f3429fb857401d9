//! One file, checked.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use polychromify_core::{Deadline, FoundLabel, Limits, Scan};
use serde_json::Value;

use crate::command::manifest::listing;
use crate::command::verify::delivery::{Delivery, Item, Told};
use crate::command::verify::problem::{Problem, ProblemKind};
use crate::error::Error;
use crate::files::{fingerprint, own};
use crate::film;
use crate::job::sidecar;
use crate::plan::names;
use crate::stop::Stop;

/// Rows that are decoded at once.
const BAND_ROWS: usize = 64;
/// A sidecar has some thousand bytes.
const LONGEST_SIDECAR: u64 = 1 << 20;

/// Checks files; workers share it.
pub(super) struct Checker<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) limits: Limits,
    /// Longest time for one file.
    pub(super) time_limit: Duration,
    pub(super) stop: &'a Stop,
    /// Whether there is ffmpeg to decode films.
    pub(super) decodes_films: bool,
}

/// A file that was checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) bytes: u64,
    pub(super) problems: Vec<Problem>,
}

impl Checker<'_> {
    pub(super) fn check(&self, item: &Item) -> Checked {
        let path = self.delivery.folder.join(&item.path);
        let mut problems = Vec::new();
        let mut say = |kind, reason| {
            problems.push(Problem { path: item.path.clone(), kind, reason });
        };
        if listing::leads_through_link(&self.delivery.folder, &item.path) {
            say(ProblemKind::Missing, "leads through a symbolic link".to_owned());
            return Checked { bytes: 0, problems };
        }
        let bytes = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => {
                say(ProblemKind::Missing, "not a file".to_owned());
                return Checked { bytes: 0, problems };
            }
            Err(error) => {
                let reason = match error.kind() {
                    std::io::ErrorKind::NotFound => "missing".to_owned(),
                    _ => format!("cannot read: {error}"),
                };
                say(ProblemKind::Missing, reason);
                return Checked { bytes: 0, problems };
            }
        };
        let deadline = Deadline::after(self.time_limit);
        match fingerprint::sha256_unless(&path, self.stop, deadline) {
            Ok(found) if found == item.sha256 => {}
            Ok(found) => {
                say(
                    ProblemKind::Checksum,
                    format!("its SHA-256 is {found}, expected {}", item.sha256),
                );
            }
            Err(error) => say(ProblemKind::Missing, error.reason(&path)),
        }
        let told = self.delivery.results.get(&item.path);
        if let Some(told) = told.filter(|_| names::is_film(&item.path)) {
            if !told.is_changed
                && let Some(reason) = self.wrong_luma(&path, deadline)
            {
                say(ProblemKind::Luma, reason);
            }
        } else if told.is_some() || names::is_photograph(&item.path) {
            let decoded = catch_unwind(AssertUnwindSafe(|| self.decode(&path, deadline)));
            match decoded.unwrap_or(Err(Error::Panicked)) {
                Ok(label) => {
                    let unchanged = told.filter(|told| !told.is_changed);
                    if let Some(reason) = unchanged.and_then(|told| wrong(told, &label)) {
                        say(ProblemKind::Label, reason);
                    }
                }
                Err(error) => say(ProblemKind::Damaged, error.reason(&path)),
            }
        } else if bytes <= LONGEST_SIDECAR
            && let Some(reason) = self.wrong_sidecar(&item.path, &path)
        {
            say(ProblemKind::Sidecar, reason);
        }
        Checked { bytes, problems }
    }

    /// Decodes all pages of a picture to their ends, and gives the labels.
    fn decode(&self, path: &Path, deadline: Deadline) -> Result<Vec<Option<FoundLabel>>, Error> {
        let mut scan =
            Scan::read(own::open(path)?, path, &Limits { deadline, ..self.limits.clone() })?;
        let mut labels = Vec::new();
        for page in 0..scan.pages() {
            scan.select(page)?;
            labels.push(scan.label()?);
            scan.read_through(BAND_ROWS, &|| self.stop.is_asked())?;
        }
        Ok(labels)
    }

    /// What is wrong with the luma of a film, by the list of its source's that the JSON beside it
    /// has.
    fn wrong_luma(&self, film: &Path, deadline: Deadline) -> Option<String> {
        let told = json(&sidecar::path(film))?;
        // Copies have a luma of their own.
        let list = told["film"]["luma_framemd5_sha256"].as_str()?;
        if told["film"]["codec"] != "ffv1" || !self.decodes_films {
            return None;
        }
        match film::luma_framemd5(film, self.stop, deadline) {
            Ok(found) if found == list => None,
            Ok(found) => Some(format!("its luma is not its source's: {found}, expected {list}")),
            Err(error) => Some(error.reason(film)),
        }
    }

    /// What is wrong with the JSON beside a result.
    fn wrong_sidecar(&self, below: &Path, path: &Path) -> Option<String> {
        let result: PathBuf = below.with_extension("");
        if below.extension()? != "json" {
            return None;
        }
        let told = self.delivery.results.get(&result)?;
        match json(path) {
            None => Some("not JSON".to_owned()),
            Some(_) if told.is_changed => None,
            Some(json) if json["sha256"] == told.sha256 => None,
            Some(_) => Some(format!("tells of another file than {}", result.display())),
        }
    }
}

/// Reads a JSON of ours; `None`: there is none that can be read.
fn json(path: &Path) -> Option<Value> {
    let mut text = String::new();
    own::open(path).ok()?.take(LONGEST_SIDECAR).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// What is wrong with the labels of a result's pages.
fn wrong(told: &Told, labels: &[Option<FoundLabel>]) -> Option<String> {
    labels.iter().enumerate().find_map(|(page, label)| {
        let reason = match label {
            None => "has no label that says that its colors are machine-made",
            Some(label) if label.weights_sha256 != told.weights_sha256 => {
                "its label tells of other weights than the table"
            }
            Some(label) if label.source_sha256 != told.source_sha256 => {
                "its label tells of another source than the table"
            }
            Some(_) => return None,
        };
        Some(if labels.len() > 1 { format!("page {}: {reason}", page + 1) } else { reason.into() })
    })
}
