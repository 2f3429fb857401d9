//! Programs that this process starts and waits for itself. Who buries and kills what other programs left
//! to this process asks here which of its children are none of those.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids of the programs that run, or whose end was not asked for yet.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn ours() -> MutexGuard<'static, BTreeSet<u32>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) child: Child,
}

impl Program {
    /// Starts a program.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        // Nobody asks while it is a child already and not yet among ours.
        let mut ours = ours();
        let child = command.spawn()?;
        ours.insert(child.id());
        Ok(Self { child })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended at this very moment.
        let _ = self.child.kill();
        let _ = self.child.wait();
        ours().remove(&self.child.id());
    }
}

/// The children that nobody else waits for, of those that `children` tells.
#[cfg(unix)]
pub(crate) fn not_ours(children: impl FnOnce() -> Vec<u32>) -> Vec<u32> {
    let ours = ours();
    children().into_iter().filter(|child| !ours.contains(child)).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_ours_from_its_start_to_its_end() {
        let program = Program::start(Command::new("sleep").arg("1000")).unwrap();
        let id = program.child.id();
        assert!(not_ours(|| vec![id]).is_empty());
        drop(program);
        assert_eq!(not_ours(|| vec![id]), [id]);
    }
}
