//! What Windows does in a way of its own: names, long paths, files that others have open, and what is not
//! offered there.

use std::fs::File;
use std::os::windows::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use crate::daemon::ledger;
use crate::folder::{Folder, sha256};
use crate::pictures;

#[test]
fn what_was_never_tried_is_refused_with_its_reason() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let address = "postgres://archive@db/colors";
    for (arguments, what) in [
        (&["watch", "in", "-o", "out"][..], "watch is not offered on Windows: "),
        (&["film", "in", "-o", "out"], "film is not offered on Windows: "),
        (&["review", "-o", "out"], "review is not offered on Windows: "),
        (&["work", "-o", "out", "--ledger", address], "PostgreSQL is not offered on Windows: "),
        (&["batch", "in", "-o", "out", "--ledger", address], "PostgreSQL is not offered"),
        (&["status", "-o", "out", "--ledger", address], "PostgreSQL is not offered"),
    ] {
        folder.polychromify(arguments.iter().copied()).code(2).one_error(&[what]);
    }
    assert!(!folder.exists("out"));
}

#[test]
fn ledgers_and_manifests_have_slashes_as_everywhere() {
    let folder = Folder::new().file("in/box/sub/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    let told: String = ledger(&folder)
        .unwrap()
        .query_row("SELECT output FROM results", [], |row| row.get(0))
        .unwrap();
    assert_eq!(told, "box/sub/a.png");
    let list = String::from_utf8(folder.read("out/manifest-sha256.txt")).unwrap();
    assert_eq!(list.lines().next().unwrap()[64..], *"  box/sub/a.png");
    folder.polychromify(["verify", "out", "--strict"]).code(0);
    assert_eq!(folder.batch(["in", "-o", "out"]).code(0).summary()["skipped"], 1);
}

#[test]
fn a_manifest_with_names_that_windows_reads_as_others_harms_nobody() {
    let folder = Folder::new().file("out/a.png", pictures::png(30, 20, 1));
    let hash = sha256(&folder.read("out/a.png"));
    let names = ["NUL", "a.png.", "a.png::$DATA", "C:/windows/win.ini", "sub/../a.png"];
    let list = names.map(|name| format!("{hash}  {name}\n")).concat();
    folder.write("out/manifest-sha256.txt", list);
    let run = folder.polychromify(["verify", "out", "--json"]).code(1);
    assert_eq!(run.summary()["problems"], names.len(), "{run:#?}");
}

#[test]
fn an_original_that_others_read_is_colored_and_one_that_is_locked_fails() {
    let folder = Folder::new()
        .file("in/read.png", pictures::png(30, 20, 1))
        .file("in/locked.png", pictures::png(30, 20, 2));
    let _read = File::open(folder.path("in/read.png")).unwrap();
    let locked =
        File::options().read(true).share_mode(0).open(folder.path("in/locked.png")).unwrap();
    let run = folder.batch(["in", "-o", "out"]).code(1).one_error(&["in/locked.png: "]);
    assert_eq!(
        (run.status("in/read.png"), run.status("in/locked.png")),
        ("done".into(), "failed".into())
    );
    drop(locked);
    folder.batch(["in", "-o", "out"]).code(0);
}

/// As a virus scanner does.
#[test]
fn a_result_that_another_program_has_open_for_a_moment_is_replaced_then() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    let path = folder.path("out/a.png");
    let mut child = {
        let open = File::options().read(true).share_mode(1).open(&path).unwrap(); // read alone
        let more = ["in", "-o", "out", "--force", "--saturation", "0.5"];
        let child = folder.command(crate::folder::batch_arguments(more)).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        drop(open);
        child
    };
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_ne!(folder.files("out"), before);
}

#[test]
fn a_result_that_another_program_keeps_open_stays_and_the_run_says_so() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    let open = File::options().read(true).share_mode(1).open(folder.path("out/a.png")).unwrap();
    let more = ["in", "-o", "out", "--force", "--saturation", "0.5"];
    folder.batch(more).code(1).one_error(&["a.png"]);
    drop(open);
    assert_eq!(folder.files("out"), before, "nothing half done");
    folder.batch(more).code(0);
    assert_ne!(folder.files("out"), before);
}
