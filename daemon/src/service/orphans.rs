//! What a hook started and left to itself: such processes become this one's children.

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use crate::programs;

/// Most rounds of killing: each may bring up children of those that were killed.
const MOST_ROUNDS: u32 = 100;

/// From here on, orphans of what this process starts become its children.
pub(super) fn adopt() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(getpid())) {
        log::debug!("what hooks leave behind is not seen: {error}");
    }
}

/// Takes note of those that ended by themselves, so that nothing remains of them.
pub(super) fn bury() {
    bury_ended(&orphans_of(children));
}

fn bury_ended(orphans: &[Pid]) {
    for &orphan in orphans {
        // It may still run.
        let _ = waitpid(Some(orphan), WaitOptions::NOHANG);
    }
}

/// Kills all of them, with what they started in turn.
pub(super) fn kill_all() {
    for _ in 0..MOST_ROUNDS {
        let orphans = orphans_of(children);
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

/// Children but for the programs that this process waits for itself, such as those that work on films.
fn orphans_of(children: impl FnOnce() -> Vec<u32>) -> Vec<Pid> {
    let orphans = programs::not_ours(children).into_iter();
    orphans.filter_map(|number| Pid::from_raw(number.cast_signed())).collect()
}

/// This process's children, as `/proc` tells them.
fn children() -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|&number| parent_of(number) == Some(getpid())).collect()
}

#[expect(clippy::disallowed_methods, reason = "what the kernel tells of a process")]
fn parent_of(process: u32) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: state, parent. See proc(5).
    let (_, behind) = stat.rsplit_once(')')?;
    Pid::from_raw(behind.split_whitespace().nth(1)?.parse().ok()?)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::programs::Program;

    /// Waits until a child has ended, and leaves it unburied.
    fn until_ended(id: u32) {
        let start = Instant::now();
        while !std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap().contains(") Z ") {
            assert!(start.elapsed() < Duration::from_secs(180), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_others_left_is_buried_and_how_our_own_programs_ended_is_left_to_who_waits_for_them() {
        let mut program = Program::start(Command::new("sh").args(["-c", "exit 3"])).unwrap();
        #[expect(clippy::zombie_processes, reason = "it is buried below")]
        let orphan = Command::new("true").spawn().unwrap();
        until_ended(program.child.id());
        until_ended(orphan.id());
        // Not all children: others are of tests beside this one.
        bury_ended(&orphans_of(|| vec![program.child.id(), orphan.id()]));
        assert!(!std::path::Path::new(&format!("/proc/{}", orphan.id())).exists());
        assert_eq!(program.child.wait().unwrap().code(), Some(3));
    }
}
