//! Power loss: whatever of the unsynced reached the disk, nothing is lost, doubled or half made.
//!
//! The program runs once under `strace`, which records what it does to files. From the record follow the
//! states that a disk may be left in (`disk`); from each the program goes on, and must end as the
//! undisturbed run did.

mod disk;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use self::disk::{Disk, Tree};
use crate::daemon::{Daemon, How, until};
use crate::folder::Folder;
use crate::{daemon, pictures};

/// States that are tried of those there are. `POWER_LOSS=all`, as `scripts/power-loss` says, tries all,
/// `POWER_LOSS=7` the one of that number.
const SOME: usize = 80;

/// A way of working in which the power fails.
struct Scenario {
    flags: &'static [&'static str],
    /// Whether results alone may be left of an original.
    deletes: bool,
}

#[test]
fn originals_that_stay() {
    Scenario { flags: &["--stability-delay", "50ms", "--sidecar"], deletes: false }.run();
}

#[test]
fn originals_that_move() {
    let flags = &["--stability-delay", "50ms", "--on-success", "move", "--move-to", "moved"];
    Scenario { flags, deletes: false }.run();
}

#[test]
fn originals_that_are_deleted() {
    Scenario { flags: &["--stability-delay", "50ms", "--on-success", "delete"], deletes: true }
        .run();
}

impl Scenario {
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn run(&self) {
        match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
            Err(_) => {
                assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "strace is missing");
                return println!("skipped: there is no strace");
            }
            Ok(run) if !run.status.success() => {
                return println!("skipped: the system lets strace follow no program");
            }
            Ok(_) => {}
        }
        let folder = Folder::new()
            .file("in/a.png", pictures::png(30, 20, 1))
            .file("in/sub/b.jpg", pictures::jpeg(40, 30, 2));
        let start = Disk::read(&folder.path(""));
        let record = Folder::new();
        let text = self.recorded(&folder, &record.path("record"));
        let expected = files(&Disk::read(&folder.path("")).tree());
        let ops = trace::read(&text, &folder.path("").canonicalize().unwrap(), &start);
        let mut live = start.clone();
        for op in &ops {
            live.apply(op);
        }
        assert_eq!(files(&live.tree()), expected, "the record misses something");
        let ledger = ["ledger.sqlite", "ledger.sqlite-journal"];
        let ledger = ledger.map(|name| live.find(&Path::new("out/.polychromify").join(name)));
        let states = disk::states(&start, &ops, &|node| ledger.contains(&Some(node)));
        let (first, step, most) = match std::env::var("POWER_LOSS") {
            Err(_) => (0, states.len().div_ceil(SOME), usize::MAX),
            Ok(all) if all == "all" => (0, 1, usize::MAX),
            Ok(one) => (one.parse().unwrap(), 1, 1),
        };
        println!("{} states, one in {step} tried", states.len());
        let originals = files(&start.tree());
        let chosen = states.iter().enumerate().skip(first).step_by(step).take(most);
        for (number, state) in chosen {
            // In the same folder, as the ledger knows originals by their paths.
            for entry in fs::read_dir(folder.path("")).unwrap() {
                fs::remove_dir_all(entry.unwrap().path()).unwrap();
            }
            disk::write(state, &folder.path(""));
            self.check(number, state, &folder, &originals, &expected);
        }
    }

    /// Lets the program do its work; gives the record of it.
    fn recorded(&self, folder: &Folder, record: &Path) -> String {
        let watch = daemon::command(folder, How::Events, self.flags);
        // The program stays our child (-D), so that signals reach it.
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-y", "-xx", "-q", "-s", "100000000", "-e", "signal=none"]);
        command.args(["-e", trace::CALLS, "-o"]).arg(record).arg("--");
        command.arg(watch.get_program()).args(watch.get_args());
        command.current_dir(watch.get_current_dir().unwrap());
        for (name, value) in watch.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let daemon = Daemon::spawn(command);
        let id = daemon.id().as_raw_nonzero();
        self.until_settled(&daemon, folder);
        daemon.stop();
        let is_end = |line: &str| {
            line.strip_prefix(&id.to_string())
                .is_some_and(|line| line.trim_start().starts_with("+++ exited"))
        };
        let mut text = String::new();
        until("the end of the record", || {
            text = fs::read_to_string(record).unwrap();
            text.lines().any(is_end)
        });
        text
    }

    fn until_settled(&self, daemon: &Daemon, folder: &Folder) {
        daemon.until_done(folder, &["a.png", "sub/b.jpg"]);
        if self.flags.contains(&"--on-success") {
            daemon.until("originals that went", || folder.names("in").is_empty());
        }
        daemon.until("an end of all work", || {
            let status = daemon::status(folder);
            status["done"] == 2 && status["failed"] == 0 && status["queued"] == 0
        });
    }

    fn check(
        &self,
        number: usize,
        state: &Tree,
        folder: &Folder,
        originals: &Files,
        expected: &Files,
    ) {
        let found = files(state);
        let say = |words: &str, path: &Path| {
            format!("state {number}: {words} {}; there are {:?}", path.display(), found.keys())
        };
        for (path, content) in originals {
            let result = Path::new("out").join(path.strip_prefix("in").unwrap());
            let is_done = self.deletes && found.get(&result) == expected.get(&result);
            assert!(
                is_done || found.values().any(|found| found == content),
                "{}",
                say("lost:", path)
            );
        }
        let results = found.iter().filter(|(path, _)| path.starts_with("out") && !is_hidden(path));
        for (path, content) in results {
            assert_eq!(Some(content), expected.get(path), "{}", say("half made:", path));
        }
        let _told = Told(number, state);
        let daemon = Daemon::start(folder, How::Events, self.flags);
        daemon.until("the start", || daemon.stderr().contains("watching"));
        self.until_settled(&daemon, folder);
        let log = daemon.stop();
        let recovered = files(&Disk::read(&folder.path("")).tree());
        let differs = recovered.keys().collect::<Vec<_>>() != expected.keys().collect::<Vec<_>>();
        assert!(!differs, "{}\n{:?}\n{log:#?}", say("in the end", Path::new("")), recovered.keys());
        assert!(recovered == *expected, "{}", say("another content in the end", Path::new("")));
    }
}

/// Tells in which state a check fails, and keeps it.
struct Told<'a>(usize, &'a Tree);

impl Drop for Told<'_> {
    #[expect(clippy::print_stdout, reason = "what a failed test says")]
    fn drop(&mut self) {
        if thread::panicking() {
            let kept = tempfile::tempdir().unwrap().keep();
            disk::write(self.1, &kept);
            println!("state {}, kept in {}: {:?}", self.0, kept.display(), self.1.keys());
        }
    }
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All files but the ledger and its lock.
fn files(tree: &Tree) -> Files {
    let files = tree.iter().filter_map(|(path, content)| Some((path.clone(), content.clone()?)));
    files.filter(|(path, _)| !path.starts_with("out/.polychromify")).collect()
}

fn is_hidden(path: &Path) -> bool {
    path.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
}
