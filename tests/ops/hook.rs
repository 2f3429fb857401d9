//! The command after each result.

use crate::daemon::{Daemon, until};
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
    let daemon = Daemon::start(&folder, &flags);
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
    assert_eq!(done[1..3], ["in/a.png", "out/a.png"]);
    assert_eq!(done[3], sha256(&folder.read("out/a.png")));
    let failed = line("failed|");
    assert_eq!((failed[1], failed[3]), ("in/bad.png", ""));
    assert!(!failed[4].is_empty());
}

#[test]
fn a_file_name_is_never_read_as_a_command() {
    let name = "a; touch owned; $(touch owned) `touch owned` 'q\" \n b.png";
    let folder = Folder::new().file(&format!("in/{name}"), pictures::png(30, 20, 1));
    let hook = "printf %s \"$POLYCHROMIFY_HOOK_INPUT\" >told.tmp && mv told.tmp told";
    let daemon = Daemon::start(&folder, &["--hook", hook]);
    until("it is told", || folder.exists("told"));
    let log = daemon.stop();
    assert_eq!(folder.read("told"), format!("in/{name}").as_bytes());
    assert!(!folder.exists("owned"));
    assert!(log.iter().any(|line| line.contains("\\n b.png: done")), "{log:#?}");
}

#[test]
fn a_hook_that_fails_or_hangs_is_remembered_and_holds_nothing_up() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/b.png", pictures::png(30, 20, 2));
    let hook = "case $POLYCHROMIFY_HOOK_INPUT in *a.png) exit 3;; *) sleep 1000;; esac";
    let mut daemon = Daemon::start(&folder, &["--hook", hook, "--hook-timeout", "300ms"]);
    until("both results are there", || folder.exists("out/a.png") && folder.exists("out/b.png"));
    let (mut failed, mut killed) = (false, false);
    while !(failed && killed) {
        let line = daemon.wait_for("hook: ");
        failed |= line.contains("in/a.png: hook: ended with exit status: 3");
        killed |= line.contains("in/b.png: hook: killed: it took longer than 0.3 s");
    }
    let status = || folder.polychromify(["status", "-o", "out"]).code(0).stdout;
    until("both are remembered", || status().matches("hook failed: ").count() == 2);
    daemon.stop();
    assert!(status().contains("hook failed: in/a.png: ended with exit status: 3"));
}

#[test]
fn stopping_does_not_wait_for_a_hook() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/b.png", pictures::png(30, 20, 2));
    let hook = "touch begun; sleep 1000";
    let daemon = Daemon::start(&folder, &["--hook", hook, "--hook-timeout", "1h"]);
    until("the hook runs and both are done", || {
        folder.exists("begun") && folder.exists("out/a.png") && folder.exists("out/b.png")
    });
    let log = daemon.stop();
    let hooks: Vec<_> = log.iter().filter(|line| line.contains("hook: ")).collect();
    assert!(hooks[0].contains("killed: the program stopped"), "{hooks:#?}");
    assert_eq!(hooks.len(), 2, "{hooks:#?}");
}
