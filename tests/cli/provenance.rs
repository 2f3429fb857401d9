//! What results tell of their making: label, sidecar, and what is made anew.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::folder::{Folder, sha256};
use crate::{pictures, weights};

fn two() -> Folder {
    Folder::new()
        .file("in/a.png", pictures::png(40, 30, 1))
        .file("in/sub/b.tif", pictures::tiff(40, 30, 2))
}

fn sidecar(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(name)).unwrap()
}

/// The label, as another program reads it.
#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn exiftool_reads_the_label_and_has_nothing_to_say_against_it() {
    if Command::new("exiftool").arg("-ver").output().is_err() {
        println!("skipped: there is no exiftool");
        return;
    }
    let folder = two().file("in/c.jpg", pictures::jpeg(40, 30, 3));
    folder.batch(["in", "-o", "out", "--source-type", "enhanced"]).code(0);
    for name in ["a.png", "sub/b.tif", "c.jpg"] {
        let path = folder.path("out").join(name);
        let run = Command::new("exiftool")
            .args(["-json", "-struct", "-validate", "-warning", "-a", "-G0:1", "-XMP:all"])
            .arg(&path)
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&run.stdout).unwrap();
        let told = &told[0];
        // The source tells no resolution, which TIFF asks for: that is not the label's fault.
        let warning = told["ExifTool:Warning"].as_str().unwrap_or_default();
        assert!(warning.is_empty() || warning.contains("Resolution"), "{told:#}");
        let source_type = told["XMP:XMP-iptcExt:DigitalSourceType"].as_str().unwrap();
        assert!(source_type.ends_with("/algorithmicallyEnhanced"), "{source_type}");
        assert_eq!(told["XMP:XMP-xmp:MetadataDate"], "2023:11:14 22:13:20Z");
        let event = &told["XMP:XMP-xmpMM:History"][0];
        assert_eq!((&event["Action"], &event["Changed"]), (&"edited".into(), &"/".into()));
        assert_eq!(event["When"], "2023:11:14 22:13:20Z");
        assert_eq!(event["InstanceID"], told["XMP:XMP-xmpMM:InstanceID"]);
        let file = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(told["XMP:XMP-xmpMM:DerivedFrom"]["FilePath"], file);
    }
}

#[test]
fn a_result_without_a_fixed_time_tells_when_it_was_made_and_keeps_it() {
    let folder = two();
    let batch = |more: &[&str]| {
        let arguments = ["batch", "in", "-o", "out", "--weights", weights::tiny()];
        let mut command = folder.command(arguments.into_iter().chain(more.iter().copied()));
        assert!(command.env_remove("SOURCE_DATE_EPOCH").status().unwrap().success());
        folder.files("out")
    };
    let first = batch(&["--sidecar"]);
    assert!(sidecar(&folder, "out/a.png.json")["time"].as_str().unwrap() > "2026");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(batch(&["--sidecar", "--force"]), first);
    fs::remove_file(folder.path("out/a.png")).unwrap();
    assert_eq!(batch(&["--sidecar"]), first);
    let wrong =
        folder.command(["batch", "in", "-o", "out"]).env("SOURCE_DATE_EPOCH", "now").output();
    assert_eq!(wrong.unwrap().status.code(), Some(2));
}

#[test]
fn a_sidecar_tells_what_the_label_tells() {
    let folder = two();
    folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    let names = ["a.png", "a.png.json", "sub/b.tif", "sub/b.tif.json"];
    assert_eq!(folder.names("out"), names);
    let told = sidecar(&folder, "out/sub/b.tif.json");
    assert_eq!(told["file"], "b.tif");
    assert_eq!(told["sha256"], sha256(&folder.read("out/sub/b.tif")));
    assert_eq!(told["size"], folder.read("out/sub/b.tif").len());
    assert_eq!((&told["source"], &told["width"]), (&"b.tif".into(), &40.into()));
    assert_eq!(told["source_sha256"], sha256(&folder.read("in/sub/b.tif")));
    assert_eq!(told["weights_sha256"], sha256(&fs::read(weights::tiny()).unwrap()));
    assert_eq!(told["settings"]["saturation"], 1.0);
    assert_eq!(told["time"], "2023-11-14T22:13:20Z");
    let source_type = told["digital_source_type"].as_str().unwrap();
    assert!(source_type.ends_with("/compositeWithTrainedAlgorithmicMedia"));
}

#[test]
fn a_sidecar_comes_and_goes_with_its_result() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let without = folder.files("out");
    let run = folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    assert_eq!(run.summary()["skipped"], 2);
    let with = folder.files("out");
    assert_eq!(with.len(), 4, "results that are there get theirs");
    assert!(without.iter().all(|(name, hash)| with[name] == *hash));

    fs::remove_file(folder.path("out/a.png.json")).unwrap();
    folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    assert_eq!(folder.files("out"), with);

    folder.batch(["in", "-o", "out", "--sidecar", "--redo-older", "--saturation", "0.5"]).code(0);
    let told = sidecar(&folder, "out/a.png.json");
    assert_eq!(told["sha256"], sha256(&folder.read("out/a.png")));
    assert_eq!(told["settings"]["saturation"], 0.5);

    folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(folder.files("out"), without, "what would tell of another result is gone");
}

#[test]
fn a_sidecar_never_takes_the_place_of_another_file() {
    let folder = two().file("out/a.png.json", "theirs");
    let run = folder.batch(["in", "-o", "out", "--sidecar"]).code(1);
    run.one_error(&["in/a.png", "out/a.png.json", "already there"]);
    assert_eq!(folder.names("out"), ["a.png.json", "sub/b.tif", "sub/b.tif.json"]);
    assert_eq!(folder.read("out/a.png.json"), b"theirs");

    folder.batch(["in", "-o", "out"]).code(0);
    folder.write("out/sub/b.tif.json", "edited");
    let run = folder.batch(["in", "-o", "out", "--sidecar"]).code(0);
    assert!(run.stderr.contains("b.tif.json: changed by somebody"), "{run:#?}");
    let before = folder.files("out");
    let again = ["in", "-o", "out", "--sidecar", "--redo-older", "--saturation", "2"];
    folder.batch(again).code(1);
    assert_eq!(folder.files("out"), before, "nor does a result go without its sidecar");
}

#[test]
fn results_made_otherwise_are_listed_and_made_anew_on_request() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    let reason = |run: &crate::folder::Run, input: &str| {
        run.line(input)["reason"].as_str().unwrap_or_default().to_owned()
    };
    let other = ["in", "-o", "out", "--saturation", "0.5"];
    for dry in [&["--dry-run"][..], &[]] {
        let run = folder.batch(other.iter().chain(dry).copied()).code(0);
        assert_eq!(
            reason(&run, "in/a.png"),
            "done already, with other settings; --redo-older makes it anew"
        );
    }
    assert_eq!(folder.files("out"), before);

    let edited = pictures::tiff(40, 30, 7);
    folder.write("out/sub/b.tif", &edited);
    let redo = || other.iter().copied().chain(["--redo-older"]);
    let run = folder.batch(redo().chain(["--dry-run"])).code(0);
    assert!(reason(&run, "in/a.png").contains("would be colored"));
    let run = folder.batch(redo()).code(0);
    assert_eq!(run.status("in/a.png"), "done");
    assert!(reason(&run, "in/sub/b.tif").contains("changed by somebody"));
    assert_eq!(folder.read("out/sub/b.tif"), edited);
    assert_ne!(folder.files("out")["a.png"], before["a.png"]);
    let run = folder.batch(redo()).code(0);
    assert_eq!(reason(&run, "in/a.png"), "done already");

    folder.write("others.safetensors", weights::others());
    let run = ["batch", "--json", "in", "-o", "out", "--weights", "others.safetensors"];
    let run = folder.polychromify(run).code(0);
    assert!(reason(&run, "in/a.png").starts_with("done already, with other weights ("), "{run:#?}");
}

#[test]
fn status_tells_how_results_were_made() {
    let folder = two();
    folder.batch(["in/a.png", "-o", "out"]).code(0);
    let status = |more: &[&str]| {
        let arguments = ["status", "-o", "out"].into_iter().chain(more.iter().copied());
        folder.polychromify(arguments).code(0).stdout
    };
    assert_eq!(status(&[]).lines().count(), 1);
    folder.batch(["in/sub/b.tif", "-o", "out", "--saturation", "2"]).code(0);
    let told: Value = serde_json::from_str(&status(&["--json"])).unwrap();
    let made = |index: usize| &told["made"][index];
    assert_eq!((&made(0)["settings"]["saturation"], &made(0)["results"]), (&2.0.into(), &1.into()));
    assert_eq!(made(1)["settings"]["saturation"], 1.0);
    assert!(made(1)["software"].as_str().unwrap().starts_with("Polychromify "));
    assert!(status(&[]).contains("--redo-older"));
}

#[test]
fn results_of_an_older_version_are_made_anew_on_request() {
    let folder = two();
    folder.batch(["in", "-o", "out"]).code(0);
    let ledger =
        rusqlite::Connection::open(folder.path("out/.polychromify/ledger.sqlite")).unwrap();
    ledger.execute("UPDATE results SET software = 'Polychromify 0.0.9'", []).unwrap();
    drop(ledger);
    let run = folder.batch(["in", "-o", "out"]).code(0);
    let reason = run.line("in/a.png")["reason"].clone();
    assert_eq!(reason, "done already, by Polychromify 0.0.9; --redo-older makes it anew");
    let run = folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(run.summary()["done"], 2);
    let run = folder.batch(["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(run.summary()["skipped"], 2);
}
