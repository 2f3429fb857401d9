//! Bad inputs: one line with file and reason, and the rest goes on.

use std::fs;

use serde_json::Value;

use crate::folder::Folder;
use crate::pictures;

#[test]
fn a_damaged_file_is_named_with_its_reason_and_the_rest_goes_on() {
    let cut =
        |content: Vec<u8>, keep: f64| content[..(content.len() as f64 * keep) as usize].to_vec();
    for (name, content) in [
        ("text.jpg", b"this is no photograph".to_vec()),
        ("empty.jpg", Vec::new()),
        ("zeros.png", vec![0; 4096]),
        ("zeros.tif", vec![0; 4096]),
        ("cut.jpg", cut(pictures::jpeg(120, 90, 1), 0.7)),
        ("header.jpg", cut(pictures::jpeg(120, 90, 1), 0.1)),
        ("cut.png", cut(pictures::png(120, 90, 1), 0.7)),
        ("header.png", pictures::png(120, 90, 1)[..30].to_vec()),
        ("cut.tif", cut(pictures::tiff(120, 90, 1), 0.7)),
        ("header.tif", pictures::tiff(120, 90, 1)[..6].to_vec()),
    ] {
        let folder = Folder::new()
            .file(&format!("in/{name}"), &content)
            .file("in/sub/good.png", pictures::png(30, 20, 2));
        let run = folder.batch(["in", "-o", "out"]).code(1).one_error(&[name]);
        assert_eq!(run.status(&format!("in/{name}")), "failed");
        assert_eq!(run.status("in/sub/good.png"), "done");
        assert_eq!(folder.names("out"), ["sub/good.png"], "after {name}");
        assert_eq!(folder.read(&format!("in/{name}")), content);
        let alone = folder.batch([format!("in/{name}").as_str(), "-o", "alone"]).code(1);
        alone.one_error(&[name]);
    }
}

#[test]
fn a_folder_named_like_a_photograph_is_a_folder() {
    let folder = Folder::new().file("in/x.jpg/y.png", pictures::png(30, 20, 1));
    fs::create_dir(folder.path("in/z.jpg")).unwrap();
    folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(folder.names("out"), ["x.jpg/y.png"]);
    folder.batch(["in/x.jpg", "-o", "alone"]).code(0);
    assert_eq!(folder.names("alone"), ["y.png"]);
}

#[test]
fn a_file_given_by_name_is_tried_whatever_its_extension() {
    let folder = Folder::new().file("scan.bin", pictures::png(30, 20, 1)).file("a.txt", "text");
    let run = folder.batch(["scan.bin", "a.txt", "-o", "out"]).code(1);
    assert_eq!(run.status("scan.bin"), "done");
    assert_eq!(run.status("a.txt"), "failed");
}

#[test]
#[cfg(unix)] // rights
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn what_must_not_be_read_is_named_and_the_rest_goes_on() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new()
        .file("in/locked.png", pictures::png(30, 20, 1))
        .file("in/closed/a.png", pictures::png(30, 20, 2))
        .file("in/open.png", pictures::png(30, 20, 3));
    let lock = |name: &str| {
        fs::set_permissions(folder.path(name), Permissions::from_mode(0o000)).unwrap();
    };
    lock("in/locked.png");
    lock("in/closed");
    if fs::read(folder.path("in/locked.png")).is_ok() {
        println!("skipped: this user reads everything");
        return;
    }
    let run = folder.batch(["in", "-o", "out"]).code(1);
    fs::set_permissions(folder.path("in/closed"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run.status("in/locked.png"), "failed");
    assert_eq!(run.status("in/closed"), "failed");
    assert_eq!(run.status("in/open.png"), "done");
    assert_eq!(run.stderr.matches("Permission denied").count(), 2, "{run:#?}");
}

/// A file size limit stands in for a full disk: the write fails in the middle.
#[test]
#[cfg(unix)] // a shell's limit
fn a_result_that_cannot_be_written_leaves_nothing_and_the_rest_goes_on() {
    use std::process::Command;

    use crate::folder::{Run, batch_arguments};

    let folder = Folder::new()
        .file("in/big.png", pictures::png(900, 900, 1))
        .file("in/small.png", pictures::png(30, 20, 2));
    let arguments = batch_arguments(["in", "-o", "out", "--jobs", "1"]);
    let shell = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""; // blocks of 512 bytes
    let run = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_polychromify")])
        .args(arguments)
        .current_dir(folder.path("."))
        .output();
    let run = Run::of(run.unwrap()).code(1).one_error(&["in/big.png", "write"]);
    assert_eq!(run.status("in/small.png"), "done");
    assert_eq!(folder.names("out"), ["small.png"]);
    folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(folder.names("out"), ["big.png", "small.png"]);
}

#[test]
fn a_file_that_takes_too_long_fails_is_remembered_and_leaves_nothing() {
    let folder = Folder::new()
        .file("in/a.tif", pictures::tiff(120, 90, 1))
        .file("in/b.jpg", pictures::jpeg(120, 90, 2));
    let run = folder.batch(["in", "-o", "out", "--time-limit", "0"]).code(1);
    for name in ["in/a.tif", "in/b.jpg"] {
        let line = run.line(name);
        assert_eq!(line["status"], "failed");
        assert_eq!(line["reason"], "over the limit: takes longer than 0 s");
    }
    assert!(folder.names("out").is_empty());
    let status = folder.polychromify(["status", "--output", "out", "--json"]).code(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["failed"], &status["queued"]), (&2.into(), &0.into()));
    assert_eq!(status["failures"][0]["reason"], "over the limit: takes longer than 0 s");

    // The limit is none of the settings that results depend on.
    folder.batch(["in", "-o", "out", "--time-limit", "2h"]).code(0);
    let again = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(again.line("in/a.tif")["reason"], "done already");
}

/// Nothing before the pixels takes long here: it is their decoding that is stopped.
#[test]
fn a_file_that_decodes_without_end_is_stopped_in_the_middle() {
    let folder = Folder::new().file("in/slow.tif", pictures::slow_tiff());
    let run = folder.batch(["in", "-o", "out", "--time-limit", "2s"]).code(1);
    assert_eq!(run.line("in/slow.tif")["reason"], "over the limit: takes longer than 2 s");
    assert!(folder.names("out").is_empty());
}
