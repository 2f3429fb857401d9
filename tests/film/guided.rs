use crate::clips::{film, have_ffmpeg, make, program};
use crate::folder::Folder;

/// A film of a second, as it was and in gray, and its frame at 0.52 s as it was: a view along a
/// photograph, blue in the dark and orange where it is bright.
fn guided() -> Option<Folder> {
    have_ffmpeg().then(|| {
        let folder = Folder::new().file("in/b", "").file("two/b", "");
        let photograph = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/photos/life.jpg");
        let colors = "colorbalance=rs=-.4:bs=.5:rh=.5:bh=-.5,crop=320:240:x=2*n:y=9,format=yuv444p";
        let view = format!("scale=480:-2,format=rgb24,{colors}");
        make(&folder, &format!("-loop 1 -r 25 -i {photograph} -t 1 -vf {view} -c:v ffv1 true.mkv"));
        make(&folder, "-i true.mkv -vf extractplanes=y -color_range tv -c:v ffv1 in/a.mkv");
        make(&folder, "-i in/a.mkv -c copy two/a.mkv");
        make(&folder, "-i in/a.mkv -c copy two/c.mkv");
        make(&folder, "-i true.mkv -vf select=eq(n\\,13) -frames:v 1 frame.png");
        make(&folder, "-f lavfi -i mandelbrot=s=320x240 -frames:v 1 other.png");
        make(&folder, "-i frame.png -vf format=gray gray.png");
        folder
    })
}

/// Mean difference of the samples of Cb and Cr from those of the true film.
fn away(folder: &Folder, file: &str) -> f64 {
    let planes = |file: &str| {
        let written = "-f rawvideo -c:v rawvideo -pix_fmt yuv444p -";
        program(folder, "ffmpeg", &format!("-nostdin -i {file} {written}")).stdout
    };
    let (found, expected) = (planes(file), planes("true.mkv"));
    assert_eq!(found.len(), expected.len());
    let frames = found.chunks(3 * 320 * 240).zip(expected.chunks(3 * 320 * 240));
    let chroma = frames.flat_map(|(f, e)| f[320 * 240..].iter().zip(&e[320 * 240..]));
    let apart: f64 = chroma.map(|(f, e)| f64::from(f.abs_diff(*e))).sum();
    apart / (found.len() * 2 / 3) as f64
}

#[test]
fn a_frame_in_colors_and_a_reference_bring_a_film_nearer_to_its_colors() {
    let Some(folder) = guided() else { return };
    // With the weights that everybody has: corrections of colors without a meaning have none either.
    for (to, guide) in [
        ("plain", "--json"),
        ("key", "--keyframe=0.52=frame.png"),
        ("reference", "--reference=frame.png"),
    ] {
        folder.polychromify(["film", "in", "-o", to, guide]).code(0);
    }
    let [plain, key, reference] =
        ["plain", "key", "reference"].map(|at| away(&folder, &format!("{at}/a.mkv")));
    assert!(key < 0.5 * plain, "{key} of {plain}");
    assert!(reference < 0.7 * plain, "{reference} of {plain}");
}

#[test]
fn a_frame_of_a_sequence_is_told_by_the_number_in_its_name() {
    let Some(folder) = guided() else { return };
    folder.write("frames/b", "");
    make(&folder, "-i in/a.mkv -pix_fmt gray -start_number 3 frames/view_%04d.png");
    film(&folder, ["frames", "-o", "plain"]).code(0);
    film(&folder, ["frames", "-o", "key", "--keyframe", "16=frame.png"]).code(0);
    let hint = r#"[{"frame": 16, "x": 160, "y": 200, "radius": 20, "rgb": [200, 30, 30]}]"#;
    folder.write("hints.json", hint);
    film(&folder, ["frames", "-o", "hinted", "--hints", "hints.json"]).code(0);
    let [plain, key, hinted] =
        ["plain", "key", "hinted"].map(|at| away(&folder, &format!("{at}/view_%04d.png")));
    assert!(key < 0.5 * plain, "{key} of {plain}");
    assert!((hinted - plain).abs() > 0.1, "{hinted} and {plain}");
}

#[test]
fn what_does_not_belong_to_the_sequence_is_refused_by_name() {
    let Some(folder) = guided() else { return };
    folder.write("frames/b", "");
    make(&folder, "-i in/a.mkv -pix_fmt gray -start_number 3 frames/view_%04d.png");
    let hint = |frame: &str, x: u32| {
        format!(r#"[{{{frame}, "x": {x}, "y": 20, "radius": 20, "rgb": [200, 30, 30]}}]"#)
    };
    folder.write("time.json", hint(r#""time": 0.5"#, 20));
    folder.write("frame.json", hint(r#""frame": 16"#, 20));
    folder.write("outside.json", hint(r#""frame": 16"#, 999));
    for (code, options, words) in [
        (2, "frames --keyframe 0.52=frame.png", ["frame.png", "the number in its name"]),
        (1, "frames --keyframe 99=frame.png", ["frame.png", "frame 99"]),
        (1, "frames --keyframe 16=other.png", ["other.png", "view_0016.png"]),
        (1, "frames --keyframe 16=frame.png --hints frame.json", ["a second one", "view_0016"]),
        (1, "frames --hints outside.json", ["outside.json", "view_0016.png"]),
        (2, "frames --hints time.json", ["time.json", "the number in its name"]),
        (2, "in --hints frame.json", ["frame.json", "by time"]),
    ] {
        let run = film(&folder, options.split(' ').chain(["-o", "out"]));
        run.code(code).one_error(&words);
        assert!(crate::clips::is_empty(&folder.path("out")), "{options}");
    }
}

#[test]
fn what_guided_a_film_is_in_its_label_and_decides_whether_it_is_done() {
    let Some(folder) = guided() else { return };
    let guide = ["in", "-o", "out", "--keyframe", "0.52=frame.png", "--redo-older"];
    film(&folder, guide).code(0);
    let told: serde_json::Value = serde_json::from_slice(&folder.read("out/a.mkv.json")).unwrap();
    assert!(told["settings"]["guidance"].is_string(), "{told}");
    let label = program(&folder, "ffprobe", "-show_entries format_tags out/a.mkv").stdout;
    let label = String::from_utf8(label).unwrap();
    assert!(label.contains("1 frame in colors by the user"), "{label}");
    assert_eq!(film(&folder, guide).line("in/a.mkv")["reason"], "done already");
    let other = film(&folder, ["in", "-o", "out", "--redo-older"]).code(0);
    assert_eq!(other.line("in/a.mkv")["status"], "done");
}

#[test]
fn hints_for_frames_color_their_place() {
    let Some(folder) = guided() else { return };
    let hint = r#"[{"time": 0.5, "x": 160, "y": 200, "radius": 20, "rgb": [200, 30, 30]}]"#;
    folder.write("hints.json", hint);
    film(&folder, ["in", "-o", "out", "--hints", "hints.json"]).code(0);
    let show = "-nostdin -i out/a.mkv -vf extractplanes=v -c:v rawvideo -f rawvideo -";
    let planes = program(&folder, "ffmpeg", show).stdout;
    for (number, plane) in planes.chunks(320 * 240).enumerate() {
        let red = plane[200 * 320 + 160];
        assert!(red > 128 + 10, "frame {number}: {red}");
    }
}

#[test]
fn what_does_not_belong_to_the_film_is_refused_by_name() {
    let Some(folder) = guided() else { return };
    let hint = r#"[{"time": 0.5, "x": 999, "y": 20, "radius": 20, "rgb": [200, 30, 30]}]"#;
    folder.write("outside.json", hint);
    folder.write("wrong.json", r#"[{"x": 9, "y": 20, "radius": 20, "rgb": [200, 30, 30]}]"#);
    for (code, options, words) in [
        (1, "in --keyframe 0.52=other.png", ["other.png", "another picture"]),
        (1, "in --keyframe 7=frame.png", ["frame.png", "the film ends before"]),
        (1, "in --keyframe 0.5=frame.png --keyframe 0.51=frame.png", ["a second one", "0.510"]),
        (1, "in --hints outside.json", ["outside.json", "outside of the frame"]),
        (2, "in --hints wrong.json", ["wrong.json", "time"]),
        (2, "in --keyframe 0.5=gray.png", ["gray.png", "black and white"]),
        (2, "in --reference gray.png", ["gray.png", "black and white"]),
        (2, "in --keyframe 0.5=absent.png", ["absent.png", "No such file"]),
        (2, "two --keyframe 0.5=frame.png", ["--keyframe", "there are 2"]),
    ] {
        let run = film(&folder, options.split(' ').chain(["-o", "out"]));
        run.code(code).one_error(&words);
        assert!(crate::clips::is_empty(&folder.path("out")), "{options}");
    }
}
