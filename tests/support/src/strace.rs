//! Programs whose system calls fail, wait, or end in signals, as strace makes them.

use std::process::{Command, Stdio};

/// The same program with these faults (`-e`); it stays the child of whoever starts it. `None`, and says so,
/// where that cannot be.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
#[must_use]
pub fn with(command: &Command, faults: &[&str]) -> Option<Command> {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !tried.is_ok_and(|run| run.status.success()) {
        assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "strace is missing");
        println!("skipped: strace is missing, or may follow no program");
        return None;
    }
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-q", "-o", "/dev/null"]);
    traced.args(faults.iter().flat_map(|fault| ["-e", fault]));
    traced.arg("--").arg(command.get_program()).args(command.get_args());
    traced.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(traced)
}
