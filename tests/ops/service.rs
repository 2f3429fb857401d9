//! The unit that `scripts/install-service` writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::folder::Run;

fn script() -> Command {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install-service");
    let mut command = Command::new(path);
    command.args(["--dry-run", "--program", env!("CARGO_BIN_EXE_polychromify")]);
    command
}

#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// The unit for a configuration file of this text; `None`, said aloud, where that cannot be tried.
fn unit(configuration: &str, arguments: &[&str]) -> Option<Run> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    if place.starts_with("/tmp") || place.starts_with("/var/tmp") {
        skipped("the repository is in /tmp, which a service does not share");
        return None;
    }
    let folder = tempfile::tempdir_in(place).unwrap();
    let config = folder.path().join("p.toml");
    fs::write(&config, configuration).unwrap();
    let Ok(output) = script().args(arguments).arg("--config").arg(config).output() else {
        skipped("scripts/install-service does not start (no bash?)");
        return None;
    };
    Some(Run::of(output))
}

#[test]
fn only_the_output_folder_is_writable_unless_originals_are_to_go() {
    let keep = "input = [\"/srv/a scans\", \"/srv/b\"]\noutput = \"/srv/100% 'new'\"\n";
    let Some(run) = unit(keep, &["--user", "archive", "--group", "scans", "--umask", "0027"])
    else {
        return;
    };
    let run = run.code(0);
    let has = |line: &str| assert!(run.stdout.lines().any(|l| l == line), "{line}: {run:#?}");
    has("ReadWritePaths=\"/srv/100%% 'new'\"");
    has("User=archive");
    has("Group=scans");
    has("UMask=0027");
    has("Type=notify");
    has("ProtectSystem=strict");
    has("IPAddressDeny=any");
    assert!(run.stdout.contains("\"/srv/a scans\""), "{run:#?}");

    let moving = "input = \"/srv/in\"\noutput = \"/srv/out\"\non-success = \"move\"\n\
                  move-to = \"/srv/done\"\nmetrics = \"127.0.0.1:9187\"\n";
    let run = unit(moving, &[]).unwrap().code(0);
    let has = |line: &str| assert!(run.stdout.lines().any(|l| l == line), "{line}: {run:#?}");
    has("ReadWritePaths=\"/srv/out\" \"/srv/in\" \"/srv/done\"");
    has("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6");
    has("User=polychromify");
}

#[test]
fn what_cannot_work_is_refused_before_a_unit_is_written() {
    for (configuration, words) in [
        ("input = \"/srv/in\"\n", "no `output`"),
        ("input = \"/tmp/in\"\noutput = \"/srv/out\"\n", "/tmp of its own"),
        ("inptu = \"/srv/in\"\n", "unknown key `inptu`"),
    ] {
        let Some(run) = unit(configuration, &[]) else { return };
        assert_ne!(run.code, Some(0), "{run:#?}");
        assert!(run.stderr.contains(words), "{run:#?}");
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn systemd_accepts_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        skipped("systemd-analyze is not there");
        return;
    }
    let folders = "input = [\"/srv/a scans\", \"/srv/b$c\"]\noutput = \"/srv/100%\"\n";
    for more in ["", "hook = \"true\"\n", "device = \"cuda\"\nmetrics = \"[::1]:9187\"\n"] {
        let arguments = ["--memory-max", "2G", "--group", "root", "--user", "root"];
        let Some(run) = unit(&format!("{folders}{more}"), &arguments) else { return };
        let run = run.code(0);
        assert!(!run.stderr.contains("not checked"), "{run:#?}");
        for line in run.stderr.lines() {
            assert!(!line.contains("polychromify.service"), "{run:#?}");
        }
    }
}
