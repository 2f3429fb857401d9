//! Giving way to other programs.

#![cfg(target_os = "linux")]

use ioprio::{Class, Pid, Priority, Target};

use crate::daemon::{until, watch};
use crate::folder::Folder;
use crate::pictures;

/// The niceness of a thread: the 19th field of its `stat`.
fn nice(stat: &std::path::Path) -> i64 {
    let text = std::fs::read_to_string(stat).unwrap();
    let after_name = text.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[test]
fn every_thread_gives_way_as_configured() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    let daemon = watch(&folder, &["--nice", "7", "--io-class", "idle"]);
    until("threads have worked", || folder.exists("out/a.png"));
    let tasks = format!("/proc/{}/task", daemon.id());
    let mut threads = 0;
    for task in std::fs::read_dir(tasks).unwrap().map(Result::unwrap) {
        let id: i32 = task.file_name().to_str().unwrap().parse().unwrap();
        assert_eq!(nice(&task.path().join("stat")), 7);
        let found = ioprio::get_priority(Target::Process(Pid::from_raw(id))).unwrap();
        assert_eq!(found, Priority::new(Class::Idle));
        threads += 1;
    }
    assert!(threads > 1);
    daemon.stop();
}
