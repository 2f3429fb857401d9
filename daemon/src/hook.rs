//! The hook: a command of the user's that runs after each result and each failure.
//!
//! It is run by `sh -c` exactly as configured. What it is about stands in its environment and
//! nowhere else, so no file name is ever read as a command. Hooks run one at a time, in order, on
//! a thread of their own, while the next photographs are colored. One that fails or takes too long
//! is logged and remembered in the ledger. A hook runs at most once for each result.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Result;
use crate::job::{Facts, Outcome};
use crate::ledger::Ledger;

/// What a hook in work may still take when the program stops.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

const NOT_RUN: &str = "the program stopped before it ran";

/// A configured hook.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) command: String,
    pub(crate) timeout: Duration,
}

/// One call of a hook.
struct Call {
    hook: Hook,
    /// The output folder, for its ledger.
    folder: PathBuf,
    input: PathBuf,
    output: PathBuf,
    status: &'static str,
    reason: String,
    facts: Facts,
}

/// Runs hooks one after the other.
pub(crate) struct Hooks {
    calls: Sender<Call>,
    thread: JoinHandle<()>,
    stopping: Arc<AtomicBool>,
    failures: Arc<AtomicU64>,
}

impl Hooks {
    pub(crate) fn start() -> Self {
        let (calls, queue) = mpsc::channel();
        let (stopping, failures) = (Arc::default(), Arc::default());
        let (stop, count) = (Arc::clone(&stopping), Arc::clone(&failures));
        let thread = thread::spawn(move || work(&queue, &stop, &count));
        Self { calls, thread, stopping, failures }
    }

    /// Hooks that failed since the start.
    pub(crate) fn failures(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.failures)
    }

    /// Queues a call if a job is done or failed for good; does not wait.
    pub(crate) fn call(
        &self,
        hook: &Hook,
        folder: &Path,
        input: &Path,
        output: &Path,
        outcome: &Outcome,
    ) {
        let (status, reason, facts) = match outcome {
            Outcome::Done(facts) => ("done", "", facts),
            Outcome::Failed(reason, facts) => ("failed", reason.as_str(), facts),
            _ => return,
        };
        let call = Call {
            hook: hook.clone(),
            folder: folder.to_path_buf(),
            input: input.to_path_buf(),
            output: output.to_path_buf(),
            status,
            reason: reason.to_owned(),
            facts: facts.clone(),
        };
        if self.calls.send(call).is_err() {
            log::error!(file:% = input.display(); "the hook is not run: its thread has ended");
        }
    }

    /// Ends: the hook in work gets a few seconds, those that wait are remembered as not run.
    pub(crate) fn finish(self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.calls);
        if self.thread.join().is_err() {
            log::error!("the thread of the hooks failed");
        }
    }
}

fn work(queue: &Receiver<Call>, stopping: &AtomicBool, failures: &AtomicU64) {
    for call in queue {
        let ended = if stopping.load(Ordering::Relaxed) {
            Err(NOT_RUN.to_owned())
        } else {
            run(&call, stopping)
        };
        if let Err(reason) = &ended {
            failures.fetch_add(1, Ordering::Relaxed);
            log::error!(file:% = call.input.display(); "hook: {reason}");
        }
        if let Err(error) = remember(&call, ended.err().as_deref()) {
            log::warn!(file:% = call.input.display(); "hook: its end is not recorded: {error}");
        }
    }
}

fn remember(call: &Call, failure: Option<&str>) -> Result<()> {
    Ledger::open(&call.folder)?.record_hook(&call.output, &call.input, failure)
}

/// Runs a hook to its end; gives the reason of a failure.
fn run(call: &Call, stopping: &AtomicBool) -> Result<(), String> {
    let seconds = call.facts.seconds.map(|seconds| format!("{seconds:.3}")).unwrap_or_default();
    let of = |hash: &Option<String>| hash.clone().unwrap_or_default();
    let started = Command::new("/bin/sh")
        .args(["-c", &call.hook.command])
        .env("POLYCHROMIFY_HOOK_INPUT", &call.input)
        .env("POLYCHROMIFY_HOOK_OUTPUT", &call.output)
        .env("POLYCHROMIFY_HOOK_STATUS", call.status)
        .env("POLYCHROMIFY_HOOK_REASON", &call.reason)
        .env("POLYCHROMIFY_HOOK_SECONDS", seconds)
        .env("POLYCHROMIFY_HOOK_SHA256_INPUT", of(&call.facts.sha256_input))
        .env("POLYCHROMIFY_HOOK_SHA256_OUTPUT", of(&call.facts.sha256_output))
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_PID")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::null())
        .stdout(stderr()) // stdout is for --json
        .process_group(0) // so that all it starts can be killed
        .spawn();
    let mut child = started.map_err(|error| format!("cannot start /bin/sh: {error}"))?;
    let ended = wait(&mut child, call.hook.timeout, stopping);
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("ended with {status}")),
        Ok(None) if stopping.load(Ordering::Relaxed) => {
            Err("killed: the program stopped".to_owned())
        }
        Ok(None) => {
            Err(format!("killed: it took longer than {} s", call.hook.timeout.as_secs_f64()))
        }
        Err(error) => Err(format!("cannot wait for it: {error}")),
    }
}

/// Waits for a child; kills it with all that it started when it takes too long (`None`).
fn wait(
    child: &mut Child,
    timeout: Duration,
    stopping: &AtomicBool,
) -> io::Result<Option<ExitStatus>> {
    let mut deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    let mut last = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let now = Instant::now();
        if stopping.load(Ordering::Relaxed) && !last {
            last = true;
            deadline = deadline.min(now + LAST_PATIENCE);
        }
        if now >= deadline {
            // Its own group: the id is its process id. It may end at this very moment.
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause.min(deadline - now));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn stderr() -> Stdio {
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}
