//! What the ledger remembers: restart, failures, duplicates, a second instance.

use std::fs;

use crate::daemon::{Daemon, How, both_ways, command, ledger, status, tries};
use crate::faults;
use crate::folder::{Folder, Run};
use crate::pictures;

/// State and reason of an input in the ledger.
fn state(folder: &Folder, input: &str) -> Option<(String, Option<String>)> {
    let sql = "SELECT state, reason FROM jobs WHERE input LIKE '%' || ?1";
    let row = ledger(folder)?.query_row(sql, [input], |row| Ok((row.get(0)?, row.get(1)?)));
    row.ok()
}

both_ways! {
    fn a_restart_goes_on_where_it_stopped(how: How) {
        let mut folder = Folder::new();
        for i in 0..12 {
            folder = folder.file(&format!("in/{i}.png"), pictures::png(300, 200, i));
        }
        let daemon = Daemon::start(&folder, how, &["--jobs", "1"]);
        daemon.until("the first result", || !folder.names("out").is_empty());
        daemon.stop();
        let first = folder.files("out");
        let times = |name: &str| {
            fs::metadata(folder.path(&format!("out/{name}"))).unwrap().modified().unwrap()
        };
        let before: Vec<_> = first.keys().map(|name| times(name)).collect();
        let daemon = Daemon::start(&folder, how, &[]);
        daemon.until("all results", || folder.names("out").len() == 12);
        daemon.until_counted(&folder, &[("done", 12)]);
        assert_eq!(first.keys().map(|name| times(name)).collect::<Vec<_>>(), before);
    }

    fn retry_puts_a_failure_back_while_the_program_runs(how: How) {
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1)).file("out/a.png", "x");
        let daemon = Daemon::start(&folder, how, &[]);
        daemon.until_failed(&folder, "in/a.png");
        fs::remove_file(folder.path("out/a.png")).unwrap();
        folder.polychromify(["retry", "-o", "out"]).code(0);
        daemon.until_done(&folder, &["a.png"]);
        assert_eq!(status(&folder)["failed"], 0);
    }

    fn an_input_that_went_away_before_it_was_colored_is_recorded_and_colored_when_it_is_back(how: How) {
        let folder = Folder::new().file("in/b.png", pictures::png(30, 20, 1)).file("busy", "");
        let flag = folder.path("busy").display().to_string();
        let busy = |how| faults::with(command(&folder, how, &[]), &[("FAULT_BUSY", &flag)]);
        folder.write("in/locked.png", pictures::png(30, 20, 2));
        let daemon = Daemon::spawn(busy(how));
        daemon.until("a try", || tries(&folder, "in/locked.png") > 0);
        fs::rename(folder.path("in/locked.png"), folder.path("away.png")).unwrap();
        daemon.until("a record of it", || {
            state(&folder, "in/locked.png").is_some_and(|(state, _)| state == "skipped")
        });
        fs::remove_file(folder.path("busy")).unwrap();
        fs::rename(folder.path("away.png"), folder.path("in/locked.png")).unwrap();
        daemon.until_done(&folder, &["locked.png"]);
    }

    fn each_name_of_the_same_content_gets_its_result(how: How) {
        let content = pictures::png(30, 20, 1);
        let folder = Folder::new().file("in/a.png", &content).file("in/sub/b.png", &content);
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_done(&folder, &["a.png", "sub/b.png"]);
    }

    fn a_duplicate_is_left_out_if_asked_for_and_recorded_with_the_reason(how: How) {
        let content = pictures::png(30, 20, 1);
        let mut folder = Folder::new();
        for i in 0..6 {
            folder = folder.file(&format!("in/{i}.png"), &content);
        }
        let flags = ["--duplicates", "skip", "--jobs", "3"];
        let daemon = Daemon::start(&folder, how, &flags).ready(&folder);
        daemon.until("five skipped", || status(&folder)["skipped"] == 5);
        assert_eq!(folder.names("out").len(), 2);
        folder.write("in/later.png", &content);
        daemon.until("the sixth, with its reason", || {
            state(&folder, "in/later.png").is_some_and(|(state, reason)| {
                state == "skipped" && reason.is_some_and(|reason| reason.contains("same content as"))
            })
        });
    }

    fn two_inputs_of_one_result_give_one_result_and_one_failure(how: How) {
        let folder = Folder::new()
            .file("in/a.png", pictures::png(30, 20, 1))
            .file("in/a.png.jpg", pictures::jpeg(30, 20, 2));
        let flags = ["--format", "jpeg", "--jobs", "2"];
        let daemon = Daemon::start(&folder, how, &flags);
        daemon.until_counted(&folder, &[("failed", 1), ("done", 1)]);
        assert_eq!(folder.names("out").len(), 1);
    }

    fn what_batch_did_is_done_and_what_was_watched_is_done_for_batch(how: How) {
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
        folder.batch(["in", "-o", "out"]).code(0);
        let before = folder.files("out");
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_idle(&folder);
        daemon.stop();
        assert_eq!(folder.files("out")["a.png"], before["a.png"]);
        let run = folder.batch(["in", "-o", "out"]).code(0);
        assert_eq!((&run.summary()["done"], &run.summary()["skipped"]), (&0.into(), &2.into()));
    }
}

#[test]
fn a_second_instance_is_refused_with_the_first_ones_process_id() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    let daemon = Daemon::start(&folder, How::Events, &[]).ready(&folder);
    let second = command(&folder, How::Events, &[]).output().unwrap();
    let id = daemon.id().as_raw_nonzero().to_string();
    let second = Run::of(second).code(2);
    assert!(second.stderr.contains(&format!("out: in use by process {id}")), "{second:#?}");
    folder.batch(["in", "-o", "out"]).code(2).one_error(&[&id]);
}

#[test]
fn folders_that_lie_in_each_other_are_refused() {
    let folder = Folder::new().file("in/sub/a.png", pictures::png(30, 20, 1)).file("file.png", "");
    for wrong in [
        &["in", "-o", "in/out"][..],
        &["in/sub", "-o", "in"],
        &["in", "in/sub", "-o", "out"],
        &["file.png", "-o", "out"],
        &["none", "-o", "out"],
        &["in", "-o", "out", "--on-success", "move"],
        &["in", "-o", "out", "--on-success", "move", "--move-to", "out/moved"],
        &["in/sub", "-o", "out", "--on-success", "move", "--move-to", "in"],
        &["in", "-o", "out", "--ignore", "[a"],
        &["in", "-o", "out", "--stability-delay", "soon"],
    ] {
        let weights = ["watch", "--weights", crate::weights::tiny()];
        let run = folder.polychromify(weights.iter().chain(wrong).copied()).code(2);
        assert!(run.stderr.contains("error"), "{run:#?}");
    }
    assert_eq!(folder.names("in"), ["sub/a.png"]);
}

#[test]
fn other_settings_make_results_anew_only_on_request() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    Daemon::start(&folder, How::Events, &["--sidecar"]).until_done(&folder, &["a.png.json"]);
    let before = folder.files("out");
    let other = ["--sidecar", "--saturation", "2"];
    let daemon = Daemon::start(&folder, How::Events, &other).ready(&folder);
    daemon.until_done(&folder, &["probe.png.json"]);
    drop(daemon);
    assert_eq!(folder.files("out")["a.png"], before["a.png"]);

    let redo = ["--sidecar", "--saturation", "2", "--redo-older"];
    let daemon = Daemon::start(&folder, How::Events, &redo);
    daemon.until("another result", || {
        folder.files("out").get("a.png").is_some_and(|hash| *hash != before["a.png"])
    });
    daemon.until("its sidecar", || {
        let told = folder.exists("out/a.png.json").then(|| folder.read("out/a.png.json"));
        let told = String::from_utf8(told.unwrap_or_default()).unwrap();
        told.contains(&folder.files("out")["a.png"])
    });
}
