//! A full disk, a read-only output, files that cannot be read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use crate::daemon::{Daemon, How, both_ways, command, failure, status, temporary};
use crate::folder::Folder;
use crate::mount::Mount;
use crate::{pictures, strace};

/// A user without rights of its own, `nobody` on most systems.
const NOBODY: u32 = 65534;

/// Whether this user reads everything, and so can try as another who does not.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn is_root() -> bool {
    let root = rustix::process::getuid().is_root();
    if !root {
        println!("skipped: only root can run as somebody else");
    }
    root
}

/// Starts the program as [`NOBODY`], who owns the test's folder.
fn as_nobody(folder: &Folder, how: How) -> Daemon {
    for entry in walkdir::WalkDir::new(folder.path(".")) {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut command = command(folder, how, &[]);
    command.uid(NOBODY).gid(NOBODY);
    Daemon::spawn(command)
}

fn allow(folder: &Folder, name: &str, mode: u32) {
    fs::set_permissions(folder.path(name), Permissions::from_mode(mode)).unwrap();
}

both_ways! {
    fn what_came_while_no_file_could_be_opened_is_found_when_some_can(how: How) {
        let folder = Folder::new().file("in/a/a.png", pictures::png(30, 20, 1));
        // `b.png` is noticed before, and would be taken up after files cannot be opened any more.
        let daemon = Daemon::start(&folder, how, &["--stability-delay", "2"]).ready(&folder);
        let allow = |files| {
            let files = Rlimit { current: Some(files), maximum: Some(1024) };
            prlimit(Some(daemon.id()), Resource::Nofile, files).unwrap();
        };
        daemon.until_done(&folder, &["a/a.png"]);
        folder.write("in/b.png", pictures::png(30, 20, 2));
        std::thread::sleep(std::time::Duration::from_millis(500));
        allow(3);
        folder.write("in/c.png", pictures::png(30, 20, 3));
        folder.write("in/d/d.png", pictures::png(30, 20, 4));
        daemon.until("trouble", || daemon.stderr().contains("Too many open files"));
        std::thread::sleep(std::time::Duration::from_secs(4));
        allow(1024);
        daemon.until_done(&folder, &["b.png", "c.png", "d/d.png"]);
        daemon.until_counted(&folder, &[("done", 5), ("failed", 0)]);
    }

    fn on_a_full_disk_nothing_is_lost_and_all_goes_on_when_there_is_room(how: How) {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        let Some(_mount) = Mount::new(folder.path("out"), "3m") else { return };
        let daemon = Daemon::start(&folder, how, &["--jobs", "2"]).ready(&folder);
        let filler = folder.path("out/.filler");
        // All but a few kilobytes, so that the ledger can be written at times and at times not.
        let free = 2_600 << 10;
        fs::write(&filler, vec![1; free]).unwrap();
        for i in 0..6 {
            folder.write(&format!("in/{i}.png"), pictures::png(300, 200, i));
        }
        daemon.until("trouble", || daemon.stderr().to_lowercase().contains("no space")
            || daemon.stderr().contains("full"));
        std::thread::sleep(std::time::Duration::from_secs(2));
        fs::remove_file(&filler).unwrap();
        let names: Vec<String> = (0..6).map(|i| format!("{i}.png")).collect();
        daemon.until_done(&folder, &names.iter().map(String::as_str).collect::<Vec<_>>());
        daemon.until_counted(&folder, &[("done", 7), ("failed", 0)]);
        assert!(temporary(&folder).is_empty());
        drop(daemon);
        folder.batch(["in", "-o", "expected"]).code(0);
        assert_eq!(folder.files("out"), folder.files("expected"));
    }

    fn an_output_that_becomes_read_only_loses_nothing(how: How) {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_idle(&folder);
        let Some(mount) = Mount::new(folder.path("out"), "1m,ro") else { return };
        folder.write("in/a.png", pictures::png(30, 20, 1));
        daemon.until("trouble", || daemon.stderr().replace('-', "").contains("readonly"));
        drop(mount);
        daemon.until_done(&folder, &["a.png"]);
        assert_eq!(status(&folder)["failed"], 0);
    }

    fn a_file_that_may_not_be_read_is_tried_again_and_then_fails_with_the_reason(how: How) {
        if !is_root() {
            return;
        }
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
        allow(&folder, "in/a.png", 0o000);
        let daemon = as_nobody(&folder, how);
        daemon.until("two tries", || crate::daemon::tries(&folder, "in/a.png") >= 2);
        allow(&folder, "in/a.png", 0o644);
        daemon.until_done(&folder, &["a.png"]);
        assert!(failure(&folder, "in/a.png").is_none());
    }

    fn a_folder_that_may_not_be_read_is_told_once_and_read_when_it_may(how: How) {
        if !is_root() {
            return;
        }
        let folder = Folder::new()
            .file("in/closed/a.png", pictures::png(30, 20, 1))
            .file("in/@eaDir/b.png", pictures::png(30, 20, 2))
            .file("in/open.png", pictures::png(30, 20, 3));
        allow(&folder, "in/closed", 0o000);
        allow(&folder, "in/@eaDir", 0o000);
        let daemon = as_nobody(&folder, how);
        daemon.until_done(&folder, &["open.png"]);
        std::thread::sleep(std::time::Duration::from_secs(1));
        let said = daemon.stderr();
        assert_eq!(said.matches("Permission denied").count(), 1, "{said}");
        assert!(!said.contains("@eaDir"), "{said}");
        allow(&folder, "in/closed", 0o755);
        daemon.until_done(&folder, &["closed/a.png"]);
    }
}

/// The program stops itself when the result got its name, and goes on when its folder is gone.
#[test]
fn a_result_that_is_taken_away_with_its_folder_before_it_is_recorded_is_recorded() {
    let folder = Folder::new().file("in/box/a.png", pictures::png(30, 20, 1));
    let stop = ["trace=renameat2", "inject=renameat2:signal=SIGSTOP:when=1"];
    let command = command(&folder, How::Events, &[]);
    let Some(command) = strace::with(&command, &stop) else { return };
    let daemon = Daemon::spawn(command);
    daemon.until("the result", || folder.exists("out/box/a.png"));
    fs::rename(folder.path("out/box"), folder.path("taken")).unwrap();
    daemon.signal(Signal::CONT);
    daemon.until_counted(&folder, &[("done", 1), ("queued", 0)]);
    assert!(!daemon.stderr().contains("not recorded"), "{}", daemon.stderr());
    assert!(folder.exists("taken/a.png"));
}
