use crate::clips::{film, have_ffmpeg, is_empty, luma, make, pictures, shots, told};
use crate::folder::Folder;

fn one_film() -> Folder {
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", pictures("64x48", 25, 1.0)));
    folder
}

#[test]
fn a_film_is_done_once_and_its_result_is_no_source() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    let done = film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(done.line("in/a.mkv")["status"], "done");
    let again = film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(again.line("in/a.mkv")["reason"], "done already");
    let of_result = film(&folder, ["out/a.mkv", "-o", "other"]).code(0);
    assert_eq!(of_result.line("out/a.mkv")["status"], "skipped");
    assert!(is_empty(&folder.path("other")));
}

#[test]
fn a_film_with_colors_is_skipped_unless_forced() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    let colors = "-f lavfi -i testsrc2=s=320x240:r=10:d=1";
    make(&folder, &format!("{colors} -pix_fmt yuv420p -c:v libx264 in/a.mp4"));
    let run = film(&folder, ["in", "-o", "out"]).code(0);
    let reason = run.line("in/a.mp4")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("has colors already"), "{reason}");
    assert!(is_empty(&folder.path("out")));
    film(&folder, ["in", "-o", "out", "--force"]).code(0);
    assert!(folder.exists("out/a.mp4.mkv"));
}

#[test]
fn a_dry_run_writes_nothing() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    let run = film(&folder, ["in", "-o", "out", "--dry-run"]).code(0);
    assert_eq!(run.line("in/a.mkv")["reason"], "dry run: would be colored");
    assert!(!folder.exists("out"));
}

#[test]
fn copies_for_editing_and_looking_have_all_frames() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    for (codec, name, coded) in
        [("prores", "out/a.mkv.mov", "prores"), ("h264", "out/a.mkv.mp4", "h264")]
    {
        film(&folder, ["in", "-o", "out", "--codec", codec]).code(0);
        let times = |file| luma(&folder, file, "").into_iter().map(|(time, _)| time).collect();
        let (found, expected): (Vec<i64>, Vec<i64>) = (times(name), times("in/a.mkv"));
        assert_eq!(found, expected);
        let told = told(&folder, name, "stream=codec_name,avg_frame_rate");
        assert_eq!(told, format!("codec_name={coded}\navg_frame_rate=25/1\n"));
    }
}

#[test]
fn the_json_beside_a_result_tells_of_its_luma() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    film(&folder, ["in", "-o", "out"]).code(0);
    let told: serde_json::Value = serde_json::from_slice(&folder.read("out/a.mkv.json")).unwrap();
    let listed: Vec<String> =
        luma(&folder, "in/a.mkv", "").into_iter().map(|(_, md5)| md5 + "\n").collect();
    let list = listed.concat();
    assert_eq!(told["film"]["luma_framemd5_sha256"], crate::folder::sha256(list.as_bytes()));
    assert_eq!(told["film"]["frames"], 25);
    assert_eq!(told["sha256"], crate::folder::sha256(&folder.read("out/a.mkv")));
}

#[test]
fn the_json_beside_a_result_tells_where_its_shots_begin() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", shots(3)));
    film(&folder, ["in", "-o", "out"]).code(0);
    let told: serde_json::Value = serde_json::from_slice(&folder.read("out/a.mkv.json")).unwrap();
    let expected = serde_json::json!({"frames": [0, 8, 16], "seconds": [0.0, 1.0, 2.0]});
    assert_eq!(told["film"]["shots_at"], expected);
}

#[test]
fn a_delivered_folder_with_films_is_verified() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    film(&folder, ["in", "-o", "out"]).code(0);
    folder.polychromify(["manifest", "-o", "out"]).code(0);
    folder.polychromify(["verify", "out"]).code(0);
    let mut bytes = folder.read("out/a.mkv");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write("out/a.mkv", bytes);
    folder.polychromify(["verify", "out"]).code(1);
}

#[test]
fn verify_compares_the_luma_of_films_with_what_was_told_of_their_sources() {
    if !have_ffmpeg() {
        return;
    }
    let folder = one_film();
    film(&folder, ["in", "-o", "out"]).code(0);
    folder.polychromify(["manifest", "-o", "out"]).code(0);
    let told = String::from_utf8(folder.read("out/a.mkv.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    let luma = json["film"]["luma_framemd5_sha256"].as_str().unwrap();
    let other = told.replace(luma, &"0".repeat(64));
    let sums = String::from_utf8(folder.read("out/manifest-sha256.txt")).unwrap();
    let [before, after] = [&told, &other].map(|text| crate::folder::sha256(text.as_bytes()));
    folder.write("out/a.mkv.json", &other);
    folder.write("out/manifest-sha256.txt", sums.replace(&before, &after));
    let run = folder.polychromify(["verify", "out", "--json"]).code(1);
    let found: Vec<_> = run.lines().into_iter().map(|line| line["problem"].clone()).collect();
    assert_eq!(found, ["luma"], "{run:?}");
}

#[test]
fn a_preview_is_a_sheet_with_a_frame_of_each_shot_and_nothing_else() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", shots(5)));
    let run = film(&folder, ["in", "-o", "out", "--preview"]).code(0);
    // The last of eight frames a second of each shot.
    let expected = serde_json::json!([0.875, 1.875, 2.875, 3.875, 4.875]);
    assert_eq!(run.line("in/a.mkv")["shown_at"], expected);
    assert_eq!(folder.names("out"), ["a.mkv.preview.png"]);
    assert!(!folder.exists("out/.polychromify"));
    let told = told(&folder, "out/a.mkv.preview.png", "stream=width,height");
    assert_eq!(told, "width=1280\nheight=480\n", "two rows of four");
    film(&folder, ["in", "-o", "out", "--preview"]).code(1).one_error(&["a.mkv.preview.png"]);
}
