//! What the ledger tells while the program runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use serde_json::Value;

use crate::daemon::{ledger, until, watch};
use crate::folder::{Folder, Run, batch_arguments};
use crate::pictures;

/// A user without rights of its own, `nobody` on most systems.
const NOBODY: u32 = 65534;

#[test]
fn status_and_retry_work_beside_the_running_program() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/bad.png", "no picture, though long enough for one");
    let flags = ["--tries", "1", "--retry-delay", "50ms"];
    let daemon = watch(&folder, &flags);
    let status = || -> Value {
        let run = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    until("one is done, one failed", || {
        let told = status();
        told["done"] == 1 && told["failed"] == 1
    });
    assert!(status()["failures"][0]["input"].as_str().unwrap().ends_with("in/bad.png"));
    let tries = || status()["failures"][0]["tries"].as_u64();
    assert!(tries().is_some());
    folder.polychromify(["retry", "-o", "out"]).code(0);
    until("it was tried again", || status()["failed"] == 1);
    daemon.stop();
}

#[test]
fn without_an_output_the_configured_one_is_meant() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "here/out"]).code(0);
    folder.write("here/p.toml", "output = \"out\"\n");
    let at = ["status", "--config", "here/p.toml"];
    assert!(folder.polychromify(at).code(0).stdout.starts_with("1 done"));
    let mut command = folder.command(["status"]);
    let told = command.env("POLYCHROMIFY_OUTPUT", "here/out").output().unwrap();
    assert!(String::from_utf8(told.stdout).unwrap().starts_with("1 done"));
    folder.write(".config/polychromify/config.toml", "output = \"../../here/out\"\n");
    assert!(folder.polychromify(["status"]).code(0).stdout.starts_with("1 done"));
    folder.polychromify(["status", "-o", "elsewhere"]).code(2).one_error(&["elsewhere"]);
}

/// Leaves the ledger as a process does that is killed in the midst of writing it: some pages are written,
/// and what was in them before lies in the journal.
fn interrupt(folder: &Folder) {
    let files = ["ledger.sqlite", "ledger.sqlite-journal"];
    let files = files.map(|name| folder.path("out/.polychromify").join(name));
    let writer = ledger(folder).unwrap();
    for (pragma, value) in [("journal_mode", "truncate"), ("cache_size", "1"), ("cache_spill", "1")]
    {
        writer.pragma_update(None, pragma, value).unwrap();
    }
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    for i in 0..200 {
        let name = format!("{i}{}", "x".repeat(2000));
        writer.execute("INSERT INTO documents (name) VALUES (?1)", [name]).unwrap();
    }
    let written = files.each_ref().map(|file| fs::read(file).unwrap());
    drop(writer);
    for (file, content) in files.iter().zip(written) {
        fs::write(file, content).unwrap();
    }
}

#[test]
fn what_a_run_was_writing_that_was_killed_is_undone_by_whoever_asks_first() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "out"]).code(0);
    let ask = [["status", "-o", "out"], ["retry", "-o", "out"], ["manifest", "-o", "out"]];
    for ask in ask {
        interrupt(&folder);
        folder.polychromify(ask).code(0);
    }
    interrupt(&folder);
    let planned = folder.polychromify(batch_arguments(["in", "-o", "out", "--dry-run"])).code(0);
    assert_eq!(planned.line("in/a.png")["reason"], "done already", "{planned:#?}");
    let names = "SELECT count(*) FROM documents WHERE name LIKE '%xxx%'";
    let left: u32 = ledger(&folder).unwrap().query_row(names, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn who_may_not_undo_what_was_interrupted_is_told_who_does() {
    if !rustix::process::getuid().is_root() {
        return println!("skipped: only root can run as somebody else");
    }
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "out"]).code(0);
    interrupt(&folder);
    for name in ["", "out", "out/.polychromify"] {
        fs::set_permissions(folder.path(name), Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = folder.command(["status", "-o", "out"]);
    let refused = Run::of(command.uid(NOBODY).gid(NOBODY).output().unwrap()).code(2);
    refused.one_error(&["ledger.sqlite", "an earlier run was interrupted", "`batch` or `watch`"]);
}
