use std::fs;

use serde_json::Value;

use crate::clips::{film, have_ffmpeg, is_empty, luma, make, program, shots, times, told};
use crate::folder::Folder;

const RESULT: &str = "out/scan_%04d.dpx.mkv";

/// Two shots of 8 frames, `in/scan_0101.dpx` and so on, whose heads have all parts.
fn frames(coded: &str, head: impl Fn(&mut [u8])) -> Folder {
    let folder = Folder::new().file("in/note.txt", "");
    make(&folder, &format!("{} {coded} -start_number 101 in/scan_%04d.dpx", shots(2)));
    for number in 101..117 {
        let name = format!("in/scan_{number:04}.dpx");
        let bytes = folder.read(&name);
        // ffmpeg leaves out the parts on film and television: 384 bytes, all ones where not filled in.
        let mut whole = [&bytes[..1664], &[0xff; 384], &bytes[1664..]].concat();
        set(&mut whole, 4, 2048);
        let size = whole.len() as u32;
        set(&mut whole, 16, size);
        head(&mut whole);
        folder.write(&name, whole);
    }
    folder
}

/// Sets a field of a head, in its order of bytes.
fn set(head: &mut [u8], at: usize, value: u32) {
    let is_big = head.starts_with(b"SDPX");
    let bytes = if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    head[at..at + 4].copy_from_slice(&bytes);
}

/// Tells rate and range.
fn tell(head: &mut [u8]) {
    set(head, 1724, 18.0_f32.to_bits());
    set(head, 784, 0);
    set(head, 792, 255);
}

#[test]
fn gray_frames_become_a_film_with_their_luma_rate_and_timecode() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gray", |head| {
        tell(head);
        set(head, 1920, 0x0102_0304);
    });
    film(&folder, ["in", "-o", "out", "--strict"]).code(0);
    let source = luma(&folder, "in/scan_0101.dpx", "");
    assert_eq!(source[0].1, luma(&folder, RESULT, "")[0].1);
    let source = luma(&folder, "in/scan_0116.dpx", "");
    assert_eq!(source[0].1, luma(&folder, RESULT, "")[15].1);
    let expected: Vec<i64> =
        (0..16).map(|i| (f64::from(i) * 1000.0 / 18.0).round() as i64).collect();
    assert_eq!(times(&folder, RESULT), expected);
    let told = told(&folder, RESULT, "stream=pix_fmt,color_range:stream_tags=TIMECODE");
    assert!(told.starts_with("pix_fmt=yuv444p\ncolor_range=pc\n"), "{told}");
    assert!(told.contains("01:02:03:04"), "{told}");
}

#[test]
fn the_heads_of_all_frames_are_attached() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gray", |head| {
        tell(head);
        head[1556..1560].copy_from_slice(b"reel");
    });
    film(&folder, ["in", "-o", "out", "--strict"]).code(0);
    program(&folder, "ffmpeg", &format!("-nostdin -dump_attachment:t:0 heads.dpx -i {RESULT}"));
    let heads = (101..117).map(|number| folder.read(&format!("in/scan_{number:04}.dpx")));
    let expected: Vec<u8> = heads.flat_map(|frame| frame[..2048].to_vec()).collect();
    assert!(folder.read("heads.dpx") == expected);
}

#[test]
fn heads_that_the_result_cannot_hold_are_told_and_refused_by_strict() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gray", tell);
    let copies = ["in", "-o", "out", "--codec", "h264"];
    film(&folder, copies.into_iter().chain(["--strict"])).code(1).one_error(&["heads"]);
    let run = film(&folder, copies).code(0);
    let notices = run.line("in/scan_%04d.dpx")["notices"].to_string();
    assert!(notices.contains("dpx-heads-left-out"), "{notices}");
    let added = frames("-pix_fmt gray", |head| {
        tell(head);
        set(head, 32, 128);
    });
    film(&added, ["in", "-o", "out", "--strict"]).code(1).one_error(&["added to the heads"]);
}

#[test]
fn frames_in_rgb_keep_depth_and_lightness() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gbrp10le", |_| ());
    let run = film(&folder, ["in", "-o", "out"]).code(0);
    assert!(run.line("in/scan_%04d.dpx")["notices"].to_string().contains("rate-assumed"));
    let told = told(&folder, RESULT, "stream=codec_name,pix_fmt");
    assert_eq!(told, "codec_name=ffv1\npix_fmt=gbrp10le\n");
    let json: Value = serde_json::from_slice(&folder.read(&format!("{RESULT}.json"))).unwrap();
    assert_eq!(
        (&json["film"]["keeps"], &json["film"]["frames"]),
        (&"lightness".into(), &16.into())
    );
    assert!(json["film"]["lightness_difference"]["most"].as_f64().unwrap() <= 0.125);
}

#[test]
fn a_sequence_is_done_once_and_made_anew_when_a_frame_changes() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gray", |_| ());
    film(&folder, ["in/scan_%04d.dpx", "-o", "out", "--rate", "24000/1001"]).code(0);
    assert_eq!(told(&folder, RESULT, "stream=avg_frame_rate"), "avg_frame_rate=24000/1001\n");
    let first = folder.read(RESULT);
    let again = film(&folder, ["in", "-o", "out", "--rate", "24000/1001"]).code(0);
    assert_eq!(again.line("in/scan_%04d.dpx")["reason"], "done already");
    folder.write("in/scan_0103.dpx", folder.read("in/scan_0112.dpx"));
    film(&folder, ["in", "-o", "out", "--rate", "24000/1001"]).code(0);
    assert!(folder.read(RESULT) != first);
}

#[test]
fn what_is_not_as_it_is_shown_is_refused_by_name() {
    if !have_ffmpeg() {
        return;
    }
    for (transfer, words) in [(1, "printing density"), (3, "logarithmic"), (2, "linear light")] {
        let folder = frames("-pix_fmt gray", |head| {
            head[801] = transfer;
            head[160..260].fill(0); // ffmpeg calls all linear
        });
        film(&folder, ["in", "-o", "out"]).code(1).one_error(&["in/scan_", words]);
        assert!(is_empty(&folder.path("out")));
    }
}

#[test]
fn a_frame_that_is_missing_or_damaged_is_refused_by_name() {
    if !have_ffmpeg() {
        return;
    }
    let folder = frames("-pix_fmt gray", |_| ());
    let bytes = folder.read("in/scan_0105.dpx");
    fs::remove_file(folder.path("in/scan_0105.dpx")).unwrap();
    film(&folder, ["in", "-o", "out"]).code(1).one_error(&["scan_0105.dpx is missing"]);
    folder.write("in/scan_0105.dpx", &bytes[..bytes.len() / 2]);
    film(&folder, ["in", "-o", "out"]).code(1).one_error(&["in/scan_%04d.dpx"]);
    assert!(is_empty(&folder.path("out")));
}
