//! Links, mounts, writers and names of others in the way of originals: none of them loses one.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use crate::daemon::{Daemon, How, both_ways, ledger, temporary};
use crate::folder::{Folder, sha256};
use crate::mount::Mount;
use crate::pictures;

const MOVE: [&str; 4] = ["--on-success", "move", "--move-to", "moved"];
const DELETE: [&str; 2] = ["--on-success", "delete"];

/// A folder with one photograph.
fn one() -> (Folder, Vec<u8>) {
    let content = pictures::png(30, 20, 1);
    (Folder::new().file("in/a.png", &content), content)
}

both_ways! {
    fn an_original_stays_where_what_lies_at_its_destination_leads_to_it(how: How) {
        let plants: [fn(&Folder); 2] = [
            |folder| symlink("../in/a.png", folder.path("moved/a.png")).unwrap(),
            |folder| fs::hard_link(folder.path("in/a.png"), folder.path("moved/a.png")).unwrap(),
        ];
        for plant in plants {
            let (folder, content) = one();
            fs::create_dir(folder.path("moved")).unwrap();
            plant(&folder);
            let mut daemon = Daemon::start(&folder, how, &MOVE);
            daemon.wait_for("in/a.png: done; the original stays for now");
            assert!(!folder.path("in/a.png").is_symlink());
            assert_eq!(folder.read("in/a.png"), content);
            assert!(folder.exists("out/a.png"));
        }
    }

    fn an_original_stays_where_its_destination_is_its_own_folder_mounted_again(how: How) {
        let (folder, content) = one();
        let Some(_mount) = Mount::again(&folder.path("in"), folder.path("moved")) else { return };
        let mut daemon = Daemon::start(&folder, how, &MOVE);
        daemon.wait_for("in/a.png: done; the original stays for now");
        assert_eq!(folder.read("in/a.png"), content);
        assert!(temporary(&folder).is_empty());
    }

    fn nothing_is_deleted_through_a_folder_that_becomes_a_link(how: How) {
        let folder = Folder::new().file("in/sub/x.png", pictures::png(30, 20, 1));
        let flags = [&DELETE[..], &["--stability-delay", "1"]].concat();
        let daemon = Daemon::start(&folder, how, &flags);
        daemon.until("the watch", || daemon.stderr().contains("watching"));
        fs::rename(folder.path("in/sub"), folder.path("elsewhere")).unwrap();
        symlink("../elsewhere", folder.path("in/sub")).unwrap();
        folder.write("in/b.png", pictures::png(30, 20, 2));
        daemon.until("a later deletion", || !folder.exists("in/b.png"));
        assert!(folder.exists("elsewhere/x.png"));
        assert!(!folder.exists("out/sub/x.png"));
    }

    fn an_original_that_somebody_still_writes_to_stays_until_it_is_whole(how: How) {
        let (folder, _) = one();
        let path = folder.path("in/a.png");
        let mut writer = OpenOptions::new().append(true).open(&path).unwrap();
        let mut daemon = Daemon::start(&folder, how, &DELETE);
        daemon.wait_for("has it open for writing");
        assert!(folder.exists("out/a.png") && folder.exists("in/a.png"));
        writer.write_all(b"the next page").unwrap();
        let whole = sha256(&folder.read("in/a.png"));
        drop(writer);
        daemon.until("the deletion", || !folder.exists("in/a.png"));
        let sql = "SELECT content FROM results WHERE output = 'a.png'";
        let content: String =
            ledger(&folder).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(content, whole, "the result is of the whole file");
    }

    fn a_link_stays_and_leads_to_its_photograph(how: How) {
        for flags in [&MOVE[..], &DELETE] {
            let folder = Folder::new().file("in/.store/a.png", pictures::png(30, 20, 1));
            symlink(".store/a.png", folder.path("in/a.png")).unwrap();
            let mut daemon = Daemon::start(&folder, how, flags);
            daemon.wait_for("in/a.png: is a symbolic link, which is neither moved nor deleted");
            assert_eq!(folder.read("in/a.png"), pictures::png(30, 20, 1));
            assert!(folder.exists("out/a.png") && !folder.exists("moved/a.png"));
        }
    }

    fn what_a_crash_left_aside_is_settled_whatever_the_format_is_now(how: How) {
        let (folder, content) = one();
        let daemon = Daemon::start(&folder, how, &[]);
        daemon.until_done(&folder, &["a.png"]);
        daemon.kill();
        for (flags, settled) in [(&[][..], "in/a.png"), (&MOVE, "moved/a.png")] {
            let aside = folder.path("in/.a.png.polychromify.leaving");
            fs::rename(folder.path("in/a.png"), aside).unwrap();
            let leaving = "UPDATE results SET original = 'leaving'";
            ledger(&folder).unwrap().execute(leaving, []).unwrap();
            let other_format = [flags, &["--format", "jpeg"]].concat();
            let daemon = Daemon::start(&folder, how, &other_format);
            daemon.until(settled, || folder.exists(settled));
            assert_eq!(folder.read(settled), content);
            daemon.kill();
        }
    }

    fn where_a_crash_saw_an_original_leaving_its_result_stays_and_a_later_scan_too(how: How) {
        let (folder, _) = one();
        let daemon = Daemon::start(&folder, how, &[]);
        daemon.until_done(&folder, &["a.png"]);
        daemon.kill();
        let result = folder.read("out/a.png");
        // The original went, and the ledger does not know it yet.
        ledger(&folder).unwrap().execute("UPDATE results SET original = 'leaving'", []).unwrap();
        let later = pictures::png(30, 20, 2);
        folder.write("in/a.png", &later);
        let mut daemon = Daemon::start(&folder, how, &DELETE);
        daemon.wait_for("in/a.png: failed");
        daemon.wait_for("in/a.png: done; the original stays for now");
        let retried = folder.polychromify(["retry", "-o", "out"]).code(0);
        assert!(retried.stdout.contains("in/a.png"), "{retried:#?}");
        daemon.wait_for("in/a.png: failed");
        assert_eq!((folder.read("in/a.png"), folder.read("out/a.png")), (later, result));
    }

    fn times_ahead_of_the_clock_keep_no_original_from_leaving(how: How) {
        let (folder, _) = one();
        let ahead = std::time::SystemTime::now() + Duration::from_secs(86400);
        let file = OpenOptions::new().append(true).open(folder.path("in/a.png")).unwrap();
        file.set_modified(ahead).unwrap();
        drop(file);
        let daemon = Daemon::start(&folder, how, &DELETE);
        daemon.until("the deletion", || !folder.exists("in/a.png"));
        assert!(folder.exists("out/a.png"));
    }

    fn a_result_that_never_fits_is_not_colored_again_and_again(how: How) {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        let Some(_mount) = Mount::new(folder.path("out"), "2m") else { return };
        let flags = ["--retry-delay", "10m"];
        let mut daemon = Daemon::start(&folder, how, &flags).ready(&folder);
        folder.write("in/large.tif", pictures::tiff(1500, 1000, 1));
        daemon.wait_for("large.tif: ");
        let blocked = |daemon: &Daemon| {
            let log = daemon.stderr();
            log.lines().filter(|line| line.contains("large.tif: ") && line.contains("space")).count()
        };
        daemon.until("no room", || blocked(&daemon) > 0);
        for i in 0..4 {
            folder.write(&format!("in/{i}.png"), pictures::png(30, 20, 10 + i));
            daemon.until("a small one", || folder.exists(&format!("out/{i}.png")));
            thread::sleep(Duration::from_secs(1));
        }
        assert_eq!(blocked(&daemon), 1, "{}", daemon.stderr());
    }
}
