//! A program that watches a folder, while a test writes into it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::folder::Folder;
use crate::{pictures, weights};

/// How files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By events and the look at the start, and by nothing else.
    Events,
    /// By looking again and again.
    Polling,
}

impl How {
    fn flags(self) -> [&'static str; 2] {
        match self {
            Self::Events => ["--rescan", "0"],
            Self::Polling => ["--poll", "0.2"],
        }
    }
}

/// Declares tests that run by events alone and by polling alone.
#[macro_export]
macro_rules! both_ways {
    ($($(#[$attribute:meta])* fn $name:ident($how:ident: How) $body:block)*) => {
        $(fn $name($how: How) $body)*
        mod by_events {
            $($(#[$attribute])* #[test] fn $name() { super::$name(super::How::Events) })*
        }
        mod by_polling {
            $($(#[$attribute])* #[test] fn $name() { super::$name(super::How::Polling) })*
        }
    };
}
pub use crate::both_ways;

/// How long a condition is waited for; the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A running `polychromify watch`.
pub struct Daemon {
    child: Child,
    /// Lines of its log.
    log: Arc<Mutex<Vec<String>>>,
    /// How many of them were waited for.
    read: usize,
    reader: Option<JoinHandle<()>>,
}

/// The command of a watch with small weights and short waits; flags given here go before.
pub fn command(folder: &Folder, how: How, flags: &[&str]) -> Command {
    let mut all = vec!["watch", "in", "-o", "out", "-v", "--weights", weights::tiny()];
    all.extend(flags);
    let mut default = |flag: &'static str, value: &'static str| {
        if !flags.contains(&flag) {
            all.extend([flag, value]);
        }
    };
    default("--stability-delay", "0.3");
    default("--retry-delay", "0.3");
    if !flags.contains(&"--rescan") {
        all.extend(how.flags());
    }
    folder.command(all)
}

impl Daemon {
    pub fn start(folder: &Folder, how: How, flags: &[&str]) -> Self {
        Self::spawn(command(folder, how, flags))
    }

    /// Starts a command and reads its log.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let reader = child.stderr.take().map(|pipe| {
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                }
            })
        });
        if let Some(pipe) = child.stdout.take() {
            thread::spawn(move || BufReader::new(pipe).lines().for_each(drop));
        }
        Self { child, log, read: 0, reader }
    }

    /// Waits until it watches: a photograph that is dropped gets its result.
    pub fn ready(self, folder: &Folder) -> Self {
        folder.write("in/probe.png", pictures::png(8, 8, 99));
        self.until("the probe", || folder.exists("out/probe.png"));
        self
    }

    /// Its log so far.
    pub fn stderr(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits for a line of the log with these words that was not waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let next = self.log.lock().unwrap().get(self.read).cloned();
            if let Some(line) = next {
                self.read += 1;
                if line.contains(words) {
                    return line;
                }
                continue;
            }
            let ended = self.reader.as_ref().is_none_or(JoinHandle::is_finished)
                && self.log.lock().unwrap().len() == self.read;
            assert!(!ended, "ended without `{words}`:\n{}", self.stderr());
            let late = start.elapsed() > PATIENCE;
            assert!(!late, "waited for `{words}` in vain:\n{}", self.stderr());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(holds(condition), "waited for {what} in vain:\n{}", self.stderr());
    }

    /// Waits until these results are there, and nothing else is waited for.
    #[track_caller]
    pub fn until_done(&self, folder: &Folder, names: &[&str]) {
        for name in names {
            self.until(name, || folder.exists(&format!("out/{name}")));
        }
        self.until_idle(folder);
    }

    /// Waits until the ledger counts so many inputs of each state. A count that is read only once may
    /// be of a moment in which a file that had just been written is looked at once more.
    #[track_caller]
    pub fn until_counted(&self, folder: &Folder, counts: &[(&str, u32)]) {
        self.until(&format!("{counts:?}"), || {
            let status = status(folder);
            counts.iter().all(|(state, count)| status[state] == *count)
        });
    }

    /// Waits until an input has failed; gives the failure.
    #[track_caller]
    pub fn until_failed(&self, folder: &Folder, input: &str) -> Value {
        let mut found = None;
        self.until(&format!("a failure of {input}"), || {
            found = failure(folder, input);
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until the ledger says that nothing is queued or in work.
    #[track_caller]
    pub fn until_idle(&self, folder: &Folder) {
        self.until("an empty queue", || {
            let status = status(folder);
            status["queued"] == 0 && status["running"].as_array().unwrap().is_empty()
        });
    }

    #[cfg(unix)]
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Ends it by SIGTERM; gives its whole log.
    #[cfg(unix)]
    #[track_caller]
    pub fn stop(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        let mut status = None;
        let ended = holds(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(ended, "it does not stop:\n{}", self.stderr());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        assert_eq!(status.unwrap().code(), Some(130), "{}", self.stderr());
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Ends it by SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn holds(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(holds(condition), "waited for {what} in vain");
}

/// What `polychromify status --json` says of the output folder.
pub fn status(folder: &Folder) -> Value {
    let run = folder.polychromify(["status", "-o", "out", "--json"]);
    match run.code {
        Some(0) => serde_json::from_str(&run.stdout).unwrap(),
        _ => serde_json::json!({"queued": -1, "running": []}), // before the ledger is there
    }
}

/// The failure of an input in the ledger, if it has failed.
pub fn failure(folder: &Folder, input: &str) -> Option<Value> {
    let failures = status(folder)["failures"].as_array().cloned().unwrap_or_default();
    failures.into_iter().find(|failure| failure["input"].as_str().unwrap().ends_with(input))
}

/// The ledger's count of failed tries of an input.
pub fn tries(folder: &Folder, input: &str) -> u32 {
    let Some(ledger) = ledger(folder) else { return 0 };
    let sql = "SELECT max(tries) FROM jobs WHERE input LIKE '%' || ?1";
    let found = ledger.query_row(sql, [input], |row| row.get::<_, Option<u32>>(0));
    found.ok().flatten().unwrap_or(0)
}

/// The ledger itself, to see what the program does not tell.
pub fn ledger(folder: &Folder) -> Option<Connection> {
    let path = folder.path("out/.polychromify/ledger.sqlite");
    let ledger = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    ledger.busy_timeout(PATIENCE).unwrap();
    Some(ledger)
}

/// Names of temporary files, which nothing may leave behind.
pub fn temporary(folder: &Folder) -> Vec<String> {
    let names = ["in", "out"].into_iter().flat_map(|name| folder.names(name));
    names.filter(|name| name.contains(".polychromify")).collect()
}
