//! The hook: a command of the user's that runs after each result and each failure.
//!
//! It is run by `sh -c` exactly as configured. What it is about stands in its environment and
//! nowhere else, so no file name is ever read as a command. Hooks run one at a time, in order, on
//! a thread of their own, while the next photographs are colored. How each ended is recorded in the
//! ledger; one that a stop or a crash cut off is called again at the next start.

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
use crate::ledger::{self, Due, Ledger};
use crate::programs::Program;
use crate::service::orphans;

/// What a hook in work may still take when the program stops.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// A configured hook.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) command: String,
    pub(crate) timeout: Duration,
}

/// One call of a hook.
struct Call {
    hook: Hook,
    /// The output folder, absolute.
    folder: PathBuf,
    about: Due,
    /// Milliseconds since 1970.
    called_at: i64,
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
        orphans::adopt();
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

    /// Queues a call; does not wait. `folder` is the output folder, absolute.
    pub(crate) fn call(&self, hook: &Hook, folder: &Path, about: Due) {
        let (hook, folder) = (hook.clone(), folder.to_path_buf());
        let called = self.calls.send(Call { hook, folder, about, called_at: ledger::now() });
        if called.is_err() {
            log::error!("no hook is run any more: its thread has ended");
        }
    }

    /// Ends: the hook in work gets a few seconds, those that wait stay due.
    pub(crate) fn finish(self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.calls);
        if self.thread.join().is_err() {
            log::error!("the thread of the hooks failed");
        }
    }
}

fn work(queue: &Receiver<Call>, stopping: &AtomicBool, failures: &AtomicU64) {
    let mut left: u64 = 0;
    for call in queue {
        let ended = if stopping.load(Ordering::Relaxed) { None } else { run(&call, stopping) };
        let Some(ended) = ended else {
            left += 1;
            continue;
        };
        let input = &call.about.input;
        if let Err(reason) = &ended {
            failures.fetch_add(1, Ordering::Relaxed);
            log::error!(file:% = input.display(); "hook: {reason}");
        }
        if let Err(error) = record(&call, ended.err().as_deref()) {
            log::warn!(file:% = input.display(); "hook: its end is not recorded: {error}");
        }
    }
    if left > 0 {
        log::info!("hooks due at the next start: {left}");
    }
}

fn record(call: &Call, failure: Option<&str>) -> Result<()> {
    let Call { folder, about, called_at, .. } = call;
    Ledger::open(folder)?.record_hook(&about.output, &about.input, *called_at, failure)
}

/// Runs a hook to its end; gives the reason of a failure, and `None` if the program's stop cut it
/// off.
fn run(call: &Call, stopping: &AtomicBool) -> Option<Result<(), String>> {
    let about = &call.about;
    let of = |value: &Option<String>| value.clone().unwrap_or_default();
    let seconds = about.milliseconds.map(|time| format!("{:.3}", time as f64 / 1000.0));
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &call.hook.command])
        .env("POLYCHROMIFY_HOOK_INPUT", &about.input)
        .env("POLYCHROMIFY_HOOK_OUTPUT", call.folder.join(&about.output))
        .env("POLYCHROMIFY_HOOK_STATUS", if about.failure.is_some() { "failed" } else { "done" })
        .env("POLYCHROMIFY_HOOK_REASON", of(&about.failure))
        .env("POLYCHROMIFY_HOOK_SECONDS", of(&seconds))
        .env("POLYCHROMIFY_HOOK_SHA256_INPUT", of(&about.content))
        .env("POLYCHROMIFY_HOOK_SHA256_OUTPUT", of(&about.sha256))
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_PID")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::null())
        .stdout(stderr()) // stdout is for --json
        .process_group(0); // so that all it starts can be killed
    let mut program = match Program::start(&mut command) {
        Ok(program) => program,
        Err(error) => return Some(Err(format!("cannot start /bin/sh: {error}"))),
    };
    let seconds = call.hook.timeout.as_secs_f64();
    let ended = wait(&mut program.child, call.hook.timeout, stopping);
    orphans::bury();
    match ended {
        Ok(Some(status)) if status.success() => Some(Ok(())),
        Ok(Some(status)) => Some(Err(format!("ended with {status}"))),
        Ok(None) if stopping.load(Ordering::Relaxed) => None,
        Ok(None) => Some(Err(format!("killed: it took longer than {seconds} s"))),
        Err(error) => Some(Err(format!("cannot wait for it: {error}"))),
    }
}

/// Waits for a child; kills it with all that it started when it takes too long (`None`), also what
/// left its group.
fn wait(
    child: &mut Child,
    timeout: Duration,
    stopping: &AtomicBool,
) -> io::Result<Option<ExitStatus>> {
    let mut deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(1);
    let mut last = false;
    loop {
        let now = Instant::now(); // before the look, so that one that ended in time is not told as late
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stopping.load(Ordering::Relaxed) && !last {
            last = true;
            deadline = deadline.min(now + LAST_PATIENCE);
        }
        if now >= deadline {
            // Its own group: the id is its process id. It may end at this very moment.
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            child.wait()?;
            orphans::kill_all();
            return Ok(None);
        }
        thread::sleep(pause.min(deadline - now));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn stderr() -> Stdio {
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}
