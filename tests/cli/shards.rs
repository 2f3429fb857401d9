//! A collection divided among several runs at once: each is done once, and all are seen as one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Command;
use std::thread;

use crate::folder::{Folder, Run, batch_arguments, program};
use crate::{pictures, weights};

const PHOTOGRAPHS: u32 = 12;

fn collection() -> Folder {
    (0..PHOTOGRAPHS).fold(Folder::new(), |folder, i| {
        folder.file(&format!("in/{}/{i}.png", i % 3), pictures::png(40, 30, i))
    })
}

/// Runs all shards at once.
fn all_shards(folder: &Folder, of: u32, more: &[&str]) -> Vec<Run> {
    let start = |number: u32| {
        let shard = format!("{number}/{of}");
        let arguments = ["in", "-o", "out", "--shard", &shard].into_iter();
        let arguments = batch_arguments(arguments.chain(more.iter().copied()));
        folder.command(arguments).spawn().unwrap()
    };
    let children: Vec<_> = (1..=of).map(start).collect();
    children.into_iter().map(|child| Run::of(child.wait_with_output().unwrap())).collect()
}

fn sum(runs: &[Run], of: &str) -> u64 {
    runs.iter().map(|run| run.summary()[of].as_u64().unwrap()).sum()
}

#[test]
fn shards_at_once_color_each_photograph_once_as_one_run_does() {
    let folder = collection();
    folder.batch(["in", "-o", "expected"]).code(0);
    let runs = all_shards(&folder, 3, &[]);
    let told: Vec<String> = runs
        .iter()
        .flat_map(Run::lines)
        .map(|line| line["input"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told.len(), PHOTOGRAPHS as usize);
    assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
    assert_eq!(sum(&runs, "done"), u64::from(PHOTOGRAPHS));
    assert_eq!(folder.files("out"), folder.files("expected"));
}

#[test]
fn status_sees_all_shards_as_one() {
    let folder = collection();
    all_shards(&folder, 3, &[]);
    let status = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["done"], PHOTOGRAPHS);
}

#[test]
fn manifests_list_all_shards_and_verify_finds_them() {
    let folder = collection();
    all_shards(&folder, 3, &[]);
    for _ in 0..2 {
        folder.polychromify(["manifest", "-o", "out"]).code(0);
        let table = String::from_utf8(folder.read("out/manifest.csv")).unwrap();
        assert_eq!(table.lines().count(), PHOTOGRAPHS as usize + 1);
    }
    folder.polychromify(["verify", "out", "--strict"]).code(0);
}

#[test]
fn retry_puts_back_what_failed_in_any_shard() {
    let folder = collection();
    let broken: Vec<String> = (0..6).map(|i| format!("in/broken/{i}.png")).collect();
    for name in &broken {
        folder.write(name, "no picture");
    }
    let runs = all_shards(&folder, 3, &[]);
    assert_eq!(sum(&runs, "failed"), 6);
    let retried = folder.polychromify(["retry", "-o", "out"]).code(0);
    assert_eq!(retried.stdout.lines().count(), 6);
    for name in &broken {
        folder.write(name, pictures::png(40, 30, 99));
    }
    let runs = all_shards(&folder, 3, &[]);
    assert_eq!((sum(&runs, "failed"), sum(&runs, "done")), (0, 6));
}

#[test]
fn nothing_is_colored_twice_however_a_folder_is_divided_and_brought_together() {
    let folder = collection();
    let done = |runs: &[Run]| (sum(runs, "done"), sum(runs, "skipped"), sum(runs, "failed"));
    let nothing = (0, u64::from(PHOTOGRAPHS), 0);
    all_shards(&folder, 2, &[]);
    assert_eq!(done(&all_shards(&folder, 3, &[])), nothing, "divided anew");
    assert_eq!(done(&[folder.batch(["in", "-o", "out"]).code(0)]), nothing, "brought together");
    let left = fs::read_dir(folder.path("out/.polychromify")).unwrap();
    assert!(left.flatten().all(|entry| !entry.path().is_dir()), "no ledgers of shards stay");
    assert_eq!(done(&all_shards(&folder, 5, &[])), nothing, "divided again");
}

#[test]
fn a_shard_at_work_keeps_out_a_run_over_the_whole_folder_and_is_named() {
    let folder = collection();
    all_shards(&folder, 2, &[]);
    let home = folder.path("out/.polychromify");
    let (shared, own) = (File::open(home.join("lock")).unwrap(), home.join("shard-2-of-2/lock"));
    shared.lock_shared().unwrap();
    let own = File::open(own).unwrap();
    own.lock().unwrap();
    folder.batch(["in", "-o", "out"]).code(2).one_error(&["out", "shard 2/2 is at work"]);
    folder.batch(["in", "-o", "out", "--shard", "1/3"]).code(2).one_error(&["shard 2/2"]);
    folder.batch(["in", "-o", "out", "--shard", "2/2"]).code(2).one_error(&["in use"]);
    folder.batch(["in", "-o", "out", "--shard", "1/2"]).code(0);
    drop((shared, own));
    folder.batch(["in", "-o", "out"]).code(0);
}

#[test]
fn a_run_over_the_whole_folder_keeps_shards_out() {
    let folder = collection();
    folder.batch(["in", "-o", "out"]).code(0);
    let held = File::open(folder.path("out/.polychromify/lock")).unwrap();
    held.lock().unwrap();
    folder.batch(["in", "-o", "out", "--shard", "1/2"]).code(2).one_error(&["in use"]);
}

#[test]
fn a_shard_that_is_killed_goes_on_where_it_stood() {
    let folder = (0..30).fold(Folder::new(), |folder, i| {
        folder.file(&format!("in/{i}.png"), pictures::png(300, 200, i))
    });
    folder.batch(["in", "-o", "expected"]).code(0);
    for _ in 0..3 {
        let mut child =
            folder.command(batch_arguments(["in", "-o", "out", "--shard", "1/2"])).spawn().unwrap();
        while folder.exists("out") && folder.names("out").is_empty() {
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let runs = all_shards(&folder, 2, &[]);
    assert_eq!(sum(&runs, "failed"), 0);
    assert_eq!(folder.files("out"), folder.files("expected"));
}

#[test]
#[cfg(unix)] // names that differ in case alone
fn what_cannot_be_colored_is_told_by_one_shard() {
    let folder = collection().file("in/0/0.PNG", pictures::png(40, 30, 50));
    let runs = all_shards(&folder, 3, &[]);
    assert_eq!(sum(&runs, "failed"), 1, "a twin in case alone");
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn gnu_parallel_runs_shards_as_the_documents_say() {
    if Command::new("parallel").arg("--version").output().is_err() {
        assert!(std::env::var_os("POLYCHROMIFY_READERS").is_none(), "parallel is missing");
        println!("skips: GNU parallel is not installed");
        return;
    }
    let folder = collection();
    let script = format!(
        "parallel -j 2 {} batch in --weights {} --output out --shard {{}}/4 ::: $(seq 4)",
        program().display(),
        weights::tiny()
    );
    let mut shell = Command::new("sh");
    let ran = shell.args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    Run::of(ran).code(0);
    assert_eq!(folder.names("out").len(), PHOTOGRAPHS as usize);
}
