//! What a hook started and left to itself: such processes become this one's children.

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait, waitpid};

/// Most rounds of killing: each may bring up children of those that were killed.
const MOST_ROUNDS: u32 = 100;

/// From here on, orphans of what this process starts become its children.
pub(super) fn adopt() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(getpid())) {
        log::debug!("what hooks leave behind is not seen: {error}");
    }
}

/// Takes note of those that ended by themselves, so that nothing remains of them. While a hook runs,
/// this must not be called.
pub(super) fn bury() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// Kills all of them, with what they started in turn. While a hook runs, this must not be called.
pub(super) fn kill_all() {
    for _ in 0..MOST_ROUNDS {
        let orphans = children();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            // It may have ended at this very moment.
            let _ = kill_process(orphan, Signal::KILL);
            let _ = waitpid(Some(orphan), WaitOptions::empty());
        }
    }
}

/// This process's children, as `/proc` tells them.
fn children() -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mine = numbers.filter(|&number: &i32| parent_of(number) == Some(getpid()));
    mine.filter_map(Pid::from_raw).collect()
}

#[expect(clippy::disallowed_methods, reason = "what the kernel tells of a process")]
fn parent_of(process: i32) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: state, parent. See proc(5).
    let (_, behind) = stat.rsplit_once(')')?;
    Pid::from_raw(behind.split_whitespace().nth(1)?.parse().ok()?)
}
