//! The results' pixels: lightness kept, label, independence of how they were made.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::ImageReader;
use tiff::tags::Tag;

use crate::folder::{Folder, sha256};
use crate::pictures::{self, Samples};

pub(crate) const WIDTH: u32 = 61; // odd, and no multiple of anything
pub(crate) const HEIGHT: u32 = 47;

/// CIE L* of a relative luminance, 0..=100 (CIE 15:2004, 8.2.1).
fn lightness(y: f64) -> f64 {
    let limit = (6.0_f64 / 29.0).powi(3);
    116.0 * if y > limit { y.cbrt() } else { y / limit * 2.0 / 29.0 + 4.0 / 29.0 } - 16.0
}

/// CIE L* of encoded sRGB, 0..=1 (IEC 61966-2-1; luminances of brucelindbloom.com).
fn srgb_lightness(rgb: [f64; 3]) -> f64 {
    let linear =
        rgb.map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    lightness(0.2126729 * linear[0] + 0.7151522 * linear[1] + 0.0721750 * linear[2])
}

/// A tag of an ICC profile (ICC.1:2022, 7.3).
fn tag<'a>(icc: &'a [u8], name: &str) -> &'a [u8] {
    let word = |at: usize| u32::from_be_bytes(icc[at..at + 4].try_into().unwrap()) as usize;
    let entry =
        (0..word(128)).map(|i| 132 + 12 * i).find(|&at| &icc[at..at + 4] == name.as_bytes());
    let at = entry.unwrap_or_else(|| panic!("the profile has no {name}"));
    &icc[word(at + 4)..word(at + 4) + word(at + 8)]
}

fn fixed(bytes: &[u8]) -> f64 {
    f64::from(i32::from_be_bytes(bytes[..4].try_into().unwrap())) / 65536.0
}

/// Exponent of a tone curve that is a power.
fn gamma(curve: &[u8]) -> f64 {
    match &curve[..4] {
        b"curv" if curve[8..12] == [0, 0, 0, 1] => {
            f64::from(u16::from_be_bytes(curve[12..14].try_into().unwrap())) / 256.0
        }
        b"para" if curve[8..10] == [0, 0] => fixed(&curve[12..]),
        _ => panic!("not a power"),
    }
}

/// Luminance under D65 of a colorant, which the profile has under D50 (Bradford's adaptation,
/// second row of D50 to D65 on brucelindbloom.com).
fn luminance(xyz: &[u8]) -> f64 {
    -0.0282895 * fixed(&xyz[8..]) + 1.0099416 * fixed(&xyz[12..]) + 0.0210077 * fixed(&xyz[16..])
}

/// CIE L* of each pixel of a source, through its profile.
pub(crate) fn source_lightness(samples: &Samples, channels: usize, icc: &[u8]) -> Vec<f64> {
    let pixels = 0..(WIDTH * HEIGHT) as usize;
    if channels == 1 {
        let gamma = gamma(tag(icc, "kTRC"));
        return pixels.map(|i| lightness(samples.get(i).powf(gamma))).collect();
    }
    let gamma = gamma(tag(icc, "rTRC"));
    let weights = ["rXYZ", "gXYZ", "bXYZ"].map(|name| luminance(tag(icc, name)));
    pixels
        .map(|i| lightness((0..3).map(|c| weights[c] * samples.get(3 * i + c).powf(gamma)).sum()))
        .collect()
}

fn embedded_profile(path: &Path) -> Vec<u8> {
    let file = BufReader::new(File::open(path).unwrap());
    if path.extension() == Some("tif".as_ref()) {
        tiff::decoder::Decoder::new(file).unwrap().get_tag_u8_vec(Tag::IccProfile).unwrap()
    } else {
        let reader = png::Decoder::new(file).read_info().unwrap();
        reader.info().icc_profile.clone().expect("a profile is embedded").into_owned()
    }
}

/// CIE L* of each pixel of a result, which has to be sRGB with a profile that says so, and as
/// deep as expected.
pub(crate) fn result_lightness(folder: &Folder, name: &str, sixteen: bool) -> Vec<f64> {
    let icc = embedded_profile(&folder.path(name));
    for (name, expected) in [("rXYZ", 0.2126729), ("gXYZ", 0.7151522), ("bXYZ", 0.0721750)] {
        let found = luminance(tag(&icc, name));
        assert!((found - expected).abs() < 1e-3, "{name}: {found}");
    }
    let image = image::open(folder.path(name)).unwrap();
    assert_eq!((image.width(), image.height()), (WIDTH, HEIGHT));
    let bits = if sixteen { 16 } else { 8 };
    assert_eq!(image.color().bits_per_pixel(), 3 * bits, "{name}: {:?}", image.color());
    let rgb = image.into_rgb16();
    rgb.pixels().map(|p| srgb_lightness(p.0.map(|v| f64::from(v) / 65535.0))).collect()
}

/// A tone curve: a power, or of the kind that sRGB and ROMM RGB have (ICC.1:2022, 10.18).
fn decode(curve: &[u8], v: f64) -> f64 {
    if curve[..4] != *b"para" || curve[8..10] != [0, 3] {
        return v.powf(gamma(curve));
    }
    let [g, a, b, c, d] = [0, 1, 2, 3, 4].map(|i| fixed(&curve[12 + 4 * i..]));
    if v >= d { (a * v + b).powf(g) } else { c * v }
}

/// CIE L* of each pixel of a result, through whatever matrix profile is embedded.
pub(crate) fn embedded_lightness(folder: &Folder, name: &str) -> Vec<f64> {
    let icc = embedded_profile(&folder.path(name));
    let weights = ["rXYZ", "gXYZ", "bXYZ"].map(|name| luminance(tag(&icc, name)));
    let curve = tag(&icc, "rTRC");
    let rgb = image::open(folder.path(name)).unwrap().into_rgb16();
    rgb.pixels()
        .map(|p| (0..3).map(|c| weights[c] * decode(curve, f64::from(p.0[c]) / 65535.0)).sum())
        .map(lightness)
        .collect()
}

#[test]
fn lightness_is_kept_through_the_profiles_in_8_and_16_bit() {
    for (channels, icc) in [(1, pictures::gray_profile()), (3, pictures::adobe_profile())] {
        for (sixteen, tolerance) in [(false, 0.5), (true, 0.02)] {
            let samples = Samples::of_gray(WIDTH, HEIGHT, channels, sixteen);
            let folder = Folder::new()
                .file("in/a.png", pictures::png_with(&samples, WIDTH, HEIGHT, &icc))
                .file("in/a.tif", pictures::tiff_with(&samples, WIDTH, HEIGHT, &icc));
            folder.batch(["in", "-o", "out"]).code(0);
            let expected = source_lightness(&samples, channels as usize, &icc);
            for name in ["out/a.png", "out/a.tif"] {
                let found = result_lightness(&folder, name, sixteen);
                let differences = found.iter().zip(&expected).map(|(f, e)| (f - e).abs());
                let most = differences.fold(0.0, f64::max);
                assert!(most <= tolerance, "{name}, {channels} channels: L* differs by {most}");
            }
        }
    }
}

#[test]
fn results_are_in_color_and_saturation_0_gives_gray() {
    let folder = Folder::new().file("a.png", pictures::png(WIDTH, HEIGHT, 1));
    let colors = |name: &str| {
        let image = image::open(folder.path(name)).unwrap().into_rgb8();
        image.pixels().filter(|p| p.0[0] != p.0[1] || p.0[1] != p.0[2]).count()
    };
    folder.batch(["a.png", "-o", "color"]).code(0);
    folder.batch(["a.png", "-o", "gray", "--saturation", "0"]).code(0);
    assert!(colors("color/a.png") > 100);
    assert_eq!(colors("gray/a.png"), 0);
}

#[test]
fn scan_borders_stay_neutral_unless_they_are_kept() {
    let folder = Folder::new().file("a.png", pictures::framed_png(150, 120, 9));
    let colors_of_the_frame = |name: &str| {
        let image = image::open(folder.path(name)).unwrap().into_rgb8();
        let frame = image
            .enumerate_pixels()
            .filter(|(x, y, _)| (*x).min(*y) < 8 || *x >= 150 - 8 || *y >= 120 - 8);
        frame.filter(|(_, _, p)| p.0[0] != p.0[1] || p.0[1] != p.0[2]).count()
    };
    folder.batch(["a.png", "-o", "auto"]).code(0);
    folder.batch(["a.png", "-o", "keep", "--borders", "keep"]).code(0);
    assert_eq!(colors_of_the_frame("auto/a.png"), 0);
    assert!(colors_of_the_frame("keep/a.png") > 100);
    let kept = folder.read("keep/a.png");
    assert!(String::from_utf8_lossy(&kept).contains("scan borders colored too"));
}

#[test]
fn results_say_that_their_colors_are_machine_made() {
    let mut folder = Folder::new();
    for (name, content) in pictures::each_format(WIDTH, HEIGHT) {
        folder = folder.file(&format!("in/{name}"), content);
    }
    let run = folder.batch(["in", "-o", "out"]).code(0);
    let weights = sha256(&std::fs::read(crate::weights::tiny()).unwrap());
    for name in ["a.jpg", "b.png", "c.tif"] {
        let result = folder.read(&format!("out/{name}"));
        let text = String::from_utf8_lossy(&result);
        let source = run.line(&format!("in/{name}"))["sha256_input"].clone();
        for words in [
            "digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
            concat!("Polychromify ", env!("CARGO_PKG_VERSION")),
            weights.as_str(),
            name,
            source.as_str().unwrap(),
        ] {
            assert!(text.contains(words), "{name} says {words}");
        }
    }
}

#[test]
fn a_batch_equals_one_by_one_whatever_the_jobs_and_the_memory() {
    let mut folder = Folder::new();
    let names: Vec<String> = (0..9).map(|i| format!("in/{i}.png")).collect();
    for (i, name) in names.iter().enumerate() {
        folder = folder.file(name, pictures::png(40 + 7 * i as u32, 90, i as u32));
    }
    for name in &names {
        folder.batch([name.as_str(), "-o", "single", "--jobs", "1"]).code(0);
    }
    for (output, jobs, memory) in [("two", "2", "1G"), ("many", "8", "16M")] {
        folder.batch(["in", "-o", output, "--jobs", jobs, "--memory", memory]).code(0);
        assert_eq!(folder.files("single"), folder.files(output));
    }
}

#[test]
fn formats_names_and_sizes_are_as_asked() {
    let mut folder = Folder::new();
    for (name, content) in pictures::each_format(80, 60) {
        folder = folder.file(&format!("in/sub/{name}"), content);
    }
    folder.batch(["in", "-o", "jpeg", "--format", "jpeg", "--max-side", "40"]).code(0);
    assert_eq!(folder.names("jpeg"), ["sub/a.jpg", "sub/b.png.jpg", "sub/c.tif.jpg"]);
    for name in folder.names("jpeg") {
        let path = folder.path(&format!("jpeg/{name}"));
        let reader = ImageReader::open(&path).unwrap().with_guessed_format().unwrap();
        assert_eq!(reader.format(), Some(image::ImageFormat::Jpeg));
        assert_eq!(reader.into_dimensions().unwrap(), (40, 30));
    }
    folder.batch(["in", "-o", "tiff", "--format", "tiff"]).code(0);
    assert_eq!(folder.names("tiff"), ["sub/a.jpg.tif", "sub/b.png.tif", "sub/c.tif"]);
}

#[test]
fn hints_change_one_photograph_and_are_refused_for_several() {
    let hints = r#"[{"x": 30, "y": 20, "radius": 12, "rgb": [220, 30, 30]}]"#;
    let folder = Folder::new()
        .file("in/a.png", pictures::png(WIDTH, HEIGHT, 1))
        .file("in/b.png", pictures::png(WIDTH, HEIGHT, 2))
        .file("hints.json", hints);
    folder.batch(["in/a.png", "-o", "plain"]).code(0);
    folder.batch(["in/a.png", "-o", "hinted", "--hints", "hints.json"]).code(0);
    assert_ne!(folder.files("plain"), folder.files("hinted"));
    folder.batch(["in", "-o", "x", "--hints", "hints.json"]).code(2).one_error(&["hints", "2"]);
    assert!(!folder.exists("x"));
}

#[test]
fn a_result_that_is_larger_than_its_source_is_within_the_memory_of_the_source() {
    // Gray is held by one byte a pixel, its result would take three.
    let folder = Folder::new().file("a.jpg", pictures::jpeg(3000, 2700, 1));
    let run = folder.batch(["a.jpg", "-o", "out", "--memory", "16M", "--jobs", "1"]).code(0);
    assert_eq!(run.status("a.jpg"), "done");
}
