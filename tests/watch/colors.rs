//! Colors that are there already, options of coloring from the configuration file, sidecars.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::daemon::{Daemon, How, command, status};
use crate::folder::{Folder, sha256};
use crate::pictures;

#[test]
fn photographs_in_color_are_skipped_and_negatives_inverted_as_the_file_says() {
    let folder = Folder::new()
        .file("in/color.png", pictures::color_png(64, 48))
        .file("in/sepia.png", pictures::sepia_png(64, 48))
        .file("p.toml", "invert = true\nmark = true\nprofile = \"display-p3\"\n");
    let watch = command(&folder, How::Events, &["--config", "p.toml"]);
    let daemon = Daemon::spawn(watch).ready(&folder);
    daemon.until_done(&folder, &["sepia.png"]);
    daemon.until("the color photograph is skipped", || status(&folder)["skipped"] == 1);
    assert!(daemon.stderr().contains("skipped: has colors already"), "{}", daemon.stderr());
    assert_eq!(folder.names("out"), ["probe.png", "sepia.png"]);
    let result = folder.read("out/sepia.png");
    let result = String::from_utf8_lossy(&result);
    for words in ["negative inverted", "marked in a corner", "painted in Display P3"] {
        assert!(result.contains(words), "{words}");
    }
    daemon.stop();
}

#[test]
fn strict_in_the_configuration_file_fails_a_photograph_whose_profile_is_ignored() {
    let samples = pictures::Samples::of_gray(32, 32, 3, false);
    let wrong = pictures::png_with(&samples, 32, 32, &pictures::gray_profile());
    let folder = Folder::new().file("in/wrong.png", wrong).file("p.toml", "strict = true\n");
    let watch = command(&folder, How::Events, &["--config", "p.toml"]);
    let daemon = Daemon::spawn(watch).ready(&folder);
    let reason = daemon.until_failed(&folder, "in/wrong.png")["reason"].clone();
    assert!(reason.as_str().unwrap().starts_with("color profile ignored: "), "{reason}");
    daemon.stop();
    assert_eq!(folder.names("out"), ["probe.png"]);
}

#[test]
fn results_of_before_get_sidecars_when_they_are_asked_for() {
    let folder = Folder::new().file("in/a.png", pictures::png(30, 20, 1));
    // Its time is to prove later that it is what was colored.
    thread::sleep(Duration::from_millis(2100));
    let daemon = Daemon::start(&folder, How::Events, &[]).ready(&folder);
    daemon.until_done(&folder, &["a.png"]);
    daemon.stop();
    assert_eq!(folder.names("out"), ["a.png", "probe.png"]);
    let result = folder.read("out/a.png");

    let daemon = Daemon::start(&folder, How::Events, &["--sidecar"]);
    daemon.until("the sidecar", || folder.exists("out/a.png.json"));
    daemon.stop();
    let told: Value = serde_json::from_slice(&folder.read("out/a.png.json")).unwrap();
    assert_eq!(told["sha256"], sha256(&result));
    assert_eq!(folder.read("out/a.png"), result);
}
