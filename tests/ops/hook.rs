//! The command after each result.

use crate::daemon::{until, watch};
use crate::folder::{Folder, sha256};
use crate::pictures;

#[test]
fn a_hook_learns_of_results_and_failures_by_its_environment() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/bad.png", "no picture, though long enough for one");
    let hook = "echo \"$POLYCHROMIFY_HOOK_STATUS|$POLYCHROMIFY_HOOK_INPUT|\
                $POLYCHROMIFY_HOOK_OUTPUT|$POLYCHROMIFY_HOOK_SHA256_OUTPUT|\
                $POLYCHROMIFY_HOOK_REASON\" >>told";
    let flags = ["--hook", hook, "--tries", "1", "--retry-delay", "50ms"];
    let daemon = watch(&folder, &flags);
    let told =
        || String::from_utf8(std::fs::read(folder.path("told")).unwrap_or_default()).unwrap();
    until("both are told", || told().lines().count() == 2);
    daemon.stop();
    let told = told();
    let line = |start| -> Vec<&str> {
        let line = told.lines().find(|line| line.starts_with(start)).unwrap();
        line.split('|').collect()
    };
    let done = line("done|");
    assert!(done[1].starts_with('/') && done[1].ends_with("/in/a.png"), "{done:?}");
    assert!(done[2].starts_with('/') && done[2].ends_with("/out/a.png"), "{done:?}");
    assert_eq!(done[3], sha256(&folder.read("out/a.png")));
    let failed = line("failed|");
    assert!(failed[1].ends_with("/in/bad.png") && failed[3].is_empty(), "{failed:?}");
    assert!(!failed[4].is_empty());
}

#[test]
fn a_file_name_is_never_read_as_a_command() {
    let name = "a; touch owned; $(touch owned) `touch owned` 'q\" \n b.png";
    let folder = Folder::new().file(&format!("in/{name}"), pictures::png(30, 20, 1));
    let hook = "printf %s \"$POLYCHROMIFY_HOOK_INPUT\" >told.tmp && mv told.tmp told";
    let daemon = watch(&folder, &["--hook", hook]);
    until("it is told", || folder.exists("told"));
    let log = daemon.stop();
    assert!(folder.read("told").ends_with(format!("/in/{name}").as_bytes()));
    assert!(!folder.exists("owned"));
    assert!(log.iter().any(|line| line.contains("\\n b.png: done")), "{log:#?}");
}

#[test]
fn a_hook_that_fails_or_hangs_is_remembered_and_holds_nothing_up() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/b.png", pictures::png(30, 20, 2));
    let hook = "case $POLYCHROMIFY_HOOK_INPUT in *a.png) exit 3;; *) sleep 1000;; esac";
    let mut daemon = watch(&folder, &["--hook", hook, "--hook-timeout", "5s"]);
    until("both results are there", || folder.exists("out/a.png") && folder.exists("out/b.png"));
    let (mut failed, mut killed) = (false, false);
    while !(failed && killed) {
        let line = daemon.wait_for("hook: ");
        failed |= line.contains("in/a.png: hook: ended with exit status: 3");
        killed |= line.contains("in/b.png: hook: killed: it took longer than 5 s");
    }
    let status = || folder.polychromify(["status", "-o", "out"]).code(0).stdout;
    until("both are remembered", || status().matches("hook failed: ").count() == 2);
    daemon.stop();
    assert!(status().contains("/in/a.png: ended with exit status: 3"));
}

#[test]
fn what_a_stop_or_a_kill_cuts_off_is_told_at_the_next_start() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/b.png", pictures::png(30, 20, 2));
    let slow = "touch begun; sleep 1000";
    let flags = ["--hook", slow, "--hook-timeout", "1h"];
    let both_are_there =
        || folder.exists("begun") && folder.exists("out/a.png") && folder.exists("out/b.png");
    let daemon = watch(&folder, &flags);
    until("the hook runs and both are done", both_are_there);
    let log = daemon.stop();
    assert!(log.iter().any(|line| line.ends_with("hooks due at the next start: 2")), "{log:#?}");
    std::fs::remove_file(folder.path("begun")).unwrap();
    let daemon = watch(&folder, &flags);
    until("the hook runs again", both_are_there);
    drop(daemon); // by SIGKILL
    let daemon = watch(&folder, &["--hook", "echo $POLYCHROMIFY_HOOK_INPUT >>told"]);
    let told = || std::fs::read_to_string(folder.path("told")).unwrap_or_default();
    until("both are told", || told().lines().count() == 2);
    daemon.stop();
    let daemon = watch(&folder, &["--hook", "echo $POLYCHROMIFY_HOOK_INPUT >>told"]);
    folder.write("in/c.png", pictures::png(30, 20, 3));
    until("the next is told", || told().contains("c.png"));
    daemon.stop();
    assert_eq!(told().lines().count(), 3, "{}", told());
}

#[test]
fn what_a_hook_that_hangs_started_is_killed_though_it_left_its_group() {
    if std::process::Command::new("setsid").arg("true").status().is_err() {
        skip("there is no setsid");
        return;
    }
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let hook = "setsid sh -c 'echo $$ >left.tmp; mv left.tmp left; sleep 1000' & wait";
    let mut daemon = watch(&folder, &["--hook", hook, "--hook-timeout", "5s"]);
    until("it runs", || folder.exists("left"));
    let left: i32 = String::from_utf8(folder.read("left")).unwrap().trim().parse().unwrap();
    daemon.wait_for("hook: killed");
    let left = rustix::process::Pid::from_raw(left).unwrap();
    until("it is killed", || rustix::process::test_kill_process(left).is_err());
    daemon.stop();
}

#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn skip(reason: &str) {
    println!("skipped: {reason}");
}
