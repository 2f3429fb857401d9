//! What a ledger in PostgreSQL is asked, and what it refuses.

use serde_json::Value;

use crate::daemon;
use crate::folder::Folder;
use crate::postgres::Cut;
use crate::workers::{batch, done, each_once, ended, scans, with_leases, work};
use crate::{folder::Run, pictures};

fn run(folder: &Folder, arguments: &[&str]) -> Run {
    Run::of(folder.command(arguments.iter().copied()).output().unwrap())
}

#[test]
fn a_worker_of_other_settings_takes_no_job_and_says_why() {
    let Some((server, folder)) = scans(3) else { return };
    let url = server.url();
    let mut first = with_leases("60", work(&folder, &url, &[])).spawn().unwrap();
    daemon::until("the worker", || {
        folder.exists("out/.polychromify/postgres")
            && server.ask("SELECT count(*) FROM workers") == "1"
    });
    for other in [&["--saturation", "0.5"][..], &["--precision", "bf16"]] {
        let unlike = ended(with_leases("60", batch(&folder, &url, other)).spawn().unwrap());
        unlike.code(2).one_error(&["takes no job", "settings"]);
    }
    server.ask("UPDATE workers SET software = 'Polychromify 9.9.9'");
    let unlike = ended(with_leases("60", batch(&folder, &url, &[])).spawn().unwrap());
    unlike.code(2).one_error(&["takes no job", "Polychromify 9.9.9"]);
    assert_eq!(server.ask("SELECT count(*) FROM jobs"), "0");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn status_retry_and_manifest_read_it_and_verify_needs_none() {
    let Some((server, folder)) = scans(5) else { return };
    let url = server.url();
    folder.write("in/bad.png", "no picture");
    ended(batch(&folder, &url, &[]).spawn().unwrap()).code(1);
    let told = run(&folder, &["status", "-o", "out", "--json", "--ledger", &url]).code(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["done"], &told["failed"]), (&5.into(), &1.into()));
    assert_eq!(told["failures"][0]["tries"], 1);
    let failed = told["failures"][0]["last_try"].as_str().unwrap();
    assert!(failed.starts_with("20") && failed.ends_with('Z'), "{failed}");
    run(&folder, &["status", "-o", "out", "--ledger", &url]).code(0);
    run(&folder, &["retry", "-o", "out", "--ledger", &url]).code(0);
    folder.write("in/bad.png", pictures::png(32, 24, 99));
    let again = ended(batch(&folder, &url, &[]).spawn().unwrap()).code(0);
    assert_eq!(done(&again), 1);
    for _ in 0..2 {
        run(&folder, &["manifest", "-o", "out", "--ledger", &url]).code(0);
    }
    run(&folder, &["verify", "out", "--strict"]).code(0);
}

#[test]
fn a_folder_whose_ledger_lies_in_postgresql_is_refused_without_it() {
    let Some((server, folder)) = scans(4) else { return };
    ended(batch(&folder, &server.url(), &[]).spawn().unwrap()).code(0);
    for arguments in
        [&["status", "-o", "out"][..], &["manifest", "-o", "out"], &["retry", "-o", "out"]]
    {
        run(&folder, arguments).code(2).one_error(&["lies in PostgreSQL", "--ledger"]);
    }
    folder.batch(["in", "-o", "out"]).code(2).one_error(&["lies in PostgreSQL"]);
    folder.batch(["in", "-o", "out", "--shard", "1/2"]).code(2).one_error(&["lies in PostgreSQL"]);
}

#[test]
fn a_database_is_the_ledger_of_one_output_folder() {
    let Some((server, folder)) = scans(1) else { return };
    let url = server.url();
    ended(batch(&folder, &url, &[]).spawn().unwrap()).code(0);
    let other = folder.batch(["in", "-o", "other", "--ledger", &url]).code(2);
    other.one_error(&["other", "ledger of another output folder"]);
}

#[test]
fn a_ledger_of_one_machine_or_of_shards_moves_into_postgresql() {
    for first in [&[][..], &["--shard", "1/2"]] {
        let Some((server, folder)) = scans(12) else { return };
        let earlier = folder.batch([&["in", "-o", "out"], first].concat()).code(0);
        let url = server.url();
        let refused = run(&folder, &["status", "-o", "out", "--ledger", &url]).code(2);
        refused.one_error(&["has a ledger of its own"]);
        let moved = ended(batch(&folder, &url, &[]).spawn().unwrap()).code(0);
        assert_eq!(done(&earlier) + done(&moved), 12);
        each_once(&server, &folder, 12);
        assert!(folder.exists("out/.polychromify/ledger-before-postgres.sqlite"));
        folder.batch(["in", "-o", "out"]).code(2).one_error(&["lies in PostgreSQL"]);
    }
}

#[test]
fn a_ledger_moves_into_no_database_of_another_folder() {
    let Some((server, folder)) = scans(2) else { return };
    let url = server.url();
    ended(batch(&folder, &url, &[]).spawn().unwrap()).code(0);
    folder.batch(["in", "-o", "other"]).code(0);
    let refused = folder.batch(["in", "-o", "other", "--ledger", &url]).code(2);
    refused.one_error(&["ledger of another output folder"]);
    let again = folder.batch(["in", "-o", "other"]).code(0);
    assert_eq!(again.summary()["skipped"], 2);
}

#[test]
fn a_batch_asks_of_its_photographs_in_bulk() {
    let Some((server, folder)) = scans(300) else { return };
    // What is colored while it is young is looked at once more.
    for _ in 0..2 {
        ended(batch(&folder, &server.url(), &[]).spawn().unwrap()).code(0);
    }
    let way = server.by_a_way_that_breaks(Cut::Never);
    let again = ended(batch(&folder, &server.url_at(way.folder()), &[]).spawn().unwrap()).code(0);
    assert_eq!(again.summary()["skipped"], 300);
    assert!(way.asked() < 60, "{} times for 300 photographs", way.asked());
}

#[test]
fn a_path_that_is_no_text_is_kept() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let Some((server, folder)) = scans(1) else { return };
    let name = OsStr::from_bytes(b"\xff\xfe.png");
    std::fs::write(folder.path("in").join(name), pictures::png(32, 24, 5)).unwrap();
    for expected in [2, 0] {
        let run = ended(batch(&folder, &server.url(), &[]).spawn().unwrap()).code(0);
        assert_eq!(done(&run), expected);
    }
    assert!(folder.path("out").join(name).exists());
}

#[test]
fn a_server_that_is_not_there_is_named_in_one_line() {
    let folder = Folder::new().file("in/a.png", pictures::png(32, 24, 1));
    let nowhere = "postgres://ada:secret@%2Fnowhere/scans";
    let run = folder.batch(["in", "-o", "out", "--ledger", nowhere]).code(2);
    assert!(!run.stderr.contains("secret"), "{run:#?}");
    run.one_error(&["postgres://ada@%2Fnowhere/scans"]);
}
