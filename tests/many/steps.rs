//! A worker that is killed at a step of a job, or sleeps there beyond its lease. Steps of the ledger are
//! held on the way to the server, those of files by strace.

use std::process::Child;

use rustix::process::Signal;

use crate::daemon;
use crate::folder::Folder;
use crate::pictures;
use crate::postgres::{Cut, Server, Way};
use crate::strace;
use crate::workers::{batch, done, each_once, ended, signal, work};

// Words of statements that begin or end a step.
const START: &str = "reason = NULL, temporary = $3";
pub(crate) const INTEND: &str = "SET state = 'publishing'";
const PUBLISH: &str = "INSERT INTO results";
const LEAVE: &str = "DELETE FROM workers WHERE id";

/// A server and a folder with one scan that is done, and one that is to be done.
fn one_left() -> Option<(Server, Folder)> {
    let server = Server::start()?;
    let folder = Folder::new().file("in/done.png", pictures::png(32, 24, 2));
    ended(batch(&folder, &server.url(), &[]).spawn().unwrap()).code(0);
    folder.write("in/a.png", pictures::png(1500, 1000, 1));
    Some((server, folder))
}

/// A worker that is held at a step.
fn held(server: &Server, folder: &Folder, at: Cut) -> (Way, Child) {
    let way = server.by_a_way_that_breaks(at);
    let worker = batch(folder, &server.url_at(way.folder()), &["--jobs", "1"]).spawn().unwrap();
    way.until_held();
    (way, worker)
}

/// Another worker does what the killed one left, which is `done` jobs; each has one result then.
#[track_caller]
fn is_made_up_for(server: &Server, folder: &Folder, expected: u64) {
    let second = ended(batch(folder, &server.url(), &["--jobs", "1"]).spawn().unwrap()).code(0);
    assert_eq!(done(&second), expected, "{second:#?}");
    each_once(server, folder, 2);
}

/// Kills a worker at a step of the ledger; gives what it leaves in the output folder.
fn killed_at(at: Cut) -> Option<(Server, Folder, Vec<String>)> {
    let (server, folder) = one_left()?;
    let (way, mut worker) = held(&server, &folder, at);
    worker.kill().unwrap();
    worker.wait().unwrap();
    way.let_go();
    let left = folder.names("out").into_iter().filter(|name| name != "done.png").collect();
    Some((server, folder, left))
}

fn has_temporary(left: &[String]) -> bool {
    left.len() == 1 && left[0].starts_with(".a.png.polychromify-")
}

#[test]
fn killed_when_a_job_was_taken() {
    let Some((server, folder, left)) = killed_at(Cut::HoldStatement(START)) else { return };
    assert!(left.is_empty(), "{left:?}");
    is_made_up_for(&server, &folder, 1);
}

#[test]
fn killed_while_it_colors() {
    let Some((server, folder)) = one_left() else { return };
    let mut worker = batch(&folder, &server.url(), &["--jobs", "1"]).spawn().unwrap();
    daemon::until("the temporary file", || {
        folder.names("out").iter().any(|name| name.starts_with(".a.png."))
    });
    worker.kill().unwrap();
    worker.wait().unwrap();
    // On a busy machine it may have come further before the kill.
    let expected = u64::from(!folder.exists("out/a.png"));
    is_made_up_for(&server, &folder, expected);
}

#[test]
fn killed_when_the_temporary_file_was_written_and_not_synced() {
    let Some((server, folder)) = one_left() else { return };
    let kills = ["trace=fsync", "inject=fsync:signal=SIGKILL:when=1"];
    let Some(mut worker) = strace::with(&batch(&folder, &server.url(), &["--jobs", "1"]), &kills)
    else {
        return;
    };
    worker.spawn().unwrap().wait().unwrap();
    assert_eq!(server.ask("SELECT state FROM jobs ORDER BY id"), "done\nrunning");
    assert!(folder.names("out").iter().any(|name| name.starts_with(".a.png.")));
    is_made_up_for(&server, &folder, 1);
}

#[test]
fn killed_when_the_temporary_file_was_synced() {
    let Some((server, folder, left)) = killed_at(Cut::HoldStatement(INTEND)) else { return };
    assert!(has_temporary(&left), "{left:?}");
    is_made_up_for(&server, &folder, 1);
}

#[test]
fn killed_when_publishing_was_recorded() {
    let Some((server, folder, left)) = killed_at(Cut::HoldCommit(INTEND)) else { return };
    assert!(has_temporary(&left), "{left:?}");
    is_made_up_for(&server, &folder, 1);
}

#[test]
fn killed_when_the_result_had_its_name() {
    let Some((server, folder, left)) = killed_at(Cut::HoldStatement(PUBLISH)) else { return };
    assert_eq!(left, ["a.png"]);
    is_made_up_for(&server, &folder, 0);
}

#[test]
fn killed_when_done_was_recorded_and_not_acknowledged() {
    let Some((server, folder, left)) = killed_at(Cut::HoldCommit(PUBLISH)) else { return };
    assert_eq!(left, ["a.png"]);
    is_made_up_for(&server, &folder, 0);
}

#[test]
fn killed_when_done_was_acknowledged() {
    let Some((server, folder, left)) = killed_at(Cut::HoldStatement(LEAVE)) else { return };
    assert_eq!(left, ["a.png"]);
    is_made_up_for(&server, &folder, 0);
}

/// Has a worker sleep at a step until another one is through, which does `expected` jobs; gives the
/// sleeper's run.
fn sleeps_at(at: Cut, expected: u64) -> Option<(Server, Folder, crate::folder::Run)> {
    let (server, folder) = one_left()?;
    let (way, worker) = held(&server, &folder, at);
    signal(&worker, Signal::STOP);
    is_made_up_for(&server, &folder, expected);
    let before = server.ask("SELECT id, fence, worker, ended_at FROM jobs ORDER BY id");
    signal(&worker, Signal::CONT);
    way.let_go();
    let slept = ended(worker);
    assert_eq!(server.ask("SELECT id, fence, worker, ended_at FROM jobs ORDER BY id"), before);
    each_once(&server, &folder, 2);
    Some((server, folder, slept))
}

#[test]
fn who_sleeps_when_publishing_is_recorded_publishes_nothing() {
    let Some((.., slept)) = sleeps_at(Cut::HoldCommit(INTEND), 1) else { return };
    let told = slept.summary();
    assert_eq!((&told["done"], &told["failed"]), (&0.into(), &0.into()), "{slept:#?}");
}

#[test]
fn who_sleeps_when_the_result_has_its_name_made_the_one_result() {
    let Some((.., slept)) = sleeps_at(Cut::HoldStatement(PUBLISH), 0) else { return };
    assert_eq!(done(&slept), 1, "{slept:#?}");
}

#[test]
fn work_goes_on_after_a_job_that_another_one_has_by_now() {
    let Some((server, folder)) = one_left() else { return };
    let way = server.by_a_way_that_breaks(Cut::HoldStatement(PUBLISH));
    let sleeper = work(&folder, &server.url_at(way.folder()), &["--jobs", "1"]).spawn().unwrap();
    daemon::until("the worker", || server.ask("SELECT count(*) FROM workers") == "1");
    let flags = ["--no-work", "--ledger", &server.url()];
    let watch = daemon::command(&folder, daemon::How::Events, &flags);
    let watch = daemon::Daemon::spawn(watch);
    way.until_held();
    signal(&sleeper, Signal::STOP);
    is_made_up_for(&server, &folder, 0);
    signal(&sleeper, Signal::CONT);
    way.let_go();
    folder.write("in/next.png", pictures::png(32, 24, 5));
    watch.until("the next result", || folder.exists("out/next.png"));
    watch.stop();
    signal(&sleeper, Signal::TERM);
    ended(sleeper).code(130);
}

/// A name is given by looking and renaming where the file system has nothing better, as on CIFS without
/// extensions. The lease runs out in between, and the job stays its worker's.
#[test]
fn a_name_that_is_given_in_two_steps_is_given_under_the_lock_of_its_row() {
    let Some((server, folder)) = one_left() else { return };
    let two_steps = [
        "trace=renameat,renameat2,linkat",
        "inject=renameat2:error=EINVAL",
        "inject=linkat:error=EPERM",
        "inject=renameat:delay_enter=8000000",
    ];
    let worker = batch(&folder, &server.url(), &["--jobs", "1"]);
    let Some(mut worker) = strace::with(&worker, &two_steps) else { return };
    let worker = worker.spawn().unwrap();
    daemon::until("the lock", || {
        server.ask(
            "SELECT count(*) FROM pg_stat_activity
             WHERE state = 'idle in transaction' AND query LIKE '%FROM intents%FOR UPDATE%'",
        ) == "1"
    });
    let second = batch(&folder, &server.url(), &["--jobs", "1"]).spawn().unwrap();
    daemon::until("a lease that ran out and that nobody took", || {
        server.ask("SELECT fence FROM jobs WHERE output = 'a.png' AND lease < server_now() - 1500")
            == "1"
    });
    assert_eq!(done(&ended(worker).code(0)), 1);
    assert_eq!(done(&ended(second).code(0)), 0);
    each_once(&server, &folder, 2);
}
