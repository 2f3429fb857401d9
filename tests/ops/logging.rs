//! The log's forms.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use serde_json::Value;

use crate::daemon::{Daemon, QUICK, until, watch, watch_by};
use crate::folder::Folder;
use crate::pictures;

#[test]
fn an_event_is_one_line_with_time_level_and_file() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let mut daemon = watch(&folder, &[]);
    let line = daemon.wait_for("a.png");
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!((time.len(), &time[10..11], &time[19..]), (20, "T", "Z"), "{line}");
    assert!(rest.starts_with("info  in/a.png: done in "), "{line}");
    let log = daemon.stop();
    assert_eq!(log.iter().filter(|line| line.contains("a.png")).count(), 1, "{log:#?}");
}

#[test]
fn json_lines_carry_time_level_file_and_message() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let mut daemon = watch(&folder, &["--log-format", "json"]);
    daemon.wait_for("a.png");
    let log = daemon.stop();
    let lines: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(line["time"].is_string() && line["level"].is_string(), "{line}");
    }
    let line = lines.iter().find(|line| line["file"] == "in/a.png").unwrap();
    assert_eq!(line["level"], "info");
    assert!(line["message"].as_str().unwrap().starts_with("done in "), "{line}");
}

#[test]
fn in_the_journal_lines_carry_their_level_and_no_time() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let journal = File::create(folder.path("journal")).unwrap();
    let place = journal.metadata().unwrap();
    let all = QUICK.into_iter();
    let mut command = folder.command(all);
    command.env("JOURNAL_STREAM", format!("{}:{}", place.dev(), place.ino())).stderr(journal);
    let daemon = Daemon::spawn(command);
    let log = || fs::read_to_string(folder.path("journal")).unwrap();
    until("the line is there", || log().contains("\n<6>in/a.png: done in "));
    daemon.stop();
    assert!(log().lines().all(|line| line.starts_with('<')), "{}", log());
}

#[test]
fn the_level_decides_what_is_logged() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let all = QUICK.into_iter().chain(["--log-level", "error"]);
    let daemon = Daemon::spawn(folder.command(all));
    until("the result is there", || folder.exists("out/a.png"));
    let log = daemon.stop();
    assert!(log.is_empty(), "{log:#?}");
}

#[test]
fn results_go_to_stdout_as_json_on_request() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let out = File::create(folder.path("stdout")).unwrap();
    let daemon = watch_by(&folder, &["--json"], |command| {
        command.stdout(out);
    });
    until("the line is there", || !folder.read("stdout").is_empty());
    daemon.stop();
    let line: Value = serde_json::from_slice(&folder.read("stdout")).unwrap();
    assert_eq!((&line["input"], &line["status"]), (&"in/a.png".into(), &"done".into()));
}
