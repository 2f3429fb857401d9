use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use crate::clips::{film, have_ffmpeg, luma, make, shots};
use crate::daemon::{Daemon, How, command, tries};
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

/// An `ffmpeg` that waits at its first work until a file `go` is there, for three minutes at most.
const WAITING: &str = r#"#!/bin/sh
PATH=${PATH#*:}
case "$*" in
*-version*) ;;
*)
    rounds=0
    mkdir held 2>/dev/null && while ! test -e go && test $rounds -lt 1800; do
        rounds=$((rounds + 1))
        sleep 0.1
    done
    ;;
esac
exec ffmpeg "$@"
"#;

#[test]
fn a_hook_that_is_killed_leaves_the_film_in_work_alone() {
    let Some(folder) = beside() else { return };
    folder.write("bin/ffmpeg", WAITING);
    fs::set_permissions(folder.path("bin/ffmpeg"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(folder.path("alone/a.mp4"), folder.path("in/a.mp4")).unwrap();
    let hook = "case $POLYCHROMIFY_HOOK_INPUT in *.png) sleep 1000;; esac";
    let flags = ["--films", "--jobs", "2", "--hook", hook, "--hook-timeout", "1s"];
    let mut command = command(&folder, How::Events, &flags);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.path("bin").display()));
    let mut daemon = Daemon::spawn(command);
    daemon.until("the film in work", || folder.exists("held"));
    folder.write("in/b.png", pictures::png(30, 20, 1));
    daemon.wait_for("hook: killed");
    folder.write("go", "");
    daemon.until_done(&folder, &["a.mp4.mkv", "b.png"]);
    assert_eq!(tries(&folder, "a.mp4"), 1, "{}", daemon.stderr());
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
