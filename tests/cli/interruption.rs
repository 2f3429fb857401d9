//! Kill, Ctrl-C and a second instance: nothing is lost, nothing half done.

use std::fs::{self, File};
use std::process::Child;
use std::thread;
use std::time::Instant;

use crate::folder::{Folder, batch_arguments};
use crate::pictures;

/// A folder with photographs of all formats that take a while.
fn many(photographs: u32, width: u32, height: u32) -> Folder {
    let mut folder = Folder::new();
    for i in 0..photographs {
        let (extension, content) = match i % 3 {
            0 => ("jpg", pictures::jpeg(width, height, i)),
            1 => ("png", pictures::png(width, height, i)),
            _ => ("tif", pictures::tiff(width, height, i)),
        };
        folder = folder.file(&format!("in/{}/{i}.{extension}", i % 4), content);
    }
    folder
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    let all = ["in", "-o", "out"].into_iter().chain(arguments.iter().copied());
    folder.command(batch_arguments(all)).spawn().unwrap()
}

fn is_temporary(name: &str) -> bool {
    name.contains(".polychromify-")
}

/// Originals are as they were, results whole, nothing is done twice.
#[test]
fn kills_at_random_moments_lose_nothing_and_leave_nothing_half_done() {
    const PHOTOGRAPHS: u32 = 24;
    let folder = many(PHOTOGRAPHS, 260, 180);
    let originals = folder.files("in");
    let undisturbed = Instant::now();
    folder.batch(["in", "-o", "expected", "--sidecar"]).code(0);
    let whole = undisturbed.elapsed();
    let expected = folder.files("expected");

    let mut share = 0.03;
    let mut finished_alone = false;
    for _ in 0..40 {
        let mut child = start(&folder, &["--sidecar"]);
        thread::sleep(whole.mul_f64(share));
        share = (share + 0.618) % 1.0; // a walk that leaves no large gap in 0..1
        finished_alone = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, hash) in folder.files("out") {
            assert!(is_temporary(&name) || hash == expected[&name], "{name} is whole");
        }
        if finished_alone {
            break;
        }
    }
    let run = folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    let summary = run.summary();
    let settled = summary["done"].as_u64().unwrap() + summary["skipped"].as_u64().unwrap();
    assert_eq!(settled, u64::from(PHOTOGRAPHS));
    assert!(!finished_alone || summary["done"] == 0);
    assert_eq!(folder.files("out"), expected);
    assert_eq!(folder.files("in"), originals);
    let run = folder.batch(["in", "-o", "out", "--manifest"]).code(0);
    assert_eq!(run.summary()["skipped"], PHOTOGRAPHS);
    folder.polychromify(["verify", "out", "--strict"]).code(0);
}

#[test]
#[cfg(unix)] // signals; `scripts/windows-test` tries it on Windows
fn ctrl_c_stops_cleanly_and_the_next_run_goes_on() {
    use std::io::{BufRead, BufReader};

    use rustix::process::{Pid, Signal, kill_process};

    for stop in [Signal::INT, Signal::TERM] {
        let folder = many(30, 500, 400);
        let mut child = start(&folder, &["--jobs", "1"]);
        let mut first = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        kill_process(Pid::from_child(&child), stop).unwrap();
        let rest: Vec<String> = stdout.lines().map(Result::unwrap).collect();
        let mut run = crate::folder::Run::of(child.wait_with_output().unwrap()).code(130);
        run.stdout = first + &rest.join("\n");
        let done = run.summary()["done"].as_u64().unwrap();
        assert!(run.summary()["queued"].as_u64().unwrap() > 0, "{run:#?}");
        assert_eq!(run.summary()["failed"], 0);
        let names = folder.names("out");
        assert_eq!(names.len() as u64, done);
        assert!(!names.iter().any(|name| is_temporary(name)), "{names:?}");

        let run = folder.batch(["in", "-o", "out"]).code(0);
        assert_eq!(run.summary()["done"], 30 - done);
    }
}

#[test]
fn a_second_instance_is_refused_with_the_first_ones_process_id() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    fs::create_dir_all(folder.path("out/.polychromify")).unwrap();
    let path = folder.path("out/.polychromify/lock");
    // Nobody reads a file that is locked there.
    let told = if cfg!(windows) { path.with_extension("process") } else { path.clone() };
    fs::write(&path, "").unwrap();
    fs::write(told, "4711\n").unwrap();
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    folder.batch(["in", "-o", "out"]).code(2).one_error(&["out", "4711"]);
    assert!(folder.names("out").is_empty());
    drop(held);
    folder.batch(["in", "-o", "out"]).code(0);
}

#[test]
fn without_a_ledger_nothing_is_published() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("out/.polychromify/ledger.sqlite", "this is no database, and long enough for one");
    folder.batch(["in", "-o", "out"]).code(2).one_error(&["ledger"]);
    assert!(folder.names("out").is_empty());
}
