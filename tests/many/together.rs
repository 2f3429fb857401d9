//! Workers at work together.

use crate::workers::{batch, done, each_once, ended, scans, signal, work};
use crate::{daemon, folder::Run};

/// Colors so many scans by so many workers; gives what each did.
#[track_caller]
fn color(workers: usize, of: u32) {
    let Some((server, folder)) = scans(of) else { return };
    let url = server.url();
    let children: Vec<_> =
        (0..workers).map(|_| batch(&folder, &url, &["--jobs", "1"]).spawn().unwrap()).collect();
    let runs: Vec<Run> = children.into_iter().map(|child| ended(child).code(0)).collect();
    let sum: u64 = runs.iter().map(done).sum();
    assert_eq!(sum, u64::from(of), "each is done by one worker");
    assert!(
        runs.iter().filter(|run| done(run) > 0).count() > 1,
        "more than one had something to do"
    );
    each_once(&server, &folder, of as usize);
}

/// As many scans as `scripts/many` asks for, else fewer.
fn many() -> u32 {
    std::env::var("POLYCHROMIFY_SCANS").ok().and_then(|scans| scans.parse().ok()).unwrap_or(200)
}

#[test]
fn two_workers_make_each_result_once() {
    color(2, many());
}

#[test]
fn eight_workers_make_each_result_once() {
    color(8, many());
}

#[test]
fn work_does_what_batch_put_into_the_queue_until_it_is_stopped() {
    let Some((server, folder)) = scans(40) else { return };
    let url = server.url();
    let worker = work(&folder, &url, &["--jobs", "1"]).spawn().unwrap();
    let run = ended(batch(&folder, &url, &["--jobs", "1"]).spawn().unwrap()).code(0);
    signal(&worker, rustix::process::Signal::TERM);
    let worked = ended(worker).code(130);
    assert_eq!(done(&run) + done(&worked), 40);
    let elsewhere = run.summary()["elsewhere"].as_u64().unwrap_or_default();
    assert_eq!(elsewhere, done(&worked), "{run:#?}");
    each_once(&server, &folder, 40);
}

#[test]
fn an_idle_worker_is_woken_by_what_is_queued() {
    let Some((server, folder)) = scans(3) else { return };
    let url = server.url();
    let mut worker = work(&folder, &url, &[]).spawn().unwrap();
    daemon::until("the worker", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM workers") == "1"
    });
    let settings =
        server.ask("SELECT weights || ''',''' || settings || ''',''' || software FROM workers");
    for name in ["0/0.png", "1/1.png", "2/2.png"] {
        let input = folder.path("in").canonicalize().unwrap().join(name);
        server.ask(&format!(
            "INSERT INTO jobs (output, input, weights, settings, software, state, queued_at)
             VALUES ('{name}', '{}', '{settings}', 'queued', 1);
             NOTIFY polychromify",
            input.display()
        ));
    }
    daemon::until("the results", || folder.names("out").len() == 3);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn status_tells_of_workers_and_what_they_hold() {
    let Some((server, folder)) = scans(2) else { return };
    let url = server.url();
    let mut worker = work(&folder, &url, &[]).spawn().unwrap();
    daemon::until("the worker", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM workers") == "1"
    });
    let mut status = folder.command(["status", "-o", "out", "--json", "--ledger", &url]);
    let told = Run::of(status.output().unwrap()).code(0);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let of = &told["workers"][0];
    assert_eq!(of["process"], worker.id());
    assert_eq!((&of["holds"], &of["done"]), (&0.into(), &0.into()));
    worker.kill().unwrap();
    worker.wait().unwrap();
}
