//! `polychromify verify`: checks a delivered folder against its manifests, without the ledger.
//!
//! It checks that every listed file is there, has its checksum, decodes to its end if it is a picture,
//! and carries the label that the table says. Files that are not listed are reported.

mod check;
mod delivery;
mod problem;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use polychromify_core::Limits;
use serde_json::json;
use walkdir::WalkDir;

use crate::cli::Verify;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::film;
use crate::ledger::FOLDER;
use crate::limits;
use crate::plan::names;
use crate::report;
use crate::stop::Stop;
use check::Checker;
use delivery::Delivery;
use problem::{Problem, ProblemKind};

/// Runs the command.
///
/// # Errors
///
/// When the folder has no manifest that can be read.
pub(crate) fn run(arguments: &Verify) -> Result<Exit> {
    let stop = Stop::on_signals().map_err(Error::Signals)?;
    let started = Instant::now();
    let mut delivery = Delivery::open(&arguments.folder)?;
    let mut sums = Sums::default();
    for problem in std::mem::take(&mut delivery.problems) {
        sums.tell(arguments, &problem);
    }
    let workers = limits::workers(arguments.jobs).min(delivery.items.len().max(1));
    let limits = limits::of_each(arguments.memory, workers);
    let limits = Limits { stop: Some(stop.asked().clone()), ..limits };
    let time_limit = arguments.time_limit;
    let decodes_films = decodes_films(&delivery);
    let checker = Checker { delivery: &delivery, limits, time_limit, stop: &stop, decodes_films };
    let (next, (sender, found)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..workers {
            let (checker, next, sender) = (&checker, &next, sender.clone());
            scope.spawn(move || {
                while !checker.stop.is_asked() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = checker.delivery.items.get(place) else { break };
                    if sender.send((place, checker.check(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        // Told in the manifest's order, whichever worker is first.
        let (mut early, mut turn) = (BTreeMap::new(), 0);
        for (place, checked) in found {
            early.insert(place, checked);
            while let Some(checked) = early.remove(&turn) {
                turn += 1;
                sums.files += 1;
                sums.bytes += checked.bytes;
                sums.bad += u64::from(!checked.problems.is_empty());
                checked.problems.iter().for_each(|problem| sums.tell(arguments, problem));
            }
        }
    });
    if stop.is_asked() {
        return Ok(Exit::Stopped);
    }
    for problem in extra(&arguments.folder, &delivery) {
        sums.tell(arguments, &problem);
    }
    let seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    if arguments.json {
        report::print_json(&json!({"summary": {
            "files": sums.files, "bad": sums.bad, "problems": sums.problems,
            "extra": sums.extra, "bytes": sums.bytes, "seconds": seconds,
        }}));
    }
    let (files, bad, extra) = (sums.files, sums.bad, sums.extra);
    log::info!("{files} files checked, {bad} of them bad; {extra} are not in the manifest");
    let failed = sums.problems > 0 || (arguments.strict && extra > 0);
    Ok(if failed { Exit::SomeFailed } else { Exit::AllDone })
}

/// Whether films can be decoded; says so where there are some and they cannot.
fn decodes_films(delivery: &Delivery) -> bool {
    if !delivery.results.keys().any(|path| names::is_film(path)) {
        return false;
    }
    let there = film::are_there();
    if let Err(error) = &there {
        log::warn!("the luma of films is not checked, only their checksums: {error}");
    }
    there.is_ok()
}

#[derive(Debug, Default)]
struct Sums {
    /// Files that were listed.
    files: u64,
    /// Those with problems.
    bad: u64,
    /// All problems but files that are not listed.
    problems: u64,
    extra: u64,
    bytes: u64,
}

impl Sums {
    /// Says and counts a problem.
    fn tell(&mut self, arguments: &Verify, problem: &Problem) {
        if problem.kind == ProblemKind::Extra {
            self.extra += 1;
        } else {
            self.problems += 1;
        }
        let path = arguments.folder.join(&problem.path);
        if arguments.json {
            report::print_json(&json!({
                "path": problem.path.to_string_lossy(),
                "problem": problem.kind.name(),
                "reason": problem.reason,
            }));
        } else {
            report::print_line(&format!("{}: {}", path.display(), problem.reason));
        }
    }
}

/// Files below a folder that its manifest does not list; of a bag, those in `data`.
fn extra<'a>(folder: &'a Path, delivery: &'a Delivery) -> impl Iterator<Item = Problem> + 'a {
    let listed: HashSet<&Path> = delivery.items.iter().map(|item| item.path.as_path()).collect();
    let root = if delivery.is_bag { folder.join(delivery::PAYLOAD) } else { folder.to_path_buf() };
    let entries = WalkDir::new(root).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| entry.depth() != 1 || entry.file_name() != FOLDER);
    entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) if entry.file_type().is_dir() => return None,
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(folder);
                let path = path.strip_prefix(folder).unwrap_or(path).to_path_buf();
                let reason = format!("cannot read: {error}");
                return Some(Problem { path, kind: ProblemKind::Missing, reason });
            }
        };
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        if listed.contains(path) || delivery.is_manifest(path) {
            return None;
        }
        let reason = "not in the manifest".to_owned();
        Some(Problem { path: path.to_path_buf(), kind: ProblemKind::Extra, reason })
    })
}
