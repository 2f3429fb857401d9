//! Originals that move or are deleted.

use std::fs;

use crate::daemon::{Daemon, How, both_ways, ledger, status, temporary};
use crate::folder::Folder;
use crate::pictures;

const MOVE: [&str; 4] = ["--on-success", "move", "--move-to", "moved"];
const DELETE: [&str; 2] = ["--on-success", "delete"];

both_ways! {
    fn an_original_moves_once_its_result_is_there(how: How) {
        let content = pictures::png(30, 20, 1);
        let folder = Folder::new().file("in/sub/a.png", &content).file("in/bad.png", "no picture");
        let daemon = Daemon::start(&folder, how, &MOVE).ready(&folder);
        daemon.until("the move", || folder.exists("moved/sub/a.png"));
        daemon.until_failed(&folder, "in/bad.png");
        assert_eq!(folder.read("moved/sub/a.png"), content);
        assert!(folder.exists("out/sub/a.png"));
        daemon.until("the probe's move", || folder.names("in") == ["bad.png"]);
    }

    fn a_moved_original_replaces_nothing(how: How) {
        let folder = Folder::new()
            .file("in/a.png", pictures::png(30, 20, 1))
            .file("moved/a.png", "something else");
        let daemon = Daemon::start(&folder, how, &MOVE).ready(&folder);
        daemon.until_done(&folder, &["a.png"]);
        folder.write("in/b.png", pictures::png(30, 20, 2));
        daemon.until("the move", || folder.exists("moved/b.png"));
        assert_eq!(folder.read("moved/a.png"), b"something else");
        assert_eq!(folder.read("in/a.png"), pictures::png(30, 20, 1));
        fs::remove_file(folder.path("moved/a.png")).unwrap();
        drop(daemon);
        let daemon = Daemon::start(&folder, how, &MOVE);
        daemon.until("the move after all", || folder.exists("moved/a.png"));
        daemon.until("that it is gone", || !folder.exists("in/a.png"));
    }

    /// A folder for what is done inside the watched folder, as many scanner folders have it.
    fn originals_may_move_to_a_folder_inside_the_watched_one(how: How) {
        let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
        let flags = ["--on-success", "move", "--move-to", "in/done"];
        let daemon = Daemon::start(&folder, how, &flags).ready(&folder);
        daemon.until("the move", || folder.exists("in/done/a.png"));
        folder.write("in/b.png", pictures::png(30, 20, 2));
        daemon.until("the move", || folder.exists("in/done/b.png"));
        daemon.until_idle(&folder);
        assert_eq!(folder.names("out"), ["a.png", "b.png", "probe.png"]);
    }

    fn an_original_is_deleted_only_if_asked_for_and_its_result_is_never_replaced(how: How) {
        let folder = Folder::new().file("in/scan1.png", pictures::png(30, 20, 1));
        let daemon = Daemon::start(&folder, how, &DELETE).ready(&folder);
        daemon.until("the deletion", || !folder.exists("in/scan1.png"));
        let result = folder.read("out/scan1.png");
        // The scanner counts from the beginning again.
        let second = pictures::png(30, 20, 2);
        folder.write("in/scan1.png", &second);
        daemon.until_failed(&folder, "in/scan1.png");
        assert_eq!(folder.read("out/scan1.png"), result);
        assert_eq!(folder.read("in/scan1.png"), second);
        // The same photograph again is done already.
        folder.write("in/scan1.png", pictures::png(30, 20, 1));
        daemon.until("the second deletion", || !folder.exists("in/scan1.png"));
        assert_eq!(folder.read("out/scan1.png"), result);
        assert_eq!(status(&folder)["failed"], 0);
        daemon.until("the end of the file put aside", || temporary(&folder).is_empty());
    }

    fn a_crash_between_result_and_move_is_finished_at_the_next_start(how: How) {
        let folder = Folder::new()
            .file("in/a.png", pictures::png(30, 20, 1))
            .file("in/b.png", pictures::png(30, 20, 2));
        let daemon = Daemon::start(&folder, how, &[]);
        daemon.until_done(&folder, &["a.png", "b.png"]);
        daemon.kill();
        ledger(&folder).unwrap().execute("UPDATE results SET original = 'leaving'", []).unwrap();
        folder.write("out/b.png", "somebody changed this");
        let daemon = Daemon::start(&folder, how, &MOVE);
        daemon.until("the move", || folder.exists("moved/a.png"));
        folder.write("in/c.png", pictures::png(30, 20, 3));
        daemon.until("a later move", || folder.exists("moved/c.png"));
        assert!(!folder.exists("in/a.png"));
        assert!(folder.exists("in/b.png"), "its result cannot be read back");
    }
}
