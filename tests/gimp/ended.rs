//! What is ended in the middle leaves no process behind, and the image as it was.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::gimp::{Case, in_each};
use crate::pictures::{self, Kind};

/// How long a machine that is busy may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// Processes that work in a folder: GIMP's, or the plug-in's at work.
fn processes(folder: &Path, plug_in: bool) -> Vec<Pid> {
    let running = fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter(|process| {
        let here = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        here && (command.contains("/polychromify-gimp\0-gimp\0") == plug_in)
    });
    let numbers = running.filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// Waits until there is a plug-in at work in this folder, or none.
#[track_caller]
fn await_plug_in(folder: &Path, there: bool) {
    let start = Instant::now();
    while processes(folder, true).is_empty() == there {
        assert!(start.elapsed() < PATIENCE, "the plug-in is there: {}", !there);
        thread::sleep(Duration::from_millis(5));
    }
}

fn kill(processes: Vec<Pid>) {
    for process in processes {
        let _ = kill_process(process, Signal::KILL); // it may have ended by itself
    }
}

/// Runs a script, and ends GIMP or the plug-in as soon as the plug-in is at work.
fn run_and_end(case: &Case<'_>, script: &str, plug_in: bool) -> String {
    thread::scope(|scope| {
        let run = scope.spawn(|| case.try_run(script));
        let folder = case.path("");
        await_plug_in(&folder, true);
        kill(processes(&folder, plug_in));
        run.join().unwrap()
    })
}

#[test]
fn a_plug_in_that_is_ended_leaves_the_image_as_it_was() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Gray8));
        run_and_end(
            &case,
            r#"
(define image (open "in.png"))
(gimp-image-scale image 3000 2000)
(gimp-image-clean-all image)
(attempt (lambda () (colorize image (active image) "" 1.0 -1 0)))
(say "layers" (length (layers image)))
(say "type" (base-type image))
(say "changed" (car (gimp-image-is-dirty image)))
"#,
            true,
        );
        let report = case.report();
        assert_eq!(report.said("outcome"), "failed", "{report:#?}");
        let left = ["layers", "type", "changed"].map(|name| report.said(name));
        assert_eq!(left, ["1", "1", "0"], "one layer, gray, unchanged");
        await_plug_in(&case.path(""), false);
    });
}

#[test]
fn a_gimp_that_is_ended_leaves_no_plug_in_behind() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        run_and_end(
            &case,
            r#"
(define image (open "in.png"))
(gimp-image-scale image 3000 2000)
(colorize image (active image) "" 1.0 -1 0)
"#,
            false,
        );
        await_plug_in(&case.path(""), false);
    });
}
