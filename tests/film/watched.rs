use std::fs;
use std::io::Write;

use crate::clips::{film, have_ffmpeg, luma, make, shots};
use crate::daemon::{Daemon, How, tries};
use crate::folder::Folder;
use crate::pictures;

/// A gray film beside the watched folder.
fn beside() -> Option<Folder> {
    have_ffmpeg().then(|| {
        let folder = Folder::new().file("in/note.txt", "").file("alone/b", "");
        make(&folder, &format!("{} -pix_fmt yuv420p -c:v libx264 alone/a.mp4", shots(3)));
        folder
    })
}

#[test]
fn films_that_are_dropped_are_colored_beside_photographs_as_film_does() {
    let Some(folder) = beside() else { return };
    let daemon = Daemon::start(&folder, How::Events, &["--films"]).ready(&folder);
    fs::copy(folder.path("alone/a.mp4"), folder.path("in/a.mp4")).unwrap();
    for (name, content) in pictures::each_format(60, 50) {
        folder.write(&format!("in/{name}"), content);
    }
    daemon.until_done(&folder, &["a.jpg", "b.png", "c.tif", "a.mp4.mkv"]);
    daemon.stop();
    film(&folder, ["alone", "-o", "expected"]).code(0);
    assert!(folder.read("out/a.mp4.mkv") == folder.read("expected/a.mp4.mkv"));
    assert!(folder.exists("out/a.mp4.mkv.json"), "the list of its luma");
    assert!(!folder.exists("out/a.jpg.json"));
    let again = film(&folder, ["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(again.line("in/a.mp4")["reason"], "done already", "by the same recipe");
}

#[test]
fn a_film_that_is_still_being_copied_is_tried_again_and_colored_whole() {
    let Some(folder) = beside() else { return };
    let daemon = Daemon::start(&folder, How::Events, &["--films"]).ready(&folder);
    let content = folder.read("alone/a.mp4");
    let mut file = fs::File::create(folder.path("in/a.mp4")).unwrap();
    file.write_all(&content[..content.len() / 2]).unwrap();
    daemon.until("the first try", || tries(&folder, "a.mp4") > 0);
    assert!(!folder.exists("out/a.mp4.mkv"));
    file.write_all(&content[content.len() / 2..]).unwrap();
    drop(file);
    daemon.until_done(&folder, &["a.mp4.mkv"]);
    assert_eq!(luma(&folder, "out/a.mp4.mkv", ""), luma(&folder, "alone/a.mp4", ""));
}

#[test]
fn films_are_left_alone_unless_that_is_asked() {
    let Some(folder) = beside() else { return };
    fs::copy(folder.path("alone/a.mp4"), folder.path("in/a.mp4")).unwrap();
    folder.write("in/b.png", &pictures::each_format(60, 50)[1].1);
    let daemon = Daemon::start(&folder, How::Events, &[]).ready(&folder);
    daemon.until_done(&folder, &["b.png"]);
    daemon.stop();
    assert!(!folder.exists("out/a.mp4.mkv"));
}
