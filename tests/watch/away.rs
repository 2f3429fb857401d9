//! Folders that are away, or emptied, while originals are to go from them: in doubt one is waited for, and
//! no original is taken for gone that is only away.

use std::fs::{self, File, OpenOptions};

use crate::daemon::{Daemon, How, both_ways, ledger, temporary};
use crate::folder::Folder;
use crate::{pictures, weights};

const MOVE: [&str; 4] = ["--on-success", "move", "--move-to", "moved"];
const DELETE: [&str; 2] = ["--on-success", "delete"];

const IN_DOUBT: &str = "is empty or not there, as where a share is not mounted";

fn photograph() -> Vec<u8> {
    pictures::png(30, 20, 1)
}

/// What the ledger says of the original of a result.
fn original(folder: &Folder, output: &str) -> Option<String> {
    let sql = "SELECT original FROM results WHERE output = ?1";
    let found = ledger(folder)?.query_row(sql, [output], |row| row.get(0));
    found.ok().flatten()
}

/// A watch that colored an original, which cannot go while the file is open.
fn held(name: &str, how: How, flags: &[&str]) -> (Folder, Daemon, File) {
    let folder = Folder::new().file(name, photograph());
    let writer = OpenOptions::new().append(true).open(folder.path(name)).unwrap();
    let mut daemon = Daemon::start(&folder, how, flags);
    daemon.wait_for("has it open for writing");
    (folder, daemon, writer)
}

/// A folder with results, as a watch left it that was killed within the way of their originals.
fn killed(how: How, names: &[&str]) -> Folder {
    let folder = Folder::new();
    for (seed, name) in (1..).zip(names) {
        folder.write(&format!("in/{name}"), pictures::png(30, 20, seed));
    }
    let daemon = Daemon::start(&folder, how, &[]);
    daemon.until_done(&folder, names);
    daemon.kill();
    ledger(&folder).unwrap().execute("UPDATE results SET original = 'leaving'", []).unwrap();
    folder
}

/// The input folder as where its share is not mounted.
fn unmount(folder: &Folder) {
    fs::rename(folder.path("in"), folder.path("share")).unwrap();
    fs::create_dir(folder.path("in")).unwrap();
}

fn mount(folder: &Folder) {
    fs::remove_dir(folder.path("in")).unwrap();
    fs::rename(folder.path("share"), folder.path("in")).unwrap();
}

both_ways! {
    fn an_original_whose_folder_is_away_when_it_is_to_go_goes_when_that_is_back(how: How) {
        let (folder, mut daemon, writer) = held("in/a.png", how, &MOVE);
        fs::rename(folder.path("in"), folder.path("away")).unwrap();
        drop(writer);
        daemon.wait_for(IN_DOUBT);
        assert_eq!(original(&folder, "a.png").as_deref(), Some("due"));
        fs::rename(folder.path("away"), folder.path("in")).unwrap();
        daemon.until("the move", || folder.exists("moved/a.png"));
        daemon.until("its end", || original(&folder, "a.png").as_deref() == Some("gone"));
        assert_eq!(folder.read("moved/a.png"), photograph());
    }

    fn an_original_whose_folder_is_a_mount_point_when_it_is_to_go_goes_when_that_is_mounted(how: How) {
        let (folder, mut daemon, writer) = held("in/a.png", how, &DELETE);
        unmount(&folder);
        drop(writer);
        daemon.wait_for(IN_DOUBT);
        assert_eq!(original(&folder, "a.png").as_deref(), Some("due"));
        mount(&folder);
        daemon.until("the deletion", || !folder.exists("in/a.png"));
        daemon.until("its end", || original(&folder, "a.png").as_deref() == Some("gone"));
    }

    fn an_original_that_a_crash_left_aside_on_a_share_goes_when_that_is_mounted(how: How) {
        let folder = killed(how, &["a.png"]);
        fs::rename(folder.path("in/a.png"), folder.path("in/.a.png.polychromify.leaving")).unwrap();
        unmount(&folder);
        let mut daemon = Daemon::start(&folder, how, &MOVE);
        daemon.wait_for(IN_DOUBT);
        assert_eq!(original(&folder, "a.png").as_deref(), Some("leaving"));
        mount(&folder);
        daemon.until("the move", || folder.exists("moved/a.png"));
        assert_eq!(folder.read("moved/a.png"), photograph());
        assert!(temporary(&folder).is_empty());
    }

    fn an_original_that_a_crash_left_aside_on_a_share_goes_after_a_start_without_the_share(how: How) {
        let folder = killed(how, &["a.png"]);
        fs::rename(folder.path("in/a.png"), folder.path("in/.a.png.polychromify.leaving")).unwrap();
        unmount(&folder);
        let mut daemon = Daemon::start(&folder, how, &MOVE);
        daemon.wait_for(IN_DOUBT);
        daemon.stop();
        mount(&folder);
        let daemon = Daemon::start(&folder, how, &MOVE);
        daemon.until("the move", || folder.exists("moved/a.png"));
        assert_eq!(folder.read("moved/a.png"), photograph());
    }

    /// Also where originals are to stay by now.
    fn an_original_that_a_crash_left_aside_on_a_share_gets_its_name_when_that_is_mounted(how: How) {
        let folder = killed(how, &["a.png"]);
        fs::rename(folder.path("in/a.png"), folder.path("in/.a.png.polychromify.leaving")).unwrap();
        unmount(&folder);
        let mut daemon = Daemon::start(&folder, how, &[]);
        daemon.wait_for(IN_DOUBT);
        assert_eq!(original(&folder, "a.png").as_deref(), Some("leaving"));
        mount(&folder);
        daemon.until("its name", || folder.exists("in/a.png"));
        assert_eq!(folder.read("in/a.png"), photograph());
        daemon.until("that it stays", || original(&folder, "a.png").is_none());
    }

    fn a_scan_that_a_person_took_out_of_a_folder_is_gone_though_that_is_empty_now(how: How) {
        let (folder, daemon, writer) = held("in/a.png", how, &DELETE);
        fs::remove_file(folder.path("in/a.png")).unwrap();
        drop(writer);
        daemon.until("its end", || original(&folder, "a.png").as_deref() == Some("gone"));
        assert!(!daemon.stderr().contains(IN_DOUBT), "{}", daemon.stderr());
    }

    fn a_scan_that_a_person_removed_with_its_folder_is_gone(how: How) {
        let (folder, daemon, writer) = held("in/box/a.png", how, &DELETE);
        fs::remove_dir_all(folder.path("in/box")).unwrap();
        drop(writer);
        daemon.until("its end", || original(&folder, "box/a.png").as_deref() == Some("gone"));
        assert!(!daemon.stderr().contains(IN_DOUBT), "{}", daemon.stderr());
    }

    /// All originals went, and a crash kept that from the ledger: nothing tells the emptied folder from
    /// one that is not mounted, until something is dropped into it.
    fn a_folder_that_was_rightly_emptied_is_told_once_and_the_next_scan_settles_it(how: How) {
        let folder = killed(how, &["a.png", "b.png"]);
        fs::remove_file(folder.path("in/a.png")).unwrap();
        fs::remove_file(folder.path("in/b.png")).unwrap();
        let mut daemon = Daemon::start(&folder, how, &DELETE);
        daemon.wait_for(IN_DOUBT);
        folder.write("in/c.png", pictures::png(30, 20, 3));
        let stays = OpenOptions::new().append(true).open(folder.path("in/c.png")).unwrap();
        let is_gone = |name| original(&folder, name).as_deref() == Some("gone");
        daemon.until("their ends", || is_gone("a.png") && is_gone("b.png"));
        drop(stays);
        daemon.until("the end of the next", || is_gone("c.png"));
        let log = daemon.stderr();
        assert_eq!(log.matches(IN_DOUBT).count(), 1, "{log}");
    }

    fn originals_of_a_folder_that_was_removed_on_purpose_wait_and_are_told_once(how: How) {
        let (folder, mut daemon, writer) = held("in/a.png", how, &DELETE);
        fs::remove_dir_all(folder.path("in")).unwrap();
        drop(writer);
        daemon.wait_for(IN_DOUBT);
        assert_eq!(original(&folder, "a.png").as_deref(), Some("due"));
        let log = daemon.stop().join("\n");
        assert_eq!(log.matches(IN_DOUBT).count(), 1, "{log}");
        // Another folder is watched in its place.
        let other = ["watch", "other", "-o", "out", "--stability-delay", "0.1"];
        let other = [&other[..], &how_flags(how), &DELETE, &["--weights", weights::tiny()]].concat();
        folder.write("other/b.png", pictures::png(30, 20, 2));
        let daemon = Daemon::spawn(folder.command(other));
        daemon.until("another deletion", || !folder.exists("other/b.png"));
        assert_eq!(original(&folder, "a.png").as_deref(), Some("due"));
        assert!(!daemon.stderr().contains(IN_DOUBT), "{}", daemon.stderr());
    }

    fn an_original_of_a_folder_within_the_one_that_is_watched_now_goes(how: How) {
        let folder = Folder::new().file("in/box/a.png", photograph());
        let inner = ["watch", "in/box", "-o", "out", "--stability-delay", "0.1"];
        let inner = [&inner[..], &["--weights", weights::tiny()]].concat();
        let inner = Daemon::spawn(folder.command(inner));
        inner.until_done(&folder, &["a.png"]);
        inner.kill();
        ledger(&folder).unwrap().execute("UPDATE results SET original = 'due'", []).unwrap();
        let daemon = Daemon::start(&folder, how, &MOVE);
        daemon.until("the move", || folder.exists("moved/box/a.png"));
        daemon.until("its end", || original(&folder, "a.png").as_deref() == Some("gone"));
    }
}

fn how_flags(how: How) -> [&'static str; 2] {
    match how {
        How::Events => ["--rescan", "0"],
        How::Polling => ["--poll", "0.2"],
    }
}
