//! Folders that are watched by a ledger in PostgreSQL.

use std::fs;

use rustix::process::Signal;

use crate::daemon::{self, Daemon, How};
use crate::postgres::Server;
use crate::workers::{batch, each_once, ended, scans, work};
use crate::{faults, pictures};

#[test]
fn a_watch_that_does_no_work_leaves_it_to_others() {
    let Some((server, folder)) = scans(2) else { return };
    let url = server.url();
    let flags = ["--no-work", "--ledger", &url];
    let watch = Daemon::spawn(daemon::command(&folder, How::Events, &flags));
    watch.until("the queue", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM jobs WHERE state = 'queued'") == "2"
    });
    assert!(folder.names("out").is_empty());
    let mut worker = work(&folder, &url, &[]).spawn().unwrap();
    watch.until("the results", || folder.names("out").len() == 2);
    folder.write("in/dropped.png", pictures::png(32, 24, 9));
    watch.until("what was dropped", || folder.exists("out/dropped.png"));
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn a_watch_colors_what_is_dropped_and_what_others_queued() {
    let Some((server, folder)) = scans(2) else { return };
    let url = server.url();
    let flags = ["--ledger", &url];
    let watch = Daemon::spawn(daemon::command(&folder, How::Events, &flags)).ready(&folder);
    folder.write("in/dropped.png", pictures::png(32, 24, 9));
    watch.until("what was dropped", || folder.exists("out/dropped.png"));
    watch.until("all of it", || server.ask("SELECT count(*) FROM results") == "4");
    folder.write("in/bad.png", "no picture");
    let failed = "SELECT count(*) FROM jobs WHERE state = 'failed' AND tries = 3";
    watch.until("the failure, after its tries", || server.ask(failed) == "1");
}

/// Its input folder is as where a share is not mounted. It takes a job no oftener than every two seconds,
/// which a wait that never is shorter makes sure on a machine of any speed.
#[test]
fn a_watch_that_is_cut_off_leaves_its_jobs_to_others_for_a_while() {
    let Some((server, folder)) = scans(1) else { return };
    let url = server.url();
    let flags = ["--ledger", &url, "--no-work"];
    let notices = Daemon::spawn(daemon::command(&folder, How::Events, &flags));
    notices.until("the queue", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM jobs WHERE state = 'queued'") == "1"
    });
    notices.stop();
    fs::rename(folder.path("in"), folder.path("share")).unwrap();
    fs::create_dir(folder.path("in")).unwrap();
    let number = |sql: &str| server.ask(sql).parse::<i64>().unwrap();
    let start = number("SELECT server_now()");
    let flags = ["--ledger", &url, "--jobs", "1"];
    let watch = Daemon::spawn(daemon::command(&folder, How::Events, &flags));
    let taken = || number("SELECT sum(fence) FROM jobs");
    watch.until("some tries", || taken() >= 6);
    let (taken, took) = (taken(), number("SELECT server_now()") - start);
    assert!(taken <= took / 2000 + 2, "{taken} times in {took} ms:\n{}", watch.stderr());
    fs::remove_dir(folder.path("in")).unwrap();
    fs::rename(folder.path("share"), folder.path("in")).unwrap();
    watch.until("the result", || folder.exists("out/0/0.png"));
    watch.stop();
    // The scan may have been noticed once more with its folder, and be in the queue again.
    ended(batch(&folder, &url, &[]).spawn().unwrap()).code(0);
    each_once(&server, &folder, 1);
}

/// Waits until all that was noticed is recorded: what is in hand waits for the server on its own account.
fn until_idle(watch: &Daemon, server: &Server) {
    let done = "SELECT count(*) FROM jobs WHERE state = 'done'";
    watch.until("a scan and the probe, done", || server.ask(done) == "2");
}

#[test]
fn a_watch_that_reads_its_configuration_again_waits_for_a_server_that_is_away() {
    let Some((mut server, folder)) = scans(1) else { return };
    let flags = ["--ledger", &server.url()];
    let mut watch = Daemon::spawn(daemon::command(&folder, How::Events, &flags)).ready(&folder);
    until_idle(&watch, &server);
    server.kill();
    watch.signal(Signal::HUP);
    watch.wait_for("read again, nothing changed");
    watch.wait_for("; waiting for it");
    server.go_on();
    watch.wait_for("watching");
    folder.write("in/dropped.png", pictures::png(32, 24, 9));
    watch.until("what was dropped", || folder.exists("out/dropped.png"));
}

#[test]
fn a_watch_that_stops_while_the_server_is_away_ends_as_any_other() {
    let Some((mut server, folder)) = scans(1) else { return };
    let flags = ["--ledger", &server.url()];
    let watch = Daemon::spawn(daemon::command(&folder, How::Events, &flags)).ready(&folder);
    until_idle(&watch, &server);
    server.kill();
    let log = watch.stop();
    assert!(log.last().unwrap().contains("stopped: "), "{log:#?}");
}

#[test]
fn a_worker_whose_clock_is_ahead_tries_again_when_the_others_would() {
    let Some((server, folder)) = scans(0) else { return };
    folder.write("in/bad.png", "no picture");
    let flags = ["--ledger", &server.url()];
    let watch = daemon::command(&folder, How::Events, &flags);
    let watch = Daemon::spawn(faults::with(watch, &[("FAULT_CLOCK", "3600")]));
    let failed = "SELECT count(*) FROM jobs WHERE state = 'failed' AND tries = 3";
    watch.until("the failure, after its tries", || {
        folder.exists("out/.polychromify/postgres") && server.ask(failed) == "1"
    });
}

#[test]
fn what_only_one_machine_can_do_is_refused() {
    let Some((server, folder)) = scans(1) else { return };
    let url = server.url();
    for alone in [["--on-success", "delete"], ["--duplicates", "skip"], ["--hook", "true"]] {
        let flags = [&["--ledger", &url][..], &alone].concat();
        let refused = daemon::command(&folder, How::Events, &flags).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8(refused.stderr).unwrap().contains(alone[0]));
    }
    assert!(folder.exists("in/0/0.png"));
}
