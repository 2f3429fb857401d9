use std::fs;

use crate::clips::{film, have_ffmpeg, is_empty, make, pictures};
use crate::folder::Folder;

/// Asserts that the only film in `in` fails with a line that holds `words`, and nothing is made of it.
#[track_caller]
fn refuses(folder: &Folder, words: &str) {
    film(folder, ["in", "-o", "out"]).code(1).one_error(&["in/a.", words]);
    assert!(is_empty(&folder.path("out")));
    let work = folder.path("out/.polychromify/films");
    let left = fs::read_dir(&work).map_or(0, Iterator::count);
    assert_eq!(left, 0, "shots of a film that is refused");
}

fn coded(how: &str) -> Option<Folder> {
    have_ffmpeg().then(|| {
        let folder = Folder::new().file("in/b", "");
        make(&folder, &format!("{} {how}", pictures("64x48", 25, 1.0)));
        folder
    })
}

#[test]
fn interlaced_films() {
    let how = "-pix_fmt yuv420p -flags +ildct+ilme -top 1 -field_order tt -c:v mpeg2video in/a.mpg";
    let Some(folder) = coded(how) else { return };
    refuses(&folder, "interlaced");
}

/// A film of 4 seconds of which these are interlaced, though its head tells otherwise.
fn interlaced_after(seconds: f32, lasting: f32) -> Option<Folder> {
    have_ffmpeg().then(|| {
        let folder = Folder::new().file("in/b", "");
        let fields = "-flags +ildct+ilme -x264-params tff=1";
        let mut list = vec!["ffconcat version 1.0\n".to_owned()];
        for (name, lasts, fields) in [
            ("before", seconds, ""),
            ("fields", lasting, fields),
            ("after", 4.0 - seconds - lasting, ""),
        ] {
            let pictures = pictures("64x48", 25, (lasts * 25.0).round() / 25.0);
            let coded = "-pix_fmt yuv420p -color_range tv -colorspace smpte170m -c:v libx264 -g 1";
            make(&folder, &format!("{pictures} {coded} {fields} {name}.mkv"));
            list.push(format!("file {name}.mkv\nduration {lasts:.3}\n"));
        }
        folder.write("list.txt", list.concat());
        make(&folder, "-f concat -i list.txt -c copy in/a.mkv");
        folder
    })
}

#[test]
fn films_whose_interlacing_begins_late_and_before_anything_is_colored() {
    let Some(folder) = interlaced_after(3.0, 0.4) else { return };
    let asked = ["in", "-o", "out", "--dry-run"];
    film(&folder, asked).code(1).one_error(&["in/a.mkv", "interlaced frames", "at 3."]);
    refuses(&folder, "interlaced frames");
}

#[test]
fn films_of_which_few_frames_are_interlaced() {
    // Between the places that are looked at before.
    let Some(folder) = interlaced_after(2.72, 0.08) else { return };
    refuses(&folder, "interlaced frames (the first one found is shown at 2.720 s)");
}

#[test]
fn high_dynamic_range() {
    let how = "-pix_fmt yuv420p10le -color_trc smpte2084 -c:v ffv1 in/a.mkv";
    let Some(folder) = coded(how) else { return };
    refuses(&folder, "high dynamic range (smpte2084)");
}

#[test]
fn transparency() {
    let Some(folder) = coded("-pix_fmt yuva420p -c:v ffv1 in/a.mkv") else { return };
    refuses(&folder, "transparency");
}

#[test]
fn rgb_of_few_bits() {
    let Some(folder) = coded("-pix_fmt rgb555le -c:v rawvideo in/a.avi") else { return };
    refuses(&folder, "RGB (rgb555le)");
}

#[test]
fn what_rests_on_an_assumption_where_that_is_asked() {
    let Some(folder) = coded("-pix_fmt gray -c:v ffv1 in/a.mkv") else { return };
    let run = film(&folder, ["in", "-o", "out", "--strict"]);
    run.code(1).one_error(&["in/a.mkv", "tells no range", "--strict"]);
    assert!(is_empty(&folder.path("out")));
}

#[test]
fn sound_alone() {
    let Some(folder) = coded("-f lavfi -i sine=d=1 -map 1 -c:a aac in/a.mp4") else { return };
    refuses(&folder, "sound and no pictures");
}

#[test]
fn an_empty_file() {
    if have_ffmpeg() {
        refuses(&Folder::new().file("in/a.mp4", ""), "is empty");
    }
}

#[test]
fn what_is_no_film() {
    if have_ffmpeg() {
        refuses(&Folder::new().file("in/a.mp4", "a letter"), "no film that ffmpeg can read");
    }
}

#[test]
fn a_list_of_other_files() {
    let list = "ffconcat version 1.0\nfile /etc/passwd\n";
    if have_ffmpeg() {
        refuses(&Folder::new().file("in/a.mkv", list), "in/a.mkv");
    }
}

#[test]
fn a_film_that_is_cut_off() {
    let how = "-pix_fmt yuv420p -c:v libx264 -qp 1 -movflags +faststart in/a.mp4";
    let Some(folder) = coded(how) else { return };
    let bytes = folder.read("in/a.mp4");
    folder.write("in/a.mp4", &bytes[..bytes.len() * 7 / 10]);
    refuses(&folder, "cut off");
}

#[test]
fn a_film_whose_bytes_are_damaged() {
    let Some(folder) = coded("-pix_fmt yuv420p -c:v ffv1 -level 3 -slicecrc 1 in/a.mkv") else {
        return;
    };
    let mut bytes = folder.read("in/a.mkv");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    folder.write("in/a.mkv", bytes);
    refuses(&folder, "damaged");
}

#[test]
fn without_ffmpeg_the_package_is_named_and_nothing_begins() {
    let folder = Folder::new().file("in/a.mp4", "x");
    let mut command = folder.command(["film", "in", "-o", "out"]);
    let run = crate::folder::Run::of(command.env("PATH", "/nonexistent").output().unwrap());
    run.code(2).one_error(&["ffmpeg", "install the package"]);
    assert!(!folder.exists("out"));
}
