//! Names that archives have: very long ones, twins but for case, spaces at their ends, bytes that are
//! not UTF-8.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::folder::Folder;
use crate::pictures;

/// A name of so many bytes, of letters of two bytes as far as possible.
fn long(bytes: usize) -> String {
    let letters = bytes - ".png".len();
    "ü".repeat(letters / 2) + &"x".repeat(letters % 2) + ".png"
}

#[test]
fn the_longest_names_have_results_without_a_sidecar() {
    let mut folder = Folder::new();
    for bytes in 249..=255 {
        folder = folder.file(&format!("in/{}", long(bytes)), pictures::png(30, 20, 1));
    }
    folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(folder.names("out").len(), 7);
    folder.batch(["in", "-o", "out", "--force"]).code(0);
    assert_eq!(folder.names("out").len(), 7);

    let run = folder.batch(["in", "-o", "told", "--sidecar"]).code(1);
    for bytes in 249..=255 {
        let line = run.line(&format!("in/{}", long(bytes)));
        if bytes + ".json".len() <= 255 {
            assert_eq!(line["status"], "done", "{bytes}");
        } else {
            let reason = line["reason"].as_str().unwrap();
            assert!(reason.contains("the name of this sidecar would be too long"), "{reason}");
        }
    }
    assert_eq!(folder.names("told").len(), 4);
}

#[test]
fn of_two_results_that_differ_by_case_alone_the_second_fails_and_the_rest_goes_on() {
    let folder = Folder::new()
        .file("in/Scan.PNG", pictures::png(30, 20, 1))
        .file("in/a.png", pictures::png(30, 20, 2))
        .file("in/scan.png", pictures::png(30, 20, 3))
        .file("in/scan.tif", pictures::tiff(30, 20, 4));
    let run = folder.batch(["in", "-o", "out"]).code(1);
    assert_eq!(folder.names("out"), ["Scan.PNG", "a.png", "scan.tif"]);
    let reason = run.line("in/scan.png")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("beside that of in/Scan.PNG"), "{reason}");
    let run = run.one_error(&["in/scan.png: "]);
    assert_eq!((&run.summary()["done"], &run.summary()["failed"]), (&3.into(), &1.into()));
    folder.batch(["in/scan.png", "-o", "other"]).code(0);
}

#[test]
fn a_photograph_with_a_space_at_the_end_of_its_name_is_told_as_passed_over() {
    let folder = Folder::new()
        .file("in/a.png", pictures::png(30, 20, 1))
        .file("in/sub/b.png ", pictures::png(30, 20, 2))
        .file("in/notes.txt ", "text");
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(folder.names("out"), ["a.png"]);
    let line = run.line("in/sub/b.png ");
    assert_eq!(line["status"], "skipped");
    let words = "its name ends with a space or a dot";
    assert!(line["reason"].as_str().unwrap().contains(words), "{line}");
    assert!(run.stderr.contains(&format!("in/sub/b.png : passed over, because {words}")));
    assert_eq!(run.summary()["skipped"], 1);
    assert_eq!(run.lines().len(), 2);
}

#[test]
fn a_bag_refuses_names_that_are_not_utf_8() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let latin1 = folder.path("in").join(OsStr::from_bytes(b"latin1-\xe4.png"));
    fs::write(&latin1, pictures::png(30, 20, 2)).unwrap();
    folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    let bag = ["manifest", "--output", "out", "--bag", "bag"];
    folder.polychromify(bag).code(2).one_error(&["latin1-", "is not UTF-8", "rename its scan"]);
    assert!(!folder.exists("bag") && !folder.exists(".bag.polychromify-bag.tmp"));

    fs::rename(&latin1, folder.path("in/latin1-ä.png")).unwrap();
    let result = folder.path("out").join(latin1.file_name().unwrap());
    fs::remove_file(result).unwrap();
    folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    folder.polychromify(bag).code(0);
    let list = String::from_utf8(folder.read("bag/manifest-sha256.txt")).unwrap();
    assert!(list.contains("data/latin1-ä.png"), "{list}");
}

/// What a terminal would obey: a title, a cleared screen, a second line, another direction.
const OBEYED: &str = "a\u{1b}]0;b\u{7}\u{9b}2J\nfailed: c\u{202e}gnp.png";

fn is_obeyed(text: &str) -> bool {
    let obeyed = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
    text.contains(obeyed)
}

#[test]
fn no_name_reaches_a_terminal_as_it_is() {
    let folder = Folder::new().file(&format!("in/{OBEYED}"), "no picture");
    folder.write("in/b.png", pictures::png(40, 30, 1));
    let run =
        folder.polychromify(crate::folder::batch_arguments(["in", "-o", "out", "--manifest"]));
    assert!(!is_obeyed(&run.stdout) && !is_obeyed(&run.stderr), "{run:?}");
    let json = run.line(&format!("in/{OBEYED}"));
    assert_eq!(json["status"], "failed", "the same name in JSON");
    let status = folder.polychromify(["status", "-o", "out"]).code(0);
    assert!(!is_obeyed(&status.stdout), "{status:?}");
    assert_eq!(status.stdout.lines().filter(|line| line.starts_with("failed: ")).count(), 1);
    folder.write(&format!("out/{OBEYED}"), "not listed");
    for flags in [&["verify", "out"][..], &["verify", "out", "--json"]] {
        let run = folder.polychromify(flags.iter().copied());
        assert!(!is_obeyed(&run.stdout) && !is_obeyed(&run.stderr), "{run:?}");
    }
    let run = folder.polychromify(["retry", "-o", "out"]);
    assert!(!is_obeyed(&run.stdout) && !is_obeyed(&run.stderr), "{run:?}");
}
