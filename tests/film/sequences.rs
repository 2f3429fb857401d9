use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use polychromify_test_support::pictures;
use serde_json::Value;

use crate::clips::{film, have_ffmpeg, make, shots};
use crate::folder::{Folder, Run, sha256};
use crate::weights;

/// Frames of some shots of 8, as `in/scan_000001.tif` and so on.
fn frames(count: usize, coded: &str, extension: &str) -> Folder {
    let folder = Folder::new().file("in/note.txt", "");
    make(&folder, &format!("{} {coded} in/scan_%06d.{extension}", shots(count)));
    folder
}

fn list(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(name)).unwrap()
}

#[test]
fn frames_become_frames_of_the_same_names_with_colors_and_their_lightness() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(2, "-pix_fmt gray16le", "tif");
    let run = film(&folder, ["in", "-o", "out", "--saturation", "2"]).code(0);
    let told = run.line("in/scan_%06d.tif");
    assert_eq!((&told["status"], &told["width"]), (&"done".into(), &64.into()), "{told}");
    let mut names: Vec<String> = (1..=16).map(|frame| format!("scan_{frame:06}.tif")).collect();
    for name in &names {
        let source = image::open(folder.path(&format!("in/{name}"))).unwrap().into_luma16();
        let result = image::open(folder.path(&format!("out/{name}"))).unwrap();
        let image::DynamicImage::ImageRgb16(result) = result else { panic!("{name}: {result:?}") };
        for (gray, color) in source.pixels().zip(result.pixels()) {
            let (expected, found) = (lightness([gray.0[0]; 3]), lightness(color.0));
            assert!((expected - found).abs() <= 0.02, "{name}: {found} in place of {expected}");
        }
        assert!(result.pixels().any(|pixel| pixel.0[0] != pixel.0[1]), "{name} has no colors");
    }
    names.push("scan_%06d.tif.json".to_owned());
    names.sort();
    assert_eq!(folder.names("out"), names);
}

/// CIE L* of sRGB in 16 bits.
fn lightness(rgb: [u16; 3]) -> f64 {
    let [r, g, b] = rgb.map(|code| {
        let v = f64::from(code) / 65535.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let y = 0.212_639 * r + 0.715_169 * g + 0.072_192 * b;
    if y > 216.0 / 24389.0 { 116.0 * y.cbrt() - 16.0 } else { y * 24389.0 / 27.0 }
}

#[test]
fn the_list_beside_a_sequence_has_the_checksums_of_all_frames() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(2, "-pix_fmt gray", "png");
    film(&folder, ["in", "-o", "out"]).code(0);
    let list = list(&folder, "out/scan_%06d.png.json");
    assert_eq!(
        list["film"],
        serde_json::json!({
            "frames": 16, "shots": 2, "shots_at": {"frames": [1, 9]}, "keeps": "lightness",
        })
    );
    let told = list["frames"].as_array().unwrap();
    assert_eq!(told.len(), 16);
    for frame in told {
        let (file, source) = (frame["file"].as_str().unwrap(), frame["source"].as_str().unwrap());
        assert_eq!(frame["sha256"], sha256(&folder.read(&format!("out/{file}"))));
        assert_eq!(frame["source_sha256"], sha256(&folder.read(&format!("in/{source}"))));
    }
    folder.polychromify(["manifest", "-o", "out"]).code(0);
    folder.polychromify(["verify", "--strict", "out"]).code(0);
}

#[test]
fn frames_carry_the_label_and_the_metadata_of_photographs() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    for frame in 1..=3 {
        folder.write(&format!("in/{frame}.jpg"), pictures::jpeg(64, 48, frame));
    }
    film(&folder, ["in", "-o", "out"]).code(0);
    for frame in 1..=3 {
        let bytes = folder.read(&format!("out/{frame}.jpg"));
        let text = String::from_utf8_lossy(&bytes);
        for words in ["compositeWithTrainedAlgorithmicMedia", "steadiness 1"] {
            assert!(text.contains(words), "{frame}.jpg has no {words}");
        }
    }
    let of_result = film(&folder, ["out", "-o", "other"]).code(0);
    assert_eq!(of_result.line("out/%d.jpg")["status"], "skipped");
}

#[test]
fn a_sequence_is_named_by_its_pattern_and_done_once() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(1, "-pix_fmt gray", "png");
    film(&folder, ["in/scan_%06d.png", "-o", "out"]).code(0);
    let expected = folder.files("out");
    let again = film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(again.line("in/scan_%06d.png")["reason"], "done already");
    assert_eq!(folder.files("out"), expected);
}

#[test]
fn what_is_missing_is_made_again_from_its_shot_on_with_the_same_bytes() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(4, "-pix_fmt gray", "png");
    film(&folder, ["in", "-o", "out"]).code(0);
    let expected = folder.files("out");
    for lost in
        [&["scan_000012.png"][..], &["scan_000017.png", "scan_000030.png"], &["scan_%06d.png.json"]]
    {
        for name in lost {
            fs::remove_file(folder.path(&format!("out/{name}"))).unwrap();
        }
        let run = film(&folder, ["in", "-o", "out"]).code(0);
        let goes_on = run.stderr.contains("going on at in/scan_000009.png");
        assert_eq!(goes_on, lost.len() < 3 && !lost[0].contains('%'), "{lost:?}: {run:?}");
        assert_eq!(folder.files("out"), expected, "{lost:?}");
    }
}

#[test]
fn what_is_missing_is_made_again_with_the_colors_that_the_user_gave() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(4, "-pix_fmt gray", "png");
    for number in [5, 21] {
        let tint = "format=rgb24,colorchannelmixer=rr=0.9:bb=0.4";
        make(&folder, &format!("-i in/scan_{number:06}.png -vf {tint} {number}.png"));
    }
    let guide = ["in", "-o", "out", "--keyframe", "21=21.png", "--keyframe", "5=5.png"];
    film(&folder, ["in", "-o", "plain"]).code(0);
    film(&folder, guide).code(0);
    let expected = folder.files("out");
    assert_ne!(expected["scan_000018.png"], folder.files("plain")["scan_000018.png"]);
    for lost in ["scan_000020.png", "scan_000029.png"] {
        fs::remove_file(folder.path(&format!("out/{lost}"))).unwrap();
    }
    film(&folder, guide).code(0);
    assert_eq!(folder.files("out"), expected);
}

#[test]
fn a_frame_that_was_changed_is_made_anew_alone() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(2, "-pix_fmt gray", "png");
    film(&folder, ["in", "-o", "out"]).code(0);
    let before = folder.files("out");
    folder.write("in/scan_000010.png", folder.read("in/scan_000011.png"));
    film(&folder, ["in", "-o", "out"]).code(0);
    let after = folder.files("out");
    let changed: Vec<_> = before.keys().filter(|name| before[*name] != after[*name]).collect();
    assert_eq!(changed, ["scan_%06d.png.json", "scan_000010.png"]);
}

#[test]
fn gaps_are_refused_by_name_unless_allowed() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(1, "-pix_fmt gray", "png");
    for name in ["in/scan_000003.png", "in/scan_000005.png"] {
        fs::remove_file(folder.path(name)).unwrap();
    }
    film(&folder, ["in", "-o", "out"])
        .code(1)
        .one_error(&["in/scan_%06d.png: scan_000003.png is missing, and so are 1 more"]);
    film(&folder, ["in", "-o", "out", "--allow-gaps"]).code(0);
    assert_eq!(folder.names("out").len(), 7);
}

#[test]
fn a_manifest_tells_why_there_is_no_result_of_a_sequence_until_there_is() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(1, "-pix_fmt gray", "png");
    let frame = folder.read("in/scan_000003.png");
    fs::remove_file(folder.path("in/scan_000003.png")).unwrap();
    film(&folder, ["in", "-o", "out"]).code(1);
    let told = || {
        folder.polychromify(["manifest", "-o", "out"]).code(0);
        String::from_utf8(folder.read("out/manifest.csv")).unwrap()
    };
    let refused = told();
    assert!(refused.contains("scan_%06d.png") && refused.contains("scan_000003.png is missing"));
    folder.write("in/scan_000003.png", frame);
    film(&folder, ["in", "-o", "out"]).code(0);
    let done = told();
    assert!(!done.contains("is missing") && done.contains("scan_000003.png"), "{done}");
}

#[test]
fn frames_of_another_size_and_damaged_ones_are_refused_by_name() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(1, "-pix_fmt gray", "png");
    let good = folder.read("in/scan_000004.png");
    folder.write("in/scan_000004.png", pictures::png(32, 48, 1));
    film(&folder, ["in", "-o", "out"]).code(1).one_error(&[
        "in/scan_000004.png: has 32 x 48 pixels, and the first frame of its sequence 64 x 48",
    ]);
    assert!(crate::clips::is_empty(&folder.path("out")));
    folder.write("in/scan_000004.png", &good[..good.len() / 2]);
    film(&folder, ["in", "-o", "out"]).code(1).one_error(&["in/scan_000004.png"]);
    folder.write("in/scan_000004.png", good);
    film(&folder, ["in", "-o", "out"]).code(0);
}

#[test]
fn a_foreign_file_in_the_place_of_a_frame_is_left_alone() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(1, "-pix_fmt gray", "png").file("out/scan_000002.png", "theirs");
    film(&folder, ["in", "-o", "out"])
        .code(1)
        .one_error(&["out/scan_000002.png", "not made by this"]);
    assert_eq!(folder.read("out/scan_000002.png"), b"theirs");
    assert_eq!(folder.names("out"), ["scan_000002.png"]);
}

#[test]
fn a_preview_of_a_sequence_is_a_sheet_with_a_frame_of_each_shot() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(5, "-pix_fmt gray", "png");
    film(&folder, ["in", "-o", "out", "--preview"]).code(0);
    assert_eq!(folder.names("out"), ["scan_%06d.png.preview.png"]);
    assert!(!folder.exists("out/.polychromify"));
    let sheet = image::open(folder.path("out/scan_%06d.png.preview.png")).unwrap().into_rgb8();
    assert_eq!(sheet.dimensions(), (4 * 64, 2 * 48), "two rows of four");
    assert!(sheet.pixels().any(|pixel| pixel.0[0] != pixel.0[1]), "it has no colors");
}

#[test]
fn a_folder_of_photographs_is_no_sequence() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    for name in ["horse.png", "house2.png", "a1.png", "a2.png"] {
        folder.write(&format!("in/{name}"), pictures::png(32, 24, 1));
    }
    let run = film(&folder, ["in", "-o", "out"]).code(0);
    assert!(run.stderr.contains("no films found"), "{run:?}");
}

#[test]
fn a_sequence_that_grows_while_it_is_colored_fails_and_is_whole_the_next_time() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames(12, "-pix_fmt gray", "png");
    let mut command = folder.command(["film", "in", "-o", "out", "--weights", weights::tiny()]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !folder.exists("out/scan_000001.png") {
        thread::sleep(Duration::from_millis(1));
    }
    folder.write("in/scan_000097.png", folder.read("in/scan_000096.png"));
    let run = Run::of(child.wait_with_output().unwrap());
    run.code(1).one_error(&["in/scan_%06d.png", "has 97 frames by now in place of 96"]);
    assert!(!folder.exists("out/scan_%06d.png.json"));
    film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(list(&folder, "out/scan_%06d.png.json")["film"]["frames"], 97);
}
