//! The program while it runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::Folder;
use crate::weights;

/// How long a test waits for what must come. The machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `watch` from `in` to `out` with the small weights, quick to take files.
pub(crate) const QUICK: [&str; 6] = ["watch", "in", "--output", "out", "--stability-delay", "50ms"];

/// A running `polychromify watch`.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Daemon {
    /// Starts it in a folder, with `in` made, and waits until it watches.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::start_by(folder, arguments, |_| {})
    }

    /// The same, with a command that is changed first.
    pub(crate) fn start_by(
        folder: &Folder,
        arguments: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        std::fs::create_dir_all(folder.path("in")).unwrap();
        let weights = ["--weights", weights::tiny()];
        let all = QUICK.into_iter().chain(weights).chain(arguments.iter().copied());
        let mut command = folder.command(all);
        command.env_remove("JOURNAL_STREAM");
        change(&mut command);
        let mut daemon = Self::spawn(command);
        daemon.wait_for("watching");
        daemon
    }

    /// Starts a command and reads its log.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self { child, lines, log: Vec::new() }
    }

    /// Waits for a line of the log with these words that was not waited for before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{words}` in time: {:#?}", self.log),
                Err(RecvTimeoutError::Disconnected) => panic!("no `{words}`: {:#?}", self.log),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it by SIGTERM; gives its whole log.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(130), "{:#?}", self.log);
        while let Ok(line) = self.lines.recv() {
            self.log.push(line);
        }
        std::mem::take(&mut self.log)
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
