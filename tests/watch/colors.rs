//! Colors that are there already, and options of coloring from the configuration file.

use crate::daemon::{Daemon, How, command, status};
use crate::folder::Folder;
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
