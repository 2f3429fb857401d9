//! Workers that die, sleep, or lose what they work with: nothing is lost, and nothing made twice.

use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::daemon;
use crate::folder::Folder;
use crate::pictures;
use crate::postgres::{Cut, Server};
use crate::steps::INTEND;
use crate::workers::{batch, done, each_once, ended, scans, signal, with_leases, work};

#[test]
fn workers_killed_at_any_moment_lose_nothing_and_leave_nothing_half_done() {
    let Some((server, folder)) = scans(60) else { return };
    let url = server.url();
    let (mut share, mut kills) = (0.1, 0);
    while kills < 12 {
        let mut child = batch(&folder, &url, &["--sidecar"]).spawn().unwrap();
        thread::sleep(Duration::from_secs_f64(0.2 + share));
        share = (share + 0.618) % 1.0; // a walk that leaves no large gap in 0..1
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    ended(batch(&folder, &url, &["--sidecar"]).spawn().unwrap()).code(0);
    folder.batch(["in", "-o", "expected", "--sidecar"]).code(0);
    assert_eq!(folder.files("out"), folder.files("expected"));
    assert_eq!(server.ask("SELECT state, count(*) FROM jobs GROUP BY state"), "done|60");
}

/// A scan that takes a while, and a worker that is stopped in the midst of it.
fn stopped_in_the_midst() -> Option<(Server, Folder, Child)> {
    for _ in 0..10 {
        let server = Server::start()?;
        let folder = Folder::new().file("in/a.png", pictures::png(3000, 2000, 1));
        let child = batch(&folder, &server.url(), &["--jobs", "1"]).spawn().unwrap();
        let is_running = || server.ask("SELECT state FROM jobs") == "running";
        daemon::until("the job", || folder.exists("out/.polychromify/postgres") && is_running());
        signal(&child, Signal::STOP);
        if is_running() {
            return Some((server, folder, child));
        }
        // The machine was too busy to stop it in time.
        signal(&child, Signal::CONT);
        ended(child);
    }
    panic!("no worker was stopped before its job ended");
}

#[test]
fn a_worker_that_sleeps_beyond_its_lease_publishes_nothing() {
    let Some((server, folder, zombie)) = stopped_in_the_midst() else { return };
    let second = ended(batch(&folder, &server.url(), &["--jobs", "1"]).spawn().unwrap()).code(0);
    assert_eq!(done(&second), 1);
    let before = server.ask("SELECT fence, worker, ended_at FROM jobs");
    signal(&zombie, Signal::CONT);
    let zombie = ended(zombie);
    assert_eq!(done(&zombie), 0, "{zombie:#?}");
    assert_eq!(server.ask("SELECT fence, worker, ended_at FROM jobs"), before);
    each_once(&server, &folder, 1);
}

#[test]
fn a_server_that_is_killed_and_started_again_stops_nobody() {
    let Some((mut server, folder)) = scans(200) else { return };
    let url = server.url();
    let children = [(); 2].map(|()| batch(&folder, &url, &["--jobs", "1"]).spawn().unwrap());
    for results in [20, 80] {
        daemon::until("some results", || {
            folder.exists("out") && folder.names("out").len() > results
        });
        server.kill();
        thread::sleep(Duration::from_millis(500));
        server.go_on();
    }
    for child in children {
        ended(child).code(0);
    }
    each_once(&server, &folder, 200);
}

#[test]
fn a_connection_that_is_cut_again_and_again_is_opened_again() {
    let Some((server, folder)) = scans(40) else { return };
    let way = server.by_a_way_that_breaks(Cut::Before(97));
    ended(batch(&folder, &server.url_at(way.folder()), &[]).spawn().unwrap()).code(0);
    assert!(way.cuts() > 3, "{}", way.cuts());
    each_once(&server, &folder, 40);
}

#[test]
fn a_result_counts_once_whose_acknowledgement_was_lost() {
    let Some((server, folder)) = scans(40) else { return };
    let way = server.by_a_way_that_breaks(Cut::AfterCommit(7));
    let worker = work(&folder, &server.url_at(way.folder()), &[]);
    let worker = with_leases("5", worker).spawn().unwrap();
    daemon::until("the worker", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM workers") == "1"
    });
    let mut batch = with_leases("5", batch(&folder, &server.url(), &["--jobs", "1"]));
    let batch = ended(batch.spawn().unwrap()).code(0);
    let of_worker = 40 - done(&batch);
    assert_eq!(server.ask("SELECT sum(done) FROM workers"), of_worker.to_string());
    signal(&worker, Signal::TERM);
    ended(worker).code(130);
}

#[test]
fn an_acknowledgement_that_is_lost_after_the_commit_changes_nothing() {
    let Some((server, folder)) = scans(40) else { return };
    let way = server.by_a_way_that_breaks(Cut::AfterCommit(11));
    ended(batch(&folder, &server.url_at(way.folder()), &[]).spawn().unwrap()).code(0);
    assert!(way.cuts() > 3, "{}", way.cuts());
    each_once(&server, &folder, 40);
}

#[test]
fn a_file_that_kills_its_workers_ends_as_failed() {
    let server = Server::start();
    let Some(server) = server else { return };
    let folder = Folder::new().file("in/poison.png", pictures::png(32, 24, 1));
    for _ in 0..30 {
        // None comes further than to the end of its work.
        let way = server.by_a_way_that_breaks(Cut::HoldStatement(INTEND));
        let mut worker = batch(&folder, &server.url_at(way.folder()), &["--jobs", "1"]);
        let mut child = worker.spawn().unwrap();
        while child.try_wait().unwrap().is_none() && !way.is_held() {
            thread::sleep(Duration::from_millis(20));
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        way.let_go();
        thread::sleep(Duration::from_millis(1100));
    }
    assert_eq!(server.ask("SELECT state, tries FROM jobs"), "failed|10");
    assert!(server.ask("SELECT reason FROM jobs").contains("ended again and again"));
    assert!(folder.names("out").is_empty(), "and no temporary file stays");
}

/// A worker that sees an empty folder in place of `in`, as where a share is not mounted; `None`, and
/// says so, where this user may not.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn cut_off(command: &Command, folder: &Folder) -> Option<Command> {
    let may = Command::new("unshare").args(["-m", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("skipped: this user unshares nothing");
        return None;
    }
    let mut cut_off = Command::new("unshare");
    cut_off.args(["-m", "sh", "-c", "mount -t tmpfs none in && exec \"$@\"", "sh"]);
    cut_off.arg(command.get_program()).args(command.get_args()).current_dir(folder.path(""));
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            cut_off.env(name, value);
        }
    }
    cut_off.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    Some(cut_off)
}

#[test]
fn a_worker_whose_folder_went_away_leaves_its_jobs_to_others() {
    let Some((server, folder)) = scans(30) else { return };
    let url = server.url();
    let Some(mut cut_off) = cut_off(&work(&folder, &url, &["--jobs", "1"]), &folder) else {
        return;
    };
    let worker = cut_off.spawn().unwrap();
    daemon::until("the worker", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM workers") == "1"
    });
    ended(batch(&folder, &url, &["--jobs", "1"]).spawn().unwrap()).code(0);
    signal(&worker, Signal::TERM);
    let worker = ended(worker).code(130);
    assert_eq!((done(&worker), &worker.summary()["failed"]), (0, &0.into()));
    each_once(&server, &folder, 30);
}
