//! What the ledger tells while the program runs.

use serde_json::Value;

use crate::daemon::{until, watch};
use crate::folder::Folder;
use crate::pictures;

#[test]
fn status_and_retry_work_beside_the_running_program() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.write("in/bad.png", "no picture, though long enough for one");
    let flags = ["--tries", "1", "--retry-delay", "50ms"];
    let daemon = watch(&folder, &flags);
    let status = || -> Value {
        let run = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    until("one is done, one failed", || {
        let told = status();
        told["done"] == 1 && told["failed"] == 1
    });
    assert!(status()["failures"][0]["input"].as_str().unwrap().ends_with("in/bad.png"));
    let tries = || status()["failures"][0]["tries"].as_u64();
    assert!(tries().is_some());
    folder.polychromify(["retry", "-o", "out"]).code(0);
    until("it was tried again", || status()["failed"] == 1);
    daemon.stop();
}

#[test]
fn without_an_output_the_configured_one_is_meant() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    folder.batch(["in", "-o", "here/out"]).code(0);
    folder.write("here/p.toml", "output = \"out\"\n");
    let at = ["status", "--config", "here/p.toml"];
    assert!(folder.polychromify(at).code(0).stdout.starts_with("1 done"));
    let mut command = folder.command(["status"]);
    let told = command.env("POLYCHROMIFY_OUTPUT", "here/out").output().unwrap();
    assert!(String::from_utf8(told.stdout).unwrap().starts_with("1 done"));
    folder.write(".config/polychromify/config.toml", "output = \"../../here/out\"\n");
    assert!(folder.polychromify(["status"]).code(0).stdout.starts_with("1 done"));
    folder.polychromify(["status", "-o", "elsewhere"]).code(2).one_error(&["elsewhere"]);
}
