//! The program `polychromify-train`: exit codes, messages, and runs that are killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// A network that takes milliseconds a step.
const TINY: &str = r#"{"neurons": [4], "filters": [4, 4]}"#;

/// A folder of `count` photographs, `photos/0.png` and so on.
fn folder(count: u8) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("photos")).unwrap();
    for i in 0..count {
        let photo = RgbImage::from_fn(20, 10, |x, y| Rgb([9 * i, 12 * x as u8, 20 * y as u8]));
        photo.save(folder.path().join(format!("photos/{i}.png"))).unwrap();
    }
    folder
}

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polychromify-train"));
    command.current_dir(folder).args(arguments.split(' '));
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().unwrap()
}

fn messages(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn fit(folder: &Path, run: &str) -> Command {
    let mut command = command(folder, "fit --network conv_dense --data x.cache --epochs 40");
    command.args(["--resume", "--batch", "2", "--device", "cpu", "--config", TINY]);
    command.args(["--checkpoint", "0", "--output", run]);
    command
}

#[test]
fn unreadable_photographs_are_named_and_the_rest_is_prepared() {
    let folder = folder(5);
    fs::write(folder.path().join("photos/broken.jpg"), "no image").unwrap();
    let output = run(folder.path(), "prepare photos --output x.cache --size 8");
    let messages = messages(&output);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    assert!(messages.contains("photos/broken.jpg: not an image: "), "{messages}");
    assert!(messages.ends_with("1 failed\n"), "{messages}");
    assert!(folder.path().join("x.cache").exists());
}

#[test]
fn what_cannot_start_says_why_in_one_line() {
    let folder = folder(0);
    for (arguments, reason) in [
        ("prepare absent --output x.cache", "absent: cannot read: "),
        ("prepare photos --output x.cache", "photos: holds no JPEG, PNG, TIFF or WebP files"),
        ("prepare photos --table no.tsv --output x.cache", "no.tsv: cannot read: "),
        ("fit --network conv_dense --data no.cache --output run", "no.cache: cannot open: "),
        ("fit --resume --output run", "run: holds no run; --network and --data begin one"),
        ("evaluate --photos photos --weights ./no.safetensors", "no.safetensors: cannot read: "),
    ] {
        let output = run(folder.path(), arguments);
        let messages = messages(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {messages}");
        let last = messages.lines().last().unwrap_or_default();
        assert!(last.starts_with("polychromify-train: "), "{arguments}: {messages}");
        assert!(last.contains(reason), "{arguments}: {messages}");
    }
    assert!(!folder.path().join("run").exists());
}

#[test]
fn a_run_killed_again_and_again_ends_as_one_that_was_not() {
    let folder = folder(12);
    let prepared = run(folder.path(), "prepare photos --output x.cache --size 16");
    assert!(prepared.status.success(), "{}", messages(&prepared));
    let killed = folder.path().join("killed");
    for milliseconds in [40, 80, 120, 160, 200, 240] {
        let mut child = fit(folder.path(), "killed").stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    for run in ["killed", "straight"] {
        let output = fit(folder.path(), run).output().unwrap();
        assert!(output.status.success(), "{}", messages(&output));
    }
    // The metadata records the command, whose `--output` differs; the tensors follow it.
    let tensors = |run: &Path| {
        let bytes = fs::read(run.join("last/checkpoint.safetensors")).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert_eq!(tensors(&killed), tensors(&folder.path().join("straight")));
    let leftovers = fs::read_dir(&killed)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn a_study_trains_each_network_once_and_compares_them() {
    let folder = folder(5);
    let prepared = run(folder.path(), "prepare photos --output x.cache --size 32");
    assert!(prepared.status.success(), "{}", messages(&prepared));
    let tune = "tune --study networks --data x.cache --output study --epochs 1 --batch 2 \
                --train-photos 2 --valid-photos 1 --device cpu";
    let tune: Vec<&str> = tune.split_whitespace().collect();
    let first = run(folder.path(), &tune.join(" "));
    assert!(first.status.success(), "{}", messages(&first));
    let table = String::from_utf8(first.stdout.clone()).unwrap();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    assert_eq!(rows.len(), 5, "{table}");
    for row in rows {
        assert!(row.contains("| 1/1 | 1 | 0."), "{table}");
    }
    let study = folder.path().join("study");
    assert_eq!(fs::read_to_string(study.join("networks.md")).unwrap(), table);
    assert_eq!(fs::read_to_string(study.join("networks.csv")).unwrap().lines().count(), 6);
    assert!(fs::read_to_string(study.join("networks.svg")).unwrap().contains("CNN"));

    let weights = study.join("deep_conv/best.safetensors");
    let written = weights.metadata().unwrap().modified().unwrap();
    let second = run(folder.path(), &tune.join(" "));
    assert_eq!(second.stdout, first.stdout, "{}", messages(&second));
    assert_eq!(weights.metadata().unwrap().modified().unwrap(), written, "not trained again");

    // As if one had been begun in another precision: it goes on in that, and the table says so.
    let config = study.join("cnn/config.json");
    let text = fs::read_to_string(&config).unwrap();
    let changed = text.replace(r#""precision": "f32""#, r#""precision": "bf16""#);
    assert_ne!(changed, text);
    fs::write(&config, changed).unwrap();
    let third = run(folder.path(), &tune.join(" "));
    let mut rows: Vec<String> = table.lines().map(str::to_owned).collect();
    *rows.last_mut().unwrap() = rows.last().unwrap().replace("| f32 |", "| bf16 |");
    assert_eq!(String::from_utf8(third.stdout).unwrap().lines().collect::<Vec<_>>(), rows);

    // Out of time at once: each that was begun goes on some other day, and is in the table as it is.
    let longer =
        run(folder.path(), &tune.join(" ").replace("--epochs 1", "--epochs 2 --budget 1e-6"));
    assert_eq!(longer.status.code(), Some(3), "a script must not go on with what is not finished");
    let text = String::from_utf8(longer.stdout).unwrap();
    assert_eq!(text.matches("| 1/2 | 1 | 0.").count(), 5, "{text}");
}

#[test]
fn published_weights_are_imported_and_used() {
    let folder = folder(2);
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/assets/networks");
    for name in ["siggraph17-narrow-old.pth", "wrapped.pth"] {
        fs::copy(assets.join(name), folder.path().join(name)).unwrap();
    }
    let mut import =
        command(folder.path(), "import siggraph17-narrow-old.pth --network siggraph17");
    import.args(["--output", "w.safetensors", "--config", r#"{"filters": [2, 3, 4, 5, 3, 2]}"#]);
    let output = import.output().unwrap();
    assert!(output.status.success(), "{}", messages(&output));
    let output = run(folder.path(), "evaluate --weights w.safetensors --photos photos --json");
    assert!(output.status.success(), "{}", messages(&output));

    let output = run(folder.path(), "import wrapped.pth --network eccv16 --output x.safetensors");
    assert_eq!(output.status.code(), Some(2));
    let message = "polychromify-train: weights wrapped.pth: holds no tensors, but `state_dict`: \
                   save the state alone\n";
    assert_eq!(messages(&output), message);
    assert!(!folder.path().join("x.safetensors").exists());
}
