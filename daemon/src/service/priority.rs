//! Low priority by choice: the scheduler's niceness, and the class of input and output.

use rustix::io::Result;
use rustix::process::{getpriority_process, setpriority_process};

use crate::cli::IoClass;

/// Lowers the priority of this thread and of all that it starts from here on.
///
/// What the system refuses is logged and does not stop the work.
pub(crate) fn lower(nice: Option<u8>, io_class: Option<IoClass>) {
    if let Some(nice) = nice
        && let Err(error) = set_nice(i32::from(nice))
    {
        log::warn!("cannot set the niceness to {nice}: {error}");
    }
    if let Some(class) = io_class
        && let Err(error) = set_io_class(class)
    {
        log::warn!("cannot set the class of input and output: {error}");
    }
}

fn set_nice(nice: i32) -> Result<()> {
    if getpriority_process(None)? == nice {
        return Ok(());
    }
    setpriority_process(None, nice)
}

#[cfg(target_os = "linux")]
fn set_io_class(class: IoClass) -> std::io::Result<()> {
    use ioprio::{BePriorityLevel, Class, Pid, Priority, Target};

    let class = match class {
        IoClass::Idle => Class::Idle,
        IoClass::BestEffort => Class::BestEffort(BePriorityLevel::lowest()),
    };
    ioprio::set_priority(Target::Process(Pid::this()), Priority::new(class))
        .map_err(|error| std::io::Error::other(error.to_string()))
}

#[cfg(not(target_os = "linux"))]
fn set_io_class(_: IoClass) -> std::io::Result<()> {
    Err(std::io::Error::other("Linux only"))
}
