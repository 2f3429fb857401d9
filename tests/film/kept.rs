use serde_json::Value;

use crate::clips::{film, have_ffmpeg, is_empty, luma, make, pictures, program, sound, told};
use crate::folder::Folder;

/// A clip, and what its result has to say of itself.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Arguments of ffmpeg behind the pictures.
    pub(crate) coded: &'static str,
    pub(crate) pixels: &'static str,
    pub(crate) range: &'static str,
    pub(crate) space: &'static str,
}

pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "gray-limited.mkv",
        coded: "-pix_fmt gray -color_range tv -c:v ffv1",
        pixels: "yuv444p",
        range: "tv",
        space: "smpte170m",
    },
    Kind {
        name: "gray-full.mkv",
        coded: "-pix_fmt gray -color_range pc -c:v ffv1",
        pixels: "yuv444p",
        range: "pc",
        space: "smpte170m",
    },
    Kind {
        name: "gray10.mkv",
        coded: "-pix_fmt gray10le -color_range tv -c:v ffv1",
        pixels: "yuv444p10le",
        range: "tv",
        space: "smpte170m",
    },
    Kind {
        name: "gray16.mkv",
        coded: "-pix_fmt gray16le -color_range pc -c:v ffv1",
        pixels: "yuv444p16le",
        range: "pc",
        space: "smpte170m",
    },
    Kind {
        name: "420-601.mkv",
        coded: "-pix_fmt yuv420p -color_range tv -colorspace smpte170m -c:v ffv1",
        pixels: "yuv420p",
        range: "tv",
        space: "smpte170m",
    },
    Kind {
        name: "420-709-full.mkv",
        coded: "-pix_fmt yuv420p -color_range pc -colorspace bt709 -c:v ffv1",
        pixels: "yuv420p",
        range: "pc",
        space: "bt709",
    },
    Kind {
        name: "420-10.mkv",
        coded: "-pix_fmt yuv420p10le -color_range tv -colorspace bt709 -c:v ffv1",
        pixels: "yuv420p10le",
        range: "tv",
        space: "bt709",
    },
    Kind {
        name: "420-h264.mp4",
        coded: "-pix_fmt yuv420p -color_range tv -colorspace bt709 -c:v libx264",
        pixels: "yuv420p",
        range: "tv",
        space: "bt709",
    },
    Kind {
        name: "422.mkv",
        coded: "-pix_fmt yuv422p -color_range tv -colorspace bt470bg -c:v ffv1",
        pixels: "yuv422p",
        range: "tv",
        space: "bt470bg",
    },
    Kind {
        name: "422-10-prores.mov",
        coded: "-vf format=yuv422p10le,setparams=colorspace=bt709 -movflags write_colr -c:v prores_ks",
        pixels: "yuv422p10le",
        range: "tv",
        space: "bt709",
    },
    Kind {
        name: "444-12.mkv",
        coded: "-pix_fmt yuv444p12le -color_range tv -colorspace bt709 -c:v ffv1",
        pixels: "yuv444p12le",
        range: "tv",
        space: "bt709",
    },
    Kind {
        name: "422-10-2020.mkv",
        coded: "-pix_fmt yuv422p10le -color_range tv -colorspace bt2020nc -c:v ffv1",
        pixels: "yuv422p10le",
        range: "tv",
        space: "bt2020nc",
    },
    Kind {
        name: "jpeg.avi",
        coded: "-pix_fmt yuvj420p -c:v mjpeg",
        pixels: "yuv420p",
        range: "pc",
        space: "bt470bg",
    },
];

#[test]
fn luma_times_and_tags_of_every_kind_of_pixel_are_the_source_s() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    for Kind { name, coded, .. } in KINDS {
        make(&folder, &format!("{} {coded} in/{name}", pictures("66x50", 24, 0.5)));
    }
    film(&folder, ["in", "-o", "out"]).code(0);
    for Kind { name, pixels, range, space, .. } in KINDS {
        let result = if name.ends_with("mkv") { (*name).to_owned() } else { format!("{name}.mkv") };
        let expected = luma(&folder, &format!("in/{name}"), "");
        assert_eq!(expected.len(), 12, "{name}");
        assert_eq!(luma(&folder, &format!("out/{result}"), ""), expected, "{name}");
        let keys = "stream=codec_name,pix_fmt,color_range,color_space";
        let told = told(&folder, &format!("out/{result}"), keys);
        let wanted = format!(
            "codec_name=ffv1\npix_fmt={pixels}\ncolor_range={range}\ncolor_space={space}\n"
        );
        assert_eq!(told, wanted, "{name}");
    }
}

#[test]
fn a_result_has_colors() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    make(&folder, &format!("{} -pix_fmt yuv420p -c:v ffv1 in/a.mkv", pictures("64x48", 10, 0.5)));
    film(&folder, ["in", "-o", "out", "--saturation", "2"]).code(0);
    let shown = program(
        &folder,
        "ffmpeg",
        "-nostdin -i out/a.mkv -vf extractplanes=u -frames:v 1 -c:v rawvideo -f rawvideo -",
    );
    assert!(shown.stdout.len() == 32 * 24 && shown.stdout.iter().any(|sample| *sample != 128));
}

#[test]
fn frames_at_uneven_times_keep_them() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    for name in ["a.mkv", "b.mp4"] {
        let uneven = "-vf select=not(mod(n\\,3))+gt(n\\,20) -fps_mode passthrough";
        let pictures = pictures("64x48", 25, 1.6);
        make(&folder, &format!("{pictures} {uneven} -pix_fmt yuv420p -c:v libx264 in/{name}"));
    }
    film(&folder, ["in", "-o", "out"]).code(0);
    for (source, result) in [("in/a.mkv", "out/a.mkv"), ("in/b.mp4", "out/b.mp4.mkv")] {
        let expected = luma(&folder, source, "");
        let steps: Vec<i64> = expected.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(steps.contains(&120) && steps.contains(&40), "{steps:?}");
        assert_eq!(luma(&folder, result, ""), expected);
    }
}

#[test]
fn a_film_that_is_to_be_turned_is_upright_with_its_pixels_turned_too() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    let coded = "-vf setsar=16/15 -pix_fmt yuv422p10le -c:v prores_ks";
    make(&folder, &format!("{} {coded} upright.mov", pictures("64x48", 10, 0.5)));
    make(&folder, "-i upright.mov -c copy -metadata:s:v:0 rotate=90 in/a.mov");
    film(&folder, ["in", "-o", "out"]).code(0);
    let stored = told(&folder, "in/a.mov", "stream_side_data=rotation");
    assert!(stored.contains("rotation=-90") || stored.contains("rotation=90"), "{stored}");
    let turn = if stored.contains("=-90") { ",transpose=clock" } else { ",transpose=cclock" };
    assert_eq!(luma(&folder, "out/a.mov.mkv", ""), luma(&folder, "in/a.mov", turn));
    let told = told(&folder, "out/a.mov.mkv", "stream=width,height,sample_aspect_ratio");
    assert_eq!(told, "width=48\nheight=64\nsample_aspect_ratio=15:16\n");
}

#[test]
fn sound_subtitles_chapters_attachments_tags_and_timecode_are_carried_over() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new()
        .file("in/a", "")
        .file("s.srt", "1\n00:00:00,200 --> 00:00:00,800\nA line\n")
        .file("note.txt", "a note")
        .file(
            "meta",
            ";FFMETADATA1\ntitle=A film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n",
        );
    let tone = "-f lavfi -i sine=d=1 -f lavfi -i sine=440:d=1";
    make(
        &folder,
        &format!(
            "{} {tone} -i s.srt -i meta -map 0 -map 1 -map 2 -map 3 -map_metadata 4 -map_chapters 4 \
             -pix_fmt yuv420p -c:v ffv1 -c:a:0 pcm_s16le -c:a:1 aac -c:s srt \
             -metadata:s:a:1 language=deu -metadata:s:v:0 timecode=10:00:00:00 \
             -attach note.txt -metadata:s:t mimetype=text/plain in/a.mkv",
            pictures("64x48", 25, 1.0)
        ),
    );
    film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(sound(&folder, "out/a.mkv"), sound(&folder, "in/a.mkv"));
    let told = program(
        &folder,
        "ffprobe",
        "-show_streams -show_format -show_chapters -of default=nw=1 out/a.mkv",
    );
    let told = String::from_utf8(told.stdout).unwrap();
    for words in [
        "codec_name=subrip",
        "filename=note.txt",
        "tag:title=A film",
        "TAG:title=One",
        "language=deu",
        "10:00:00:00",
        "COLORIZATION_WEIGHTS_SHA256",
        "compositeWithTrainedAlgorithmicMedia",
    ] {
        let found =
            told.to_lowercase().contains(&words.to_lowercase().replace("tag:title", "title"));
        assert!(found, "{words} in {told}");
    }
}

#[test]
fn sound_that_begins_before_the_pictures_stays_beside_them() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/a", "");
    let coded = "-vf setpts=PTS+0.3/TB -pix_fmt yuv420p -c:v libx264 -c:a aac in/a.mp4";
    let tone = "-f lavfi -i sine=d=1 -map 0 -map 1";
    make(&folder, &format!("{} {tone} {coded}", pictures("64x48", 25, 1.0)));
    film(&folder, ["in", "-o", "out"]).code(0);
    let first = |file: &str, stream: &str| {
        let asked = "-read_intervals %+#1 -show_entries packet=pts_time -of default=nw=1:nk=1";
        let told = program(&folder, "ffprobe", &format!("-select_streams {stream} {asked} {file}"));
        let told = String::from_utf8(told.stdout).unwrap();
        told.lines().next().unwrap().parse::<f64>().unwrap()
    };
    let apart = |file: &str| first(file, "v:0") - first(file, "a:0");
    let (expected, found) = (apart("in/a.mp4"), apart("out/a.mp4.mkv"));
    assert!(expected > 0.3, "{expected}");
    assert!((expected - found).abs() < 0.002, "{found} in place of {expected}");
    assert_eq!(sound(&folder, "out/a.mp4.mkv"), sound(&folder, "in/a.mp4"));
}

/// All that a film has for which nothing is assumed: pictures whose tags tell all.
const TOLD: &str = "-pix_fmt yuv420p -color_range tv -colorspace smpte170m";

/// A film with sound, subtitles and an attachment, of which copies hold little as it is.
fn with_much_beside_the_pictures() -> Folder {
    let folder = Folder::new()
        .file("in/b", "")
        .file("s.srt", "1\n00:00:00,200 --> 00:00:00,800\n<i>A</i> line\n")
        .file("note.txt", "a note");
    let coded = format!("{TOLD} -c:v ffv1 -c:a flac -c:s srt");
    let attached = "-attach note.txt -metadata:s:t mimetype=text/plain";
    let beside = "-f lavfi -i sine=d=1 -i s.srt -map 0 -map 1 -map 2";
    let pictures = pictures("64x48", 25, 1.0);
    make(&folder, &format!("{pictures} {beside} {coded} {attached} in/a.mkv"));
    folder
}

/// The kinds of a film's notices.
fn kinds(told: &Value) -> Vec<&str> {
    told["notices"].as_array().unwrap().iter().map(|of| of["kind"].as_str().unwrap()).collect()
}

/// The kinds and codecs of a film's streams.
fn streams(folder: &Folder, file: &str) -> String {
    let asked = "-show_entries stream=codec_type,codec_name -of csv=p=0";
    let told = program(folder, "ffprobe", &format!("{asked} {file}"));
    String::from_utf8(told.stdout).unwrap().replace('\n', " ").trim().to_owned()
}

#[test]
fn what_copies_cannot_hold_is_told_and_refused_by_strict() {
    if !have_ffmpeg() {
        return;
    }
    let folder = with_much_beside_the_pictures();
    for (codec, sound) in [("h264", "flac"), ("prores", "flac")] {
        let copy = ["in", "-o", "out", "--codec", codec];
        let strict = film(&folder, copy.into_iter().chain(["--strict"])).code(1);
        strict.one_error(&["in/a.mkv", "sound", sound, "attachments", "subtitles"]);
        assert!(is_empty(&folder.path("out")), "{codec}");
    }
    for (codec, result, expected) in [
        ("h264", "out/a.mkv.mp4", "h264,video aac,audio mov_text,subtitle"),
        ("prores", "out/a.mkv.mov", "prores,video pcm_s24le,audio mov_text,subtitle"),
    ] {
        let run = film(&folder, ["in", "-o", "out", "--codec", codec]).code(0);
        let told = run.line("in/a.mkv");
        let expected_kinds = ["subtitles-converted", "sound-converted", "attachments-left-out"];
        assert_eq!(kinds(&told), expected_kinds, "{codec}");
        assert_eq!(streams(&folder, result), expected);
        let text = program(&folder, "ffmpeg", &format!("-nostdin -i {result} -map 0:s -f srt -"));
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("00:00:00,200 --> 00:00:00,800\n<i>A</i> line"), "{text}");
    }
    let run = film(&folder, ["in", "-o", "lossless", "--strict"]).code(0);
    assert_eq!(kinds(&run.line("in/a.mkv")), [""; 0], "Matroska holds all of it");
}

#[test]
fn what_copies_hold_has_no_notice() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    let tone = "-f lavfi -i sine=d=1 -map 0 -map 1";
    make(
        &folder,
        &format!("{} {tone} {TOLD} -c:v ffv1 -c:a aac in/a.mkv", pictures("64x48", 25, 1.0)),
    );
    for codec in ["h264", "prores"] {
        let run = film(&folder, ["in", "-o", codec, "--codec", codec, "--strict"]).code(0);
        assert_eq!(kinds(&run.line("in/a.mkv")), [""; 0]);
    }
}

#[test]
fn data_beside_the_pictures_is_told_and_refused_by_strict() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "").file("note.txt", "a note");
    let data = "-f data -i note.txt -map 0 -map 1 -c:d copy";
    let pictures = pictures("64x48", 25, 1.0);
    make(&folder, &format!("{pictures} {data} {TOLD} -c:v libx264 in/a.ts"));
    film(&folder, ["in", "-o", "out", "--strict"]).code(1).one_error(&["in/a.ts", "bin_data"]);
    assert!(is_empty(&folder.path("out")));
    let run = film(&folder, ["in", "-o", "out"]).code(0);
    assert_eq!(kinds(&run.line("in/a.ts")), ["data-left-out"]);
}

#[test]
fn a_timecode_that_is_a_track_is_no_data_that_is_left_out() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    let coded = format!("{TOLD} -metadata:s:v:0 timecode=10:00:00:00 -c:v libx264 in/a.mov");
    make(&folder, &format!("{} {coded}", pictures("64x48", 25, 1.0)));
    assert_eq!(streams(&folder, "in/a.mov"), "h264,video unknown,data");
    film(&folder, ["in", "-o", "out", "--strict"]).code(0);
    let told = told(&folder, "out/a.mov.mkv", "stream_tags=TIMECODE");
    assert!(told.contains("10:00:00:00"), "{told}");
}

#[test]
fn the_json_beside_a_result_tells_by_how_much_it_comes_later_than_its_source() {
    if !have_ffmpeg() {
        return;
    }
    let folder = Folder::new().file("in/b", "");
    let coded = format!("-f lavfi -i sine=d=1 -ar 8000 -map 0 -map 1 {TOLD} -c:v libx264 -c:a aac");
    make(&folder, &format!("{} {coded} in/a.mp4", pictures("64x48", 25, 1.0)));
    film(&folder, ["in", "-o", "out"]).code(0);
    let told: Value = serde_json::from_slice(&folder.read("out/a.mp4.mkv.json")).unwrap();
    assert_eq!(told["film"]["shots_at"]["seconds"][0], 0.0);
    // AAC begins with 1024 samples that are not heard.
    assert_eq!(told["film"]["later"], 0.128);
    assert_eq!(luma(&folder, "out/a.mp4.mkv", "")[0].0, 128);
}
