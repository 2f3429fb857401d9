use serde_json::Value;

use crate::clips::{film, have_ffmpeg, make, program, times, told};
use crate::folder::Folder;

/// A clip in RGB, and how its result is coded.
struct Kind {
    name: &'static str,
    coded: &'static str,
    depth: u8,
    result: &'static str,
}

const KINDS: &[Kind] = &[
    Kind { name: "ffv1.mkv", coded: "-pix_fmt bgr0 -c:v ffv1", depth: 8, result: "bgr0" },
    Kind { name: "packed.avi", coded: "-pix_fmt bgr24 -c:v rawvideo", depth: 8, result: "bgr0" },
    Kind { name: "png.mov", coded: "-pix_fmt rgb48be -c:v png", depth: 16, result: "gbrp16le" },
    Kind { name: "mj2.mov", coded: "-pix_fmt rgb24 -c:v jpeg2000", depth: 8, result: "bgr0" },
    Kind {
        name: "ffv1-10.mkv",
        coded: "-pix_fmt gbrp10le -c:v ffv1",
        depth: 10,
        result: "gbrp10le",
    },
    Kind {
        name: "ffv1-12.mkv",
        coded: "-pix_fmt gbrp12le -c:v ffv1",
        depth: 12,
        result: "gbrp12le",
    },
    Kind {
        name: "ffv1-16.mkv",
        coded: "-pix_fmt gbrp16le -c:v ffv1",
        depth: 16,
        result: "gbrp16le",
    },
];

/// Films in RGB, in the folder `in`; with colors, so that lightness differs from each of them.
fn films() -> Folder {
    let folder = Folder::new().file("in/a", "");
    for Kind { name, coded, .. } in KINDS {
        make(&folder, &format!("-f lavfi -i testsrc2=s=66x50:r=24:d=0.25 {coded} in/{name}"));
    }
    folder
}

/// CIE L* of all pixels of all frames: of green, blue and red in 16 bits.
fn lightness(folder: &Folder, file: &str) -> Vec<f64> {
    let raw = "-fps_mode passthrough -c:v rawvideo -pix_fmt gbrp16le -f rawvideo -";
    let bytes = program(folder, "ffmpeg", &format!("-nostdin -i {file} -map 0:v:0 {raw}")).stdout;
    let plane = 66 * 50;
    let linear = |bytes: &[u8], at: usize| {
        let v = f64::from(u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])) / 65535.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    let of_frame = |frame: &[u8]| {
        let pixel = |at| {
            let (g, b, r) =
                (linear(frame, at), linear(frame, plane + at), linear(frame, 2 * plane + at));
            // IEC 61966-2-1 and CIE 15.
            let y = 0.212_639 * r + 0.715_169 * g + 0.072_192 * b;
            if y > 216.0 / 24389.0 { 116.0 * y.cbrt() - 16.0 } else { y * 24389.0 / 27.0 }
        };
        (0..plane).map(pixel).collect::<Vec<_>>()
    };
    bytes.chunks_exact(6 * plane).flat_map(of_frame).collect()
}

#[test]
fn lightness_and_times_of_frames_in_rgb_are_the_source_s() {
    if !have_ffmpeg() {
        return;
    }
    let folder = films();
    film(&folder, ["in", "-o", "out", "--force", "--saturation", "2"]).code(0);
    for Kind { name, depth, result, .. } in KINDS {
        let source = format!("in/{name}");
        let film =
            if name.ends_with("mkv") { format!("out/{name}") } else { format!("out/{name}.mkv") };
        let (expected, found) = (lightness(&folder, &source), lightness(&folder, &film));
        assert_eq!((expected.len(), found.len()), (6 * 66 * 50, 6 * 66 * 50), "{name}");
        let differences = expected.iter().zip(&found).map(|(e, f)| (e - f).abs());
        let most = differences.fold(0.0, f64::max);
        let allowed = (0.5 / f64::from(1 << (depth - 8))).max(0.02);
        assert!(most <= allowed, "{name}: {most}");
        let keys = "stream=codec_name,pix_fmt,color_range,color_space";
        let wanted =
            format!("codec_name=ffv1\npix_fmt={result}\ncolor_range=pc\ncolor_space=gbr\n");
        assert_eq!(told(&folder, &film, keys), wanted, "{name}");
        assert_eq!(times(&folder, &film), times(&folder, &source), "{name}");
    }
}

#[test]
fn the_json_and_the_tags_say_that_lightness_is_kept_and_how_well() {
    if !have_ffmpeg() {
        return;
    }
    let folder = films();
    let run = film(&folder, ["in/ffv1.mkv", "-o", "out", "--force"]).code(0);
    let notices = run.line("in/ffv1.mkv")["notices"].to_string();
    assert!(notices.contains("lightness_kept"), "{notices}");
    let told: Value = serde_json::from_slice(&folder.read("out/ffv1.mkv.json")).unwrap();
    assert_eq!(told["film"]["keeps"], "lightness");
    assert!(told["film"]["luma_framemd5_sha256"].is_null());
    let difference = &told["film"]["lightness_difference"];
    let (most, mean) = (difference["most"].as_f64().unwrap(), difference["mean"].as_f64().unwrap());
    assert!(most > 0.0 && most <= 0.5 && mean < most, "{difference}");
    let tags = program(&folder, "ffprobe", "-show_format out/ffv1.mkv").stdout;
    assert!(String::from_utf8(tags).unwrap().contains("COLORIZATION_KEEPS=lightness"));
}

#[test]
fn copies_of_films_in_rgb_are_tagged_as_they_are_coded() {
    if !have_ffmpeg() {
        return;
    }
    let folder = films();
    for (codec, name, pixels) in
        [("prores", "out/ffv1.mkv.mov", "yuv444p12le"), ("h264", "out/ffv1.mkv.mp4", "yuv420p")]
    {
        film(&folder, ["in/ffv1.mkv", "-o", "out", "--force", "--codec", codec]).code(0);
        let told = told(&folder, name, "stream=pix_fmt,color_range,color_space");
        assert_eq!(told, format!("pix_fmt={pixels}\ncolor_range=tv\ncolor_space=bt709\n"));
    }
}
