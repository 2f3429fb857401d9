//! Workers as processes of a test.

use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use crate::folder::{Folder, Run, batch_arguments};
use crate::pictures;
use crate::postgres::Server;

/// A server, and a folder `in` with small scans.
pub(crate) fn scans(scans: u32) -> Option<(Server, Folder)> {
    let server = Server::start()?;
    let folder = (0..scans).fold(Folder::new(), |folder, i| {
        folder.file(&format!("in/{}/{i}.png", i % 7), pictures::png(32, 24, i))
    });
    Some((server, folder))
}

/// `batch` of `in` by the ledger at an address, with leases of a second.
pub(crate) fn batch(folder: &Folder, url: &str, more: &[&str]) -> Command {
    let arguments = ["in", "-o", "out", "--ledger", url].into_iter().chain(more.iter().copied());
    with_leases("1", folder.command(batch_arguments(arguments)))
}

/// `work` by the ledger at an address, with leases of a second.
pub(crate) fn work(folder: &Folder, url: &str, more: &[&str]) -> Command {
    let arguments =
        ["work", "--json", "--weights", crate::weights::tiny(), "-o", "out", "--ledger", url];
    with_leases("1", folder.command(arguments.into_iter().chain(more.iter().copied())))
}

/// With leases of so many seconds: some where none of a living worker is to end on a busy machine.
pub(crate) fn with_leases(seconds: &str, mut command: Command) -> Command {
    command.env("POLYCHROMIFY_LEASE", seconds);
    command
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

pub(crate) fn ended(child: Child) -> Run {
    Run::of(child.wait_with_output().unwrap())
}

/// How many inputs a run says that it did.
pub(crate) fn done(run: &Run) -> u64 {
    run.summary()["done"].as_u64().unwrap()
}

/// Asserts that each scan has one result, as a run without PostgreSQL makes it, and nothing is left.
#[track_caller]
pub(crate) fn each_once(server: &Server, folder: &Folder, scans: usize) {
    assert_eq!(
        server.ask("SELECT state, count(*) FROM jobs GROUP BY state"),
        format!("done|{scans}")
    );
    assert_eq!(server.ask("SELECT count(*) FROM results"), scans.to_string());
    assert_eq!(server.ask("SELECT count(*) FROM intents"), "0");
    folder.batch(["in", "-o", "expected"]).code(0);
    assert_eq!(folder.files("out"), folder.files("expected"));
}
