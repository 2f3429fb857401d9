//! Delivered folders: manifests, bags, and what `verify` says of them.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::folder::{Folder, Run, sha256, slashes};
use crate::pictures;

/// A name that a table has to quote; Windows lets none have quotes itself.
const ODD: &str = if cfg!(windows) { "odd, name.jpg" } else { "odd, \"name\".jpg" };

/// Three photographs, one of them broken, colored with sidecars and manifests.
fn delivered() -> Folder {
    let folder = Folder::new()
        .file("in/a.png", pictures::png(60, 40, 1))
        .file(&format!("in/{ODD}"), pictures::jpeg(60, 40, 2))
        .file("in/sub/b.tif", pictures::tiff(60, 40, 3))
        .file("in/bad.png", "no picture");
    folder.batch(["in", "-o", "out", "--sidecar", "--manifest"]).code(1);
    folder
}

fn verify(folder: &Folder, more: &[&str]) -> Run {
    folder.polychromify(["verify", "--json"].into_iter().chain(more.iter().copied()))
}

/// The problems as `path: problem`.
fn problems(run: &Run) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = run.lines();
    lines.iter().map(|line| text(&line["path"]) + ": " + &text(&line["problem"])).collect()
}

fn rows(folder: &Folder, name: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8(folder.read(name)).unwrap();
    text.lines()
        .map(|line| {
            let (mut fields, mut quoted) = (vec![String::new()], false);
            let mut letters = line.chars().peekable();
            while let Some(letter) = letters.next() {
                let field = fields.last_mut().unwrap();
                match letter {
                    '"' if quoted && letters.peek() == Some(&'"') => {
                        field.extend(letters.next());
                    }
                    '"' => quoted = !quoted,
                    ',' if !quoted => fields.push(String::new()),
                    _ => field.push(letter),
                }
            }
            fields
        })
        .collect()
}

#[test]
fn a_table_has_a_row_for_each_result_and_each_input_without_one() {
    let folder = delivered();
    let rows = rows(&folder, "out/manifest.csv");
    let columns = "path,size,sha256,source,source_sha256,weights,weights_sha256,settings,status,\
                   reason,time,notices,rejected_shots";
    assert_eq!(rows[0].join(","), columns);
    let paths: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(paths, ["a.png", ODD, "sub/b.tif", ""]);
    let (a, bad) = (&rows[1], &rows[4]);
    assert_eq!(a[1], folder.read("out/a.png").len().to_string());
    assert_eq!(a[2], sha256(&folder.read("out/a.png")));
    assert!(slashes(&a[3]).ends_with("/in/a.png"));
    assert_eq!(a[4], sha256(&folder.read("in/a.png")));
    assert_eq!((&*a[8], &*a[9], &*a[10]), ("done", "", "2023-11-14T22:13:20Z"));
    assert!(slashes(&bad[3]).ends_with("/in/bad.png") && bad[2].is_empty());
    assert_eq!(bad[8], "failed");
    assert!(!bad[9].is_empty());
}

#[test]
fn a_table_tells_of_a_later_attempt_that_failed() {
    let folder = delivered();
    folder.write("in/a.png", "no picture any more");
    folder.batch(["in", "-o", "out", "--manifest"]).code(1);
    let rows = rows(&folder, "out/manifest.csv");
    assert_eq!((&*rows[1][0], &*rows[1][8]), ("a.png", "done"));
    assert!(rows[1][9].starts_with("failed later: "), "{rows:?}");
    assert_eq!(rows[1][2], sha256(&folder.read("out/a.png")));
}

#[test]
#[cfg(unix)] // a program of Linux
fn sha256sum_reads_the_list_of_checksums() {
    let folder = delivered();
    let run = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "manifest-sha256.txt"])
        .current_dir(folder.path("out"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let list = String::from_utf8(folder.read("out/manifest-sha256.txt")).unwrap();
    assert_eq!(list.lines().count(), 7, "{list}");
}

#[test]
fn manifests_are_renewed_and_never_take_the_place_of_other_files() {
    let folder = delivered();
    let before = folder.files("out");
    folder.polychromify(["manifest", "-o", "out"]).code(0);
    assert_eq!(folder.files("out"), before);
    folder.write("in/bad.png", pictures::png(60, 40, 4));
    folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    assert_eq!(rows(&folder, "out/manifest.csv").len(), 5);
    verify(&folder, &["out"]).code(0);

    folder.write("out/manifest.csv", "edited");
    let run = folder.batch(["in", "-o", "out", "--manifest"]).code(1);
    run.one_error(&["out/manifest.csv", "changed by somebody"]);
    assert_eq!(folder.read("out/manifest.csv"), b"edited");
    let other = Folder::new().file("a.png", pictures::png(30, 20, 1));
    other.write("out/manifest-sha256.txt", "theirs");
    other.batch(["a.png", "-o", "out", "--manifest"]).code(1).one_error(&["already there"]);
    assert_eq!(other.read("out/manifest-sha256.txt"), b"theirs");
}

#[test]
fn a_manifest_tells_of_the_folder_as_it_is() {
    let folder = delivered();
    let edited = pictures::png(60, 40, 9);
    folder.write("out/a.png", &edited);
    fs::remove_file(folder.path("out/sub/b.tif")).unwrap();
    let run = folder.polychromify(["manifest", "-o", "out"]).code(0);
    assert!(run.stderr.contains("1 results were changed"), "{run:#?}");
    assert!(run.stderr.contains("1 results are not there"), "{run:#?}");
    let rows = rows(&folder, "out/manifest.csv");
    assert_eq!((&*rows[1][2], &*rows[1][8]), (&*sha256(&edited), "changed"));
    assert_eq!((&*rows[3][2], &*rows[3][8]), ("", "missing"));
    let run = verify(&folder, &["out"]).code(0);
    assert_eq!(run.summary()["bad"], 0);
}

#[test]
fn a_delivered_copy_is_verified_without_its_ledger() {
    let folder = delivered();
    fs::remove_dir_all(folder.path("out/.polychromify")).unwrap();
    fs::rename(folder.path("out"), folder.path("copy")).unwrap();
    fs::remove_dir_all(folder.path("in")).unwrap();
    let run = verify(&folder, &["copy", "--strict"]).code(0);
    let summary = run.summary();
    assert_eq!((&summary["files"], &summary["bad"]), (&7.into(), &0.into()));
    assert_eq!((&summary["problems"], &summary["extra"]), (&0.into(), &0.into()));
    let run = folder.polychromify(["verify", "copy"]).code(0);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("7 files checked, 0 of them bad"), "{run:#?}");
    assert_eq!(verify(&folder, &["nowhere"]).code(2).stdout, "");
    verify(&folder, &["."]).code(2).one_error(&["manifest-sha256.txt"]);
}

type Damage<'a> = &'a dyn Fn(&Folder);

#[test]
fn each_kind_of_damage_is_named_with_its_file() {
    let flip = |folder: &Folder| {
        let mut bytes = folder.read("out/a.png");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        folder.write("out/a.png", bytes);
    };
    let truncate = |folder: &Folder| {
        let bytes = folder.read("out/sub/b.tif");
        folder.write("out/sub/b.tif", &bytes[..bytes.len() * 2 / 3]);
    };
    let remove = |folder: &Folder| fs::remove_file(folder.path("out/sub/b.tif")).unwrap();
    let extra = |folder: &Folder| folder.write("out/sub/notes.txt", "extra");
    let unlabel = |folder: &Folder| folder.write("out/a.png", pictures::png(60, 40, 1));
    let other_sidecar = |folder: &Folder| {
        let other = folder.read("out/sub/b.tif.json");
        folder.write("out/a.png.json", other);
    };
    let cases: [(Damage, &[&str], i32); 6] = [
        (&flip, &["a.png: checksum", "a.png: damaged"], 1),
        (&truncate, &["sub/b.tif: checksum", "sub/b.tif: damaged"], 1),
        (&remove, &["sub/b.tif: missing"], 1),
        (&extra, &["sub/notes.txt: extra"], 0),
        (&unlabel, &["a.png: checksum", "a.png: label"], 1),
        (&other_sidecar, &["a.png.json: checksum", "a.png.json: sidecar"], 1),
    ];
    for (damage, expected, code) in cases {
        let folder = delivered();
        damage(&folder);
        let run = verify(&folder, &["out"]).code(code);
        assert_eq!(problems(&run), expected, "{run:#?}");
        verify(&folder, &["out", "--strict"]).code(1);
        let text = slashes(&folder.polychromify(["verify", "out"]).code(code).stdout);
        assert_eq!(text.lines().count(), expected.len(), "{text}");
        let file = expected[0].split(':').next().unwrap();
        assert!(text.lines().all(|line| line.starts_with(&format!("out/{file}: "))), "{text}");
    }
}

#[test]
fn a_label_that_tells_of_other_weights_or_another_source_is_found() {
    let folder = delivered();
    // As if one result had been put in the place of another, and the manifests written by hand.
    let b = folder.read("out/sub/b.tif");
    folder.write("in/c.tif", pictures::tiff(60, 40, 8));
    folder.batch(["in/c.tif", "-o", "other"]).code(0);
    let c = folder.read("other/c.tif");
    folder.write("out/sub/b.tif", &c);
    for name in ["out/manifest.csv", "out/manifest-sha256.txt"] {
        let old = folder.read(name);
        let text = String::from_utf8(old.clone()).unwrap().replace(&sha256(&b), &sha256(&c));
        folder.write(name, &text);
        if name == "out/manifest.csv" {
            let list = String::from_utf8(folder.read("out/manifest-sha256.txt")).unwrap();
            let list = list.replace(&sha256(&old), &sha256(text.as_bytes()));
            folder.write("out/manifest-sha256.txt", list);
        }
    }
    let run = verify(&folder, &["out"]).code(1);
    assert_eq!(problems(&run).first().unwrap(), "sub/b.tif: label", "{run:#?}");
    assert!(run.lines()[0]["reason"].as_str().unwrap().contains("another source"));
}

#[test]
fn manifests_that_do_not_agree_or_lead_out_are_named() {
    let folder = delivered();
    let list = String::from_utf8(folder.read("out/manifest-sha256.txt")).unwrap();
    let mut lines: Vec<&str> = list.lines().filter(|line| !line.ends_with("  a.png")).collect();
    let out = format!("{}  ../in/a.png", sha256(b""));
    lines.extend(["nonsense", &out]);
    folder.write("out/manifest-sha256.txt", lines.join("\n"));
    let run = verify(&folder, &["out"]).code(1);
    assert_eq!(
        problems(&run),
        [
            "manifest-sha256.txt: manifest",
            "manifest-sha256.txt: manifest",
            "a.png: manifest",
            "a.png: extra"
        ]
    );
}

#[test]
#[cfg(unix)] // signals; `scripts/windows-test` tries it on Windows
fn an_interrupted_batch_leaves_manifests_of_what_is_done() {
    let folder = Folder::new();
    for i in 0..30 {
        folder.write(&format!("in/{i}.png"), pictures::png(500, 400, i));
    }
    let all = ["in", "-o", "out", "--jobs", "1", "--manifest"];
    let mut child = folder.command(crate::folder::batch_arguments(all)).spawn().unwrap();
    while !folder.path("out").exists()
        || folder.names("out").iter().all(|name| name.starts_with('.'))
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = verify(&folder, &["out", "--strict"]).code(0);
    assert!(run.summary()["files"].as_u64().unwrap() >= 2);
    assert_eq!(rows(&folder, "out/manifest.csv").len(), 31);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn a_bag_is_packed_and_verified() {
    let folder = delivered();
    folder.polychromify(["manifest", "-o", "out", "--bag", "delivery/bag"]).code(0);
    let names = folder.names("delivery/bag");
    assert_eq!(
        names,
        [
            "bag-info.txt",
            "bagit.txt",
            "data/a.png",
            "data/a.png.json",
            "data/manifest.csv",
            &format!("data/{ODD}"),
            &format!("data/{ODD}.json"),
            "data/sub/b.tif",
            "data/sub/b.tif.json",
            "manifest-sha256.txt",
            "tagmanifest-sha256.txt"
        ]
    );
    assert_eq!(folder.names("delivery").len(), names.len(), "nothing else is left there");
    let bag = folder.path("delivery/bag");
    let python = Command::new("python3").args(["-m", "bagit", "--validate"]).arg(&bag).output();
    match python {
        Ok(run) if !String::from_utf8_lossy(&run.stderr).contains("No module named") => {
            assert!(run.status.success(), "{run:?}");
        }
        _ => println!("skipped: there is no bagit.py to judge it"),
    }
    verify(&folder, &["delivery/bag", "--strict"]).code(0);
    folder.polychromify(["manifest", "-o", "out", "--bag", "delivery/bag"]).code(2);
    folder.polychromify(["manifest", "-o", "out", "--bag", "out/bag"]).code(2);
    folder.write("delivery/bag/data/new.txt", "new");
    folder.write("delivery/bag/bag-info.txt", "edited");
    let run = verify(&folder, &["delivery/bag"]).code(1);
    let mut found = problems(&run);
    found.sort();
    assert_eq!(found, ["bag-info.txt: checksum", "data/new.txt: extra"]);
}

#[test]
#[cfg(unix)] // links are made as POSIX does
fn what_lies_behind_a_link_is_neither_read_nor_packed() {
    let folder =
        delivered().file("elsewhere/b.tif", "not delivered").file("elsewhere/b.tif.json", "{}");
    let secret = sha256(b"not delivered");
    fs::rename(folder.path("out/sub"), folder.path("out/away")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", folder.path("out/sub")).unwrap();
    let run = verify(&folder, &["out"]).code(1);
    assert!(problems(&run).contains(&"sub/b.tif: missing".to_owned()), "{:?}", problems(&run));
    assert!(!run.stdout.contains(&secret), "tells the checksum of a file outside");
    folder.polychromify(["manifest", "-o", "out", "--bag", "bag"]).code(2);
    assert!(!folder.exists("bag"));
}

#[test]
fn a_list_without_line_breaks_and_one_of_nonsense_are_told_in_a_few_words() {
    let folder = Folder::new().file("out/manifest-sha256.txt", vec![b'a'; 50 << 20]);
    let run = verify(&folder, &["out"]).code(1);
    assert_eq!(run.lines().len(), 1);
    folder.write("out/manifest-sha256.txt", "a\n".repeat(1 << 20));
    let run = verify(&folder, &["out"]).code(1);
    assert!(run.lines().len() < 2000);
}

#[test]
fn names_that_a_spreadsheet_would_calculate_are_paths_in_the_table() {
    let folder = Folder::new();
    for name in ["=1+1.png", "@a.png", "-a.png", "+a.png"] {
        folder.write(&format!("in/{name}"), pictures::png(40, 30, 1));
    }
    folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    for row in &rows(&folder, "out/manifest.csv")[1..] {
        assert!(row[0].starts_with("./"), "{row:?}");
        assert!(row.iter().all(|value| !value.starts_with(['=', '+', '-', '@'])), "{row:?}");
        assert!(folder.path("out").join(&row[0]).is_file());
    }
    verify(&folder, &["out", "--strict"]).code(0);
}
