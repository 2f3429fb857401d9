//! The command line: refusals before anything starts, exit codes, JSON.

use serde_json::Value;

use crate::folder::{Folder, slashes};
use crate::mount::Mount;
use crate::{pictures, weights};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn json_has_one_line_an_input_and_a_summary() {
    let folder = Folder::new()
        .file("in/good.png", pictures::png(30, 20, 1))
        .file("in/bad.png", "no picture");
    let run = folder.batch(["in", "-o", "out"]).code(1);
    let expected = [
        "input",
        "output",
        "status",
        "reason",
        "seconds",
        "width",
        "height",
        "sha256_input",
        "sha256_output",
        "toned",
        "notices",
    ];
    assert_eq!(run.lines().len(), 2);
    for line in run.lines() {
        assert_eq!(keys(&line), expected);
    }
    let good = run.line("in/good.png");
    assert_eq!(good["output"], "out/good.png");
    assert_eq!((&good["status"], &good["reason"]), (&"done".into(), &Value::Null));
    assert_eq!((&good["width"], &good["height"]), (&30.into(), &20.into()));
    assert_eq!(good["sha256_output"], folder.files("out")["good.png"].as_str());
    let bad = run.line("in/bad.png");
    assert_eq!(bad["status"], "failed");
    assert!(!bad["reason"].as_str().unwrap().is_empty());
    let summary = run.summary();
    assert_eq!(keys(&summary), ["done", "skipped", "failed", "queued", "seconds"]);
    assert_eq!((&summary["done"], &summary["failed"]), (&1.into(), &1.into()));
}

#[test]
fn without_json_stdout_stays_empty() {
    let folder = Folder::new().file("a.png", pictures::png(30, 20, 1));
    let run = folder.polychromify(["batch", "a.png", "-o", "out", "--weights", weights::tiny()]);
    let run = run.code(0);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("1 done, 0 skipped, 0 failed"), "{run:#?}");
    let quiet = ["batch", "a.png", "-q", "-o", "out", "--weights", weights::tiny()];
    assert_eq!(folder.polychromify(quiet).code(0).stderr, "");
}

#[test]
fn a_dry_run_tells_what_it_would_do_and_writes_nothing() {
    let folder =
        Folder::new().file("in/a.png", pictures::png(30, 20, 1)).file("in/bad.tif", "no picture");
    let run = folder.batch(["in", "-o", "out", "--dry-run"]).code(1);
    let line = run.line("in/a.png");
    assert_eq!((&line["status"], &line["width"]), (&"skipped".into(), &30.into()));
    let bytes = line["estimated_bytes"].as_u64().unwrap();
    assert!(line["estimated_seconds"].as_f64().unwrap() >= 0.0);
    let estimate = run.summary()["estimate"].clone();
    assert_eq!((&estimate["bytes"], &estimate["fits"]), (&bytes.into(), &true.into()));
    assert!(estimate["free_bytes"].as_u64().unwrap() > bytes);
    assert!(run.stderr.contains("1 would be colored in about"), "{run:#?}");
    assert_eq!(run.status("in/bad.tif"), "failed");
    assert!(!folder.exists("out"));

    folder.batch(["in", "-o", "out"]).code(1);
    assert_eq!(bytes, folder.read("out/a.png").len() as u64, "measured on itself, it is exact");
    let before = folder.read("out/.polychromify/ledger.sqlite");
    folder.write("in/new.png", pictures::png(30, 20, 2));
    let run = folder.batch(["in", "-o", "out", "--dry-run"]).code(1);
    assert_eq!(run.line("in/a.png")["reason"], "done already");
    assert!(run.line("in/new.png")["reason"].as_str().unwrap().contains("would be colored"));
    assert_eq!(folder.names("out"), ["a.png"]);
    assert_eq!(folder.read("out/.polychromify/ledger.sqlite"), before);
}

#[test]
fn a_dry_run_warns_of_results_that_do_not_fit_on_the_disk() {
    let folder = Folder::new().file("in/a.png", pictures::png(900, 900, 1));
    let Some(_mount) = Mount::new(folder.path("out"), "64k") else { return };
    let run = folder.batch(["in", "-o", "out", "--dry-run"]).code(0);
    assert!(run.stderr.contains("results would take about"), "{}", run.stderr);
    assert!(run.stderr.contains("64.00 KiB are free there"), "{}", run.stderr);
    assert_eq!(run.summary()["estimate"]["fits"], false);
    assert!(folder.names("out").is_empty());

    let elsewhere = folder.batch(["in", "-o", "elsewhere", "--dry-run"]).code(0);
    assert!(!elsewhere.stderr.contains("are free there"), "{}", elsewhere.stderr);
    assert_eq!(elsewhere.summary()["estimate"]["fits"], true);
}

#[test]
fn a_photograph_is_never_overwritten_by_its_own_result() {
    let folder = Folder::new().file("photo.jpg", pictures::jpeg(30, 20, 1));
    let before = folder.files(".");
    folder.batch(["photo.jpg", "--output", "."]).code(2).one_error(&["photo.jpg", "--output"]);
    folder.batch(["photo.jpg", "--output", ".", "--force"]).code(2);
    assert_eq!(folder.files("."), before);
    folder.batch(["photo.jpg", "--output", ".", "--format", "png"]).code(0);
    assert_eq!(folder.names("."), ["photo.jpg", "photo.jpg.png"]);
    assert_eq!(folder.files(".")["photo.jpg"], before["photo.jpg"]);
}

#[test]
fn inputs_that_would_become_one_result_are_refused_by_name() {
    let folder = Folder::new()
        .file("in/x.jpg", pictures::jpeg(30, 20, 1))
        .file("other/x.jpg", pictures::jpeg(30, 20, 3));
    let run = folder.batch(["in/x.jpg", "other/x.jpg", "-o", "out"]).code(2);
    run.one_error(&["in/x.jpg", "other/x.jpg"]);
    assert!(!folder.exists("out"));
}

#[test]
fn output_and_input_folders_in_each_other_are_refused() {
    let folder = Folder::new().file("in/sub/x.jpg", pictures::jpeg(30, 20, 1));
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path("in"), folder.path("link")).unwrap();
    let through_link = if cfg!(unix) { "link/out" } else { "in/other" };
    for output in ["in", "in/out", through_link, "."] {
        folder.batch(["in", "-o", output]).code(2).one_error(&["in", "output"]);
    }
    assert_eq!(folder.names("in"), ["sub/x.jpg"]);
    assert!(!folder.exists(".polychromify"));
}

#[test]
fn arguments_that_do_not_fit_end_with_2() {
    let folder = Folder::new().file("a.png", pictures::png(30, 20, 1)).file("file", "");
    for wrong in [
        &["a.png"][..],
        &["-o", "out"],
        &["a.png", "-o", "out", "--saturation", "-1"],
        &["a.png", "-o", "out", "--saturation", "nan"],
        &["a.png", "-o", "out", "--quality", "0"],
        &["a.png", "-o", "out", "--quality", "101"],
        &["a.png", "-o", "out", "--format", "gif"],
        &["a.png", "-o", "out", "--max-side", "0"],
        &["a.png", "-o", "out", "--jobs", "0"],
        &["a.png", "-o", "out", "--memory", "lots"],
        &["a.png", "-o", "out", "--device", "abacus"],
        &["a.png", "-o", "file"],
        &["a.png", "-o", "file/below"],
        &["a.png", "-o", "out", "--hints", "none.json"],
        &["nowhere.png", "-o", "out"],
    ] {
        folder.batch(wrong.iter().copied()).code(2);
    }
    assert!(!folder.exists("out"));
}

#[test]
fn weights_that_do_not_fit_are_refused_with_their_reason() {
    let folder = Folder::new()
        .file("a.png", pictures::png(30, 20, 1))
        .file("text.safetensors", "not weights")
        .file("network.safetensors", weights::of_another_network())
        .file("shape.safetensors", weights::of_another_shape());
    for (name, words) in [
        ("unheard-of", &["unheard-of"][..]),
        ("none.safetensors", &["none.safetensors"]),
        ("text.safetensors", &["text.safetensors"]),
        ("network.safetensors", &["network.safetensors", "vivacious"]),
        ("shape.safetensors", &["shape.safetensors", "dense.0", "8", "9"]),
    ] {
        for extra in [&[][..], &["--dry-run"]] {
            let arguments = ["batch", "a.png", "-o", "out", "--weights", name];
            let run = folder.polychromify(arguments.iter().chain(extra).copied()).code(2);
            let run = run.one_error(words);
            assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
        }
    }
    assert!(!folder.exists("out"));
}

#[test]
#[cfg(unix)] // the environment does not say where the user's folder is on Windows
fn weights_are_found_by_name_in_the_users_folder() {
    let folder = Folder::new().file("a.png", pictures::png(30, 20, 1));
    let own = ".local/share/polychromify/weights/mine.safetensors";
    folder.write(own, std::fs::read(weights::tiny()).unwrap());
    folder.polychromify(["batch", "a.png", "-o", "out", "--weights", "mine"]).code(0);
    assert!(folder.exists("out/a.png"));
}

#[test]
fn an_empty_folder_is_named_and_nothing_is_made() {
    let folder = Folder::new().file("in/notes.txt", "");
    let run = folder.batch(["in", "-o", "out"]).code(0);
    assert!(run.stderr.contains("in: no photographs"), "{run:#?}");
    assert_eq!(run.summary()["done"], 0);
    assert!(!folder.exists("out"));
}

#[test]
fn status_and_retry_tell_what_the_ledger_knows() {
    let folder =
        Folder::new().file("in/a.png", pictures::png(30, 20, 1)).file("in/bad.png", "no picture");
    folder.polychromify(["status", "-o", "out"]).code(2).one_error(&["out", "ledger"]);
    folder.polychromify(["retry", "-o", "out"]).code(2);
    assert!(!folder.exists("out"));
    folder.batch(["in", "-o", "out"]).code(1);
    folder.batch(["in", "-o", "out"]).code(1);

    let status = || -> Value {
        let run = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    let told = status();
    assert_eq!(
        keys(&told),
        [
            "done",
            "failed",
            "queued",
            "skipped",
            "rate_per_minute",
            "running",
            "workers",
            "failures",
            "made",
            "notices",
            "verdicts"
        ]
    );
    assert_eq!((&told["done"], &told["failed"]), (&1.into(), &1.into()));
    let failure = &told["failures"][0];
    assert_eq!(keys(failure), ["input", "reason", "tries", "last_try"]);
    assert!(slashes(failure["input"].as_str().unwrap()).ends_with("in/bad.png"));
    assert_eq!(failure["tries"], 2);

    folder.polychromify(["retry", "-o", "out", "in/a.png"]).code(1);
    folder.polychromify(["retry", "-o", "out", "in/bad.png"]).code(0);
    assert_eq!((&status()["failed"], &status()["queued"]), (&0.into(), &1.into()));
    folder.write("in/bad.png", pictures::png(30, 20, 2));
    folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!((&status()["done"], &status()["queued"]), (&2.into(), &0.into()));
}

#[test]
fn the_doctor_tells_what_a_report_of_a_fault_needs() {
    let folder = Folder::new();
    let run = folder.polychromify(["doctor", "--json"]).code(0);
    let told = &run.lines()[0];
    assert!(told["software"].as_str().unwrap().contains(env!("CARGO_PKG_VERSION")));
    let checks = told["self_check"].as_array().unwrap();
    assert!(checks[0].as_str().unwrap().contains("Portable"), "{told}");
    let is_well = |check: &Value| check.as_str().unwrap().ends_with("predict what they should");
    assert!(checks.iter().all(is_well), "{told}");
    let has_default = |weights: &Value| weights.as_str().unwrap().starts_with("vivid");
    assert!(told["weights"].as_array().unwrap().iter().any(has_default), "{told}");
    assert_eq!(told["ledger"], "none in .");
}

#[test]
fn the_version_said_in_full_is_what_the_doctor_tells() {
    let folder = Folder::new();
    let doctor = folder.polychromify(["doctor"]).code(0).stdout;
    for options in [["--version", "--verbose"], ["-v", "-V"]] {
        assert_eq!(folder.polychromify(options).code(0).stdout, doctor);
    }
    let version = format!("polychromify {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(folder.polychromify(["--version"]).code(0).stdout, version);
}

#[test]
fn completions_and_man_pages_have_every_command() {
    let folder = Folder::new().file("man/a", "");
    for shell in ["bash", "zsh", "fish"] {
        let script = folder.polychromify(["completions", shell]).code(0).stdout;
        assert!(script.contains("redo-older"), "{shell}");
    }
    folder.polychromify(["man-pages", "man"]).code(0);
    for command in ["batch", "film", "watch", "review", "doctor"] {
        let page = folder.read(&format!("man/polychromify-{command}.1"));
        assert!(page.starts_with(b".ie"), "{command}");
    }
}

#[test]
#[cfg(unix)] // there is no `watch` on Windows
fn a_password_for_the_ledger_is_not_shown() {
    let folder = Folder::new().file("in/a", "");
    let address = "postgres://archive:secret@db/colors";
    let shown =
        folder.polychromify(["watch", "in", "-o", "out", "--print-config", "--ledger", address]);
    let shown = shown.code(0).stdout;
    assert!(shown.contains("postgres://archive@db/colors") && !shown.contains("secret"), "{shown}");
    for command in ["batch", "watch", "work", "status"] {
        let help = folder.command([command, "--help"]).env("POLYCHROMIFY_LEDGER", address).output();
        assert!(!String::from_utf8_lossy(&help.unwrap().stdout).contains("secret"), "{command}");
    }
}
