//! A program that watches, while a test writes into its folder.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::folder::Folder;
use crate::{pictures, weights};

/// How files are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
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
pub(crate) use both_ways;

/// How long a condition is waited for; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running `polychromify watch in -o out`.
pub(crate) struct Daemon {
    child: Child,
    stderr: Arc<Mutex<String>>,
}

/// The command of a watch with small weights and short waits; flags given here go before.
pub(crate) fn command(folder: &Folder, how: How, flags: &[&str]) -> Command {
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
    pub(crate) fn start(folder: &Folder, how: How, flags: &[&str]) -> Self {
        Self::spawn(command(folder, how, flags))
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (text, pipe) = (Arc::clone(&stderr), child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                *text.lock().unwrap() += &(line + "\n");
            }
        });
        let pipe = child.stdout.take().unwrap();
        thread::spawn(move || BufReader::new(pipe).lines().for_each(drop));
        Self { child, stderr }
    }

    /// Waits until it watches: a photograph that is dropped gets its result.
    pub(crate) fn ready(self, folder: &Folder) -> Self {
        folder.write("in/probe.png", pictures::png(8, 8, 99));
        self.until("the probe", || folder.exists("out/probe.png"));
        self
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < PATIENCE, "waited for {what} in vain:\n{}", self.stderr());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until these results are there, and nothing else is waited for.
    #[track_caller]
    pub(crate) fn until_done(&self, folder: &Folder, names: &[&str]) {
        for name in names {
            self.until(name, || folder.exists(&format!("out/{name}")));
        }
        self.until_idle(folder);
    }

    /// Waits until the ledger says that nothing is queued or in work.
    #[track_caller]
    pub(crate) fn until_idle(&self, folder: &Folder) {
        self.until("an empty queue", || {
            let status = status(folder);
            status["queued"] == 0 && status["running"].as_array().unwrap().is_empty()
        });
    }

    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Ends it by SIGTERM.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(mut self) {
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

/// What `polychromify status --json` says of the output folder.
pub(crate) fn status(folder: &Folder) -> Value {
    let run = folder.polychromify(["status", "-o", "out", "--json"]);
    match run.code {
        Some(0) => serde_json::from_str(&run.stdout).unwrap(),
        _ => serde_json::json!({"queued": -1, "running": []}), // before the ledger is there
    }
}

/// The failure of an input in the ledger, if it has failed.
pub(crate) fn failure(folder: &Folder, input: &str) -> Option<Value> {
    let failures = status(folder)["failures"].as_array().cloned().unwrap_or_default();
    failures.into_iter().find(|failure| failure["input"].as_str().unwrap().ends_with(input))
}

/// The ledger's count of failed tries of an input.
pub(crate) fn tries(folder: &Folder, input: &str) -> u32 {
    let Some(ledger) = ledger(folder) else { return 0 };
    let sql = "SELECT max(tries) FROM jobs WHERE input LIKE '%' || ?1";
    let found = ledger.query_row(sql, [input], |row| row.get::<_, Option<u32>>(0));
    found.ok().flatten().unwrap_or(0)
}

/// The ledger itself, to see what the program does not tell.
pub(crate) fn ledger(folder: &Folder) -> Option<Connection> {
    let path = folder.path("out/.polychromify/ledger.sqlite");
    let ledger = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    ledger.busy_timeout(PATIENCE).unwrap();
    Some(ledger)
}

/// Names of temporary files, which nothing may leave behind.
pub(crate) fn temporary(folder: &Folder) -> Vec<String> {
    let names = ["in", "out"].into_iter().flat_map(|name| folder.names(name));
    names.filter(|name| name.contains(".polychromify")).collect()
}
