//! Bursts, folders, renames, overflow: nothing is missed, nothing is done twice.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use rustix::process::Signal;

use crate::daemon::{Daemon, How, both_ways, command, status};
use crate::faults;
use crate::folder::Folder;
use crate::pictures;

/// What a result must be: `batch` makes it in a folder of its own.
fn expected(content: &[u8], name: &str) -> String {
    let folder = Folder::new().file(&format!("in/{name}"), content);
    folder.batch(["in", "-o", "out"]).code(0);
    folder.files("out").remove(name).unwrap()
}

/// Number of a file: another one means that it was written anew.
fn inode(folder: &Folder, name: &str) -> u64 {
    fs::metadata(folder.path(name)).unwrap().ino()
}

both_ways! {
    fn what_lies_there_and_what_comes_later_is_colored(how: How) {
        let first = pictures::jpeg(40, 30, 1);
        let folder = Folder::new().file("in/sub/first.JPG", &first);
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        folder.write("in/LATER.TIF", pictures::tiff(40, 30, 2));
        folder.write("in/new/deep/er/a.Png", pictures::png(40, 30, 3));
        daemon.until_done(&folder, &["sub/first.JPG", "LATER.TIF", "new/deep/er/a.Png"]);
        assert_eq!(folder.files("out")["sub/first.JPG"], expected(&first, "first.JPG"));
        folder.write("in/new/deep/er/b.png", pictures::png(40, 30, 4));
        daemon.until_done(&folder, &["new/deep/er/b.png"]);
        assert_eq!(status(&folder)["failed"], 0);
    }

    fn a_photograph_with_a_space_at_the_end_of_its_name_is_told_once(how: How) {
        let folder = Folder::new().file("in/first.png ", pictures::png(40, 30, 1));
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        folder.write("in/later.png ", pictures::png(40, 30, 2));
        for name in ["first", "later"] {
            let told = || daemon.stderr().matches(&format!("in/{name}.png: passed over")).count();
            daemon.until("the reason", || told() == 1);
        }
        assert!(daemon.stderr().contains("its name ends with a space"), "{}", daemon.stderr());
        assert_eq!(folder.names("out"), ["probe.png"]);
    }

    fn files_and_folders_that_are_moved_in_or_renamed_are_colored(how: How) {
        let folder = Folder::new()
            .file("elsewhere/a.png", pictures::png(30, 20, 1))
            .file("elsewhere/scans/b.png", pictures::png(30, 20, 2))
            .file("elsewhere/linked.png", pictures::png(30, 20, 3))
            .file("in/old.png", pictures::png(30, 20, 4));
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        let to = |from: &str, to: &str| fs::rename(folder.path(from), folder.path(to)).unwrap();
        to("elsewhere/a.png", "in/a.png");
        to("elsewhere/scans", "in/scans");
        fs::hard_link(folder.path("elsewhere/linked.png"), folder.path("in/linked.png")).unwrap();
        daemon.until_done(&folder, &["a.png", "scans/b.png", "linked.png", "old.png"]);
        to("in/old.png", "in/new.png");
        to("in/scans", "in/renamed");
        daemon.until_done(&folder, &["new.png", "renamed/b.png"]);
        folder.write("in/renamed/c.png", pictures::png(30, 20, 5));
        daemon.until_done(&folder, &["renamed/c.png"]);
        assert_eq!(status(&folder)["failed"], 0);
    }

    fn of_30_files_in_a_burst_none_is_missed(how: How) {
        let folder = Folder::new().file("in/none.txt", "");
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        let content = pictures::png(20, 20, 1);
        for i in 0..30 {
            folder.write(&format!("in/{i}.png"), &content);
        }
        let names: Vec<String> = (0..30).map(|i| format!("{i}.png")).collect();
        daemon.until_done(&folder, &names.iter().map(String::as_str).collect::<Vec<_>>());
        daemon.until_counted(&folder, &[("done", 31)]);
    }

    fn what_is_done_is_not_done_again(how: How) {
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_done(&folder, &["a.png"]);
        let before = inode(&folder, "out/a.png");
        let path = folder.path("in/a.png");
        fs::read(&path).unwrap();
        fs::write(&path, fs::read(&path).unwrap()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(&path, folder.path("in/link.png")).unwrap();
        folder.write("in/b.png", pictures::png(30, 20, 2));
        daemon.until_done(&folder, &["b.png", "link.png"]);
        drop(daemon);
        let daemon = Daemon::start(&folder, how, &[]);
        folder.write("in/c.png", pictures::png(30, 20, 3));
        daemon.until_done(&folder, &["c.png"]);
        assert_eq!(inode(&folder, "out/a.png"), before);
        daemon.until_counted(&folder, &[("done", 5)]);
    }

    fn new_content_under_an_old_name_gets_its_own_result(how: How) {
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_done(&folder, &["a.png"]);
        let (written, renamed) = (pictures::png(30, 20, 2), pictures::png(30, 20, 3));
        folder.write("in/a.png", &written);
        let wanted = expected(&written, "a.png");
        daemon.until("the second result", || folder.files("out")["a.png"] == wanted);
        folder.write("in/.a.png.tmp", &renamed);
        fs::rename(folder.path("in/.a.png.tmp"), folder.path("in/a.png")).unwrap();
        let wanted = expected(&renamed, "a.png");
        daemon.until("the third result", || folder.files("out")["a.png"] == wanted);
        folder.write("out/a.png", "edited by somebody");
        folder.write("in/a.png", &written);
        daemon.until_failed(&folder, "in/a.png");
        assert_eq!(folder.read("out/a.png"), b"edited by somebody");
    }

    fn a_folder_that_is_deleted_and_made_again_is_still_watched(how: How) {
        let folder = Folder::new().file("in/sub/a.png", pictures::png(30, 20, 1));
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.until_done(&folder, &["sub/a.png"]);
        for i in 0..3 {
            fs::remove_dir_all(folder.path("in/sub")).unwrap();
            let name = format!("sub/{i}.png");
            folder.write(&format!("in/{name}"), pictures::png(30, 20, i));
            daemon.until_done(&folder, &[&name]);
        }
        assert!(folder.exists("out/sub/a.png"), "results stay");
    }

    fn an_input_folder_that_goes_away_and_comes_back_is_watched_again(how: How) {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        let mut daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        for i in 0..2 {
            if i == 0 {
                fs::remove_dir_all(folder.path("in")).unwrap();
            } else {
                fs::rename(folder.path("in"), folder.path("away")).unwrap();
            }
            if how == How::Events {
                daemon.wait_for("the folder is gone");
            }
            for j in 0..2 {
                let name = format!("{i}{j}.png");
                folder.write(&format!("in/new/{name}"), pictures::png(30, 20, i * 2 + j));
                daemon.until_done(&folder, &[&format!("new/{name}")]);
            }
        }
        assert_eq!(status(&folder)["failed"], 0);
    }

    /// The new folder may have the number of the old one, and the program may see only the new one.
    fn an_input_folder_that_is_made_again_at_once_is_watched(how: How) {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        let daemon = Daemon::start(&folder, how, &[]).ready(&folder);
        daemon.signal(Signal::STOP);
        fs::remove_dir_all(folder.path("in")).unwrap();
        fs::create_dir(folder.path("in")).unwrap();
        folder.write("in/first.png", pictures::png(30, 20, 1));
        daemon.signal(Signal::CONT);
        daemon.until_done(&folder, &["first.png"]);
        folder.write("in/second.png", pictures::png(30, 20, 2));
        daemon.until_done(&folder, &["second.png"]);
    }

    fn temporary_names_and_what_lies_elsewhere_are_left_alone(how: How) {
        let folder = Folder::new().file("outside/secret.png", pictures::png(30, 20, 9));
        fs::create_dir(folder.path("in")).unwrap();
        let daemon = Daemon::start(&folder, how, &["--ignore", "drafts/"]).ready(&folder);
        for name in [
            ".syncthing.a.png.tmp", "~syncthing~a.png", ".a.png.Xy1Z9a", "a.png.part",
            "a.png.filepart", "a.jpg.crdownload", "._a.png", "@eaDir/a.png", ".stversions/a.png",
            "__MACOSX/a.png", "drafts/a.png",
        ] {
            folder.write(&format!("in/{name}"), pictures::png(30, 20, 1));
        }
        symlink("../outside", folder.path("in/folder")).unwrap();
        symlink("../outside/secret.png", folder.path("in/secret.png")).unwrap();
        let fifo = Command::new("mkfifo").arg(folder.path("in/pipe.png")).status().unwrap();
        assert!(fifo.success());
        folder.write("in/last.png", pictures::png(30, 20, 2));
        daemon.until_done(&folder, &["last.png"]);
        folder.write("in/very-last.png", pictures::png(30, 20, 2));
        daemon.until_done(&folder, &["very-last.png"]);
        assert_eq!(folder.names("out"), ["last.png", "probe.png", "very-last.png"]);
        assert_eq!(status(&folder)["failed"], 0);
    }
}

/// A burst of events that the system does not keep: it tells of that, and of no path.
#[test]
fn when_events_overflow_nothing_is_missed() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    let daemon = Daemon::start(&folder, How::Events, &[]).ready(&folder);
    daemon.signal(Signal::STOP);
    for i in 0..9000 {
        fs::write(folder.path(&format!("in/{}.txt", i % 50)), "").unwrap();
    }
    folder.write("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/sub/b.png", pictures::png(30, 20, 2));
    daemon.signal(Signal::CONT);
    daemon.until_done(&folder, &["a.png", "sub/b.png"]);
}

#[test]
fn without_watches_left_folders_are_polled() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/sub/deep")).unwrap();
    for granted in ["0", "2"] {
        let command = command(&folder, How::Events, &["--rescan", "86400"]);
        let command = faults::with(command, &[("FAULT_WATCHES", granted)]);
        let daemon = Daemon::spawn(command);
        daemon.until("the log line", || daemon.stderr().contains("max_user_watches"));
        let name = format!("sub/deep/{granted}.png");
        folder.write(&format!("in/{name}"), pictures::png(30, 20, 1));
        daemon.until_done(&folder, &[&name]);
    }
}

/// Folders that are ignored cost no watch.
#[test]
fn ignored_folders_do_not_use_watches_up() {
    let folder = Folder::new();
    for i in 0..20 {
        fs::create_dir_all(folder.path(&format!("in/@eaDir/{i}"))).unwrap();
        fs::create_dir_all(folder.path(&format!("in/.stversions/{i}"))).unwrap();
    }
    let command = command(&folder, How::Events, &[]);
    let daemon = Daemon::spawn(faults::with(command, &[("FAULT_WATCHES", "4")])).ready(&folder);
    folder.write("in/sub/a.png", pictures::png(30, 20, 1));
    daemon.until_done(&folder, &["sub/a.png"]);
    assert!(!daemon.stderr().contains("max_user_watches"), "{}", daemon.stderr());
}

#[test]
fn when_events_stop_silently_the_rescan_finds_what_they_missed() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    let command = command(&folder, How::Events, &["--rescan", "1"]);
    let daemon = Daemon::spawn(faults::with(command, &[("FAULT_DEAF", "1")])).ready(&folder);
    folder.write("in/sub/a.png", pictures::png(30, 20, 1));
    daemon.until_done(&folder, &["sub/a.png"]);
}
