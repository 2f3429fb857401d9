//! Running again: what is skipped, redone, and never replaced.

use std::fs;

use crate::folder::Folder;
use crate::pictures;

fn two() -> Folder {
    Folder::new()
        .file("in/a.png", pictures::png(40, 30, 1))
        .file("in/sub/b.jpg", pictures::jpeg(40, 30, 2))
}

#[test]
fn what_is_done_is_skipped_and_keeps_its_bytes() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    for _ in 0..2 {
        let run = folder.batch(["in", "-o", "out"]).code(0);
        assert_eq!((&run.summary()["done"], &run.summary()["skipped"]), (&0.into(), &2.into()));
        assert_eq!(run.line("in/a.png")["sha256_output"], before["a.png"].as_str());
    }
    assert_eq!(folder.files("out"), before);
}

#[test]
fn force_colors_again_with_the_same_result() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    let run = folder.batch(["in", "-o", "out", "--force"]).code(0);
    assert_eq!(run.summary()["done"], 2);
    assert_eq!(folder.files("out"), before);
}

#[test]
fn a_changed_input_replaces_its_old_result() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    folder.write("in/a.png", pictures::png(40, 30, 9));
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(
        (run.status("in/a.png"), run.status("in/sub/b.jpg")),
        ("done".into(), "skipped".into())
    );
    assert_ne!(folder.files("out")["a.png"], before["a.png"]);
}

#[test]
fn other_settings_replace_the_old_results_on_request() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    let run = folder.batch(["in", "-o", "out", "--saturation", "0.5"]).code(0);
    assert_eq!(run.summary()["skipped"], 2);
    assert_eq!(folder.files("out"), before);
    let other = ["in", "-o", "out", "--redo-older", "--saturation", "0.5"];
    assert_eq!(folder.batch(other).code(0).summary()["done"], 2);
    assert_ne!(folder.files("out"), before);
    folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(folder.files("out"), before);
}

#[test]
fn a_result_that_was_deleted_is_made_again() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    fs::remove_file(folder.path("out/a.png")).unwrap();
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(run.status("in/a.png"), "done");
    assert_eq!(folder.files("out"), before);
}

#[test]
fn a_result_that_somebody_edited_is_never_replaced() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let edited = pictures::png(40, 30, 7);
    folder.write("out/a.png", &edited);
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(run.status("in/a.png"), "skipped");
    assert!(run.line("in/a.png")["reason"].as_str().unwrap().contains("changed by somebody"));
    folder.batch(["in", "-o", "out", "--force"]).code(1).one_error(&["out/a.png", "in/a.png"]);
    folder.batch(["in", "-o", "out", "--saturation", "2", "--redo-older"]).code(0);
    folder.write("in/a.png", pictures::png(40, 30, 9));
    let run = folder.batch(["in", "-o", "out"]).code(1);
    assert_eq!(run.status("in/a.png"), "failed");
    assert_eq!(folder.read("out/a.png"), edited);
}

#[test]
fn a_file_that_somebody_put_there_is_never_replaced() {
    let folder = two().file("out/a.png", "theirs");
    let run = folder.batch(["in", "-o", "out"]).code(1).one_error(&["in/a.png", "already there"]);
    assert_eq!(run.status("in/sub/b.jpg"), "done");
    folder.batch(["in", "-o", "out", "--force"]).code(1);
    assert_eq!(folder.read("out/a.png"), b"theirs");
    fs::remove_file(folder.path("out/a.png")).unwrap();
    folder.batch(["in", "-o", "out"]).code(0);
}

#[test]
fn a_collection_that_moved_is_still_done() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    fs::rename(folder.path("in"), folder.path("moved")).unwrap();
    let run = folder.batch(["moved", "-o", "out"]).code(0);
    assert_eq!(run.summary()["skipped"], 2);
}

#[test]
fn the_result_of_another_input_is_replaced_only_by_force() {
    let folder = two().file("other/a.png", pictures::png(40, 30, 3));
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    folder.batch(["other", "-o", "out"]).code(1).one_error(&["other/a.png", "in/a.png", "--force"]);
    assert_eq!(folder.files("out"), before);
    folder.batch(["other", "-o", "out", "--force"]).code(0);
    assert_ne!(folder.files("out"), before);
}

#[test]
fn a_failed_input_is_tried_again() {
    let folder = Folder::new().file("in/a.png", "no picture");
    folder.batch(["in", "-o", "out"]).code(1);
    folder.batch(["in", "-o", "out"]).code(1);
    folder.write("in/a.png", pictures::png(40, 30, 1));
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(run.status("in/a.png"), "done");
}

#[test]
fn originals_are_opened_only_for_reading() {
    let folder = two();
    let (before, times) = (folder.files("in"), |name: &str| {
        fs::metadata(folder.path(name)).unwrap().modified().unwrap()
    });
    let then = times("in/a.png");
    folder.batch(["in", "-o", "out"]).code(0);
    folder.batch(["in", "-o", "out", "--force"]).code(0);
    assert_eq!(folder.files("in"), before);
    assert_eq!(times("in/a.png"), then);
}
