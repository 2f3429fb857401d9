//! Colors that are there already, negatives, color spaces of results, the visible mark.

use image::{Rgb, RgbImage};

use crate::folder::Folder;
use crate::pictures::{self, Samples};
use crate::pixels::{self, HEIGHT, WIDTH};

#[test]
fn a_toned_scan_is_colored_and_a_color_photograph_left_unless_forced() {
    let folder = Folder::new()
        .file("in/color.png", pictures::color_png(WIDTH, HEIGHT))
        .file("in/gray.png", pictures::png(WIDTH, HEIGHT, 1))
        .file("in/sepia.png", pictures::sepia_png(WIDTH, HEIGHT));
    let run = folder.batch(["in", "-o", "out"]).code(0);
    let line = |name: &str| run.line(&format!("in/{name}.png"));
    assert_eq!(line("gray")["status"], "done");
    assert_eq!(line("gray")["toned"]["verdict"], "gray");
    assert_eq!(line("gray")["toned"]["confidence"], 1.0);
    assert_eq!(line("sepia")["status"], "done");
    assert_eq!(line("sepia")["toned"]["verdict"], "toned");
    let color = line("color");
    assert_eq!(color["status"], "skipped");
    let reason = color["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("has colors already (9") && reason.ends_with(" % sure)"),
        "{reason}"
    );
    assert_eq!(color["toned"]["verdict"], "color");
    assert!(color["toned"]["confidence"].as_f64().unwrap() >= 0.9);
    assert!(run.stderr.contains("color.png: skipped: has colors already"), "{}", run.stderr);
    assert_eq!(folder.names("out"), ["gray.png", "sepia.png"]);

    let forced = folder.batch(["in/color.png", "-o", "out", "--force"]).code(0);
    assert_eq!(forced.status("in/color.png"), "done");
    let again = folder.batch(["in", "-o", "out"]).code(0);
    assert_eq!(again.line("in/color.png")["reason"], "done already");
}

#[test]
fn the_toning_of_a_scan_does_not_show_in_its_result() {
    let sepia = pictures::sepia_png(WIDTH, HEIGHT);
    let folder = Folder::new().file("sepia.png", &sepia);
    folder.batch(["sepia.png", "-o", "out", "--saturation", "0"]).code(0);
    let result = image::open(folder.path("out/sepia.png")).unwrap().into_rgb8();
    assert!(result.pixels().all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]));
}

#[test]
fn a_result_is_not_colored_once_more_unless_forced() {
    let folder = Folder::new().file("a.png", pictures::png(WIDTH, HEIGHT, 1));
    folder.batch(["a.png", "-o", "once"]).code(0);
    let again = folder.batch(["once/a.png", "-o", "twice"]).code(0);
    let line = again.line("once/a.png");
    assert_eq!(line["status"], "skipped");
    assert!(line["reason"].as_str().unwrap().contains("is a result of Polychromify"), "{line}");
    let dry = folder.batch(["once/a.png", "-o", "twice", "--dry-run"]).code(0);
    assert!(dry.line("once/a.png")["reason"].as_str().unwrap().contains("is a result of"));
    let forced = folder.batch(["once/a.png", "-o", "twice", "--force"]).code(0);
    assert_eq!(forced.status("once/a.png"), "done");
}

/// Lightness is that of the positive.
#[test]
fn a_negative_is_colored_with_100_less_its_lightness() {
    for (sixteen, tolerance) in [(false, 0.5), (true, 0.02)] {
        let samples = Samples::of_gray(WIDTH, HEIGHT, 1, sixteen);
        let icc = pictures::gray_profile();
        let folder =
            Folder::new().file("a.tif", pictures::tiff_with(&samples, WIDTH, HEIGHT, &icc));
        folder.batch(["a.tif", "-o", "out", "--invert"]).code(0);
        let found = pixels::result_lightness(&folder, "out/a.tif", sixteen);
        let expected = pixels::source_lightness(&samples, 1, &icc);
        let differences = found.iter().zip(&expected).map(|(f, e)| (f - (100.0 - e)).abs());
        assert!(differences.fold(0.0, f64::max) <= tolerance);
        let result = folder.read("out/a.tif");
        assert!(String::from_utf8_lossy(&result).contains("lightness of a negative inverted"));
    }
}

/// Measured through the profile that is embedded.
#[test]
fn results_in_other_color_spaces_keep_lightness_through_their_profile() {
    for (profile, depths) in
        [("adobe-rgb", &[false, true][..]), ("display-p3", &[false, true]), ("prophoto", &[true])]
    {
        for &sixteen in depths {
            let samples = Samples::of_gray(WIDTH, HEIGHT, 1, sixteen);
            let icc = pictures::gray_profile();
            let folder = Folder::new()
                .file("in/a.png", pictures::png_with(&samples, WIDTH, HEIGHT, &icc))
                .file("in/a.tif", pictures::tiff_with(&samples, WIDTH, HEIGHT, &icc));
            folder.batch(["in", "-o", "out", "--profile", profile, "--saturation", "4"]).code(0);
            let expected = pixels::source_lightness(&samples, 1, &icc);
            for name in ["out/a.png", "out/a.tif"] {
                let found = pixels::embedded_lightness(&folder, name);
                let differences = found.iter().zip(&expected).map(|(f, e)| (f - e).abs());
                let most = differences.fold(0.0, f64::max);
                let tolerance = if sixteen { 0.02 } else { 0.5 };
                assert!(most <= tolerance, "{profile}, {name}: L* differs by {most}");
            }
            let result = folder.read("out/a.tif");
            assert!(String::from_utf8_lossy(&result).contains("painted in "), "{profile}");
        }
    }
}

#[test]
fn prophoto_in_8_bits_is_refused_with_the_reason() {
    let wide = Samples::of_gray(WIDTH, HEIGHT, 1, true);
    let folder = Folder::new()
        .file("in/a.png", pictures::png(WIDTH, HEIGHT, 1))
        .file("b.tif", pictures::tiff_with(&wide, WIDTH, HEIGHT, &pictures::gray_profile()));
    let words = ["ProPhoto RGB in 8 bits", "choose another profile"];
    folder.batch(["in", "-o", "out", "--profile", "prophoto"]).code(1).one_error(&words);
    let as_jpeg = ["b.tif", "-o", "out", "--profile", "prophoto", "--format", "jpeg"];
    folder.batch(as_jpeg).code(1).one_error(&words);
}

#[test]
fn the_mark_is_in_one_corner_of_every_format_and_the_rest_is_as_without_it() {
    let (width, height) = (160, 120);
    let folder = Folder::new()
        .file("in/a.png", pictures::png(width, height, 2))
        .file("in/b.tif", pictures::tiff(width, height, 3));
    folder.batch(["in", "-o", "plain"]).code(0);
    folder.batch(["in", "-o", "marked", "--mark"]).code(0);
    let open = |name: &str| -> RgbImage { image::open(folder.path(name)).unwrap().into_rgb8() };
    for name in ["a.png", "b.tif"] {
        let (plain, marked) = (open(&format!("plain/{name}")), open(&format!("marked/{name}")));
        let corner = |x: u32, y: u32| x >= width - 49 && y >= height - 13;
        for (x, y, pixel) in plain.enumerate_pixels() {
            assert!(corner(x, y) || marked.get_pixel(x, y) == pixel, "{name} at {x}, {y}");
        }
        let inside = marked.enumerate_pixels().filter(|(x, y, _)| corner(*x, *y));
        assert!(inside.clone().all(|(_, _, p)| [[38; 3], [230; 3]].map(Rgb).contains(p)));
        assert!(inside.filter(|(_, _, p)| p.0 == [230; 3]).count() > 50);
        let result = folder.read(&format!("marked/{name}"));
        assert!(String::from_utf8_lossy(&result).contains("marked in a corner"));
    }
}

#[test]
fn each_of_these_settings_makes_another_result() {
    let samples = Samples::of_gray(WIDTH, HEIGHT, 1, true);
    let scan = pictures::tiff_with(&samples, WIDTH, HEIGHT, &pictures::gray_profile());
    let folder = Folder::new().file("a.tif", scan);
    let plain = ["a.tif", "-o", "out", "--redo-older"];
    folder.batch(plain).code(0);
    let mut results = vec![folder.read("out/a.tif")];
    for more in [&["--invert"][..], &["--mark"], &["--profile", "prophoto"]] {
        let run = folder.batch(plain.into_iter().chain(more.iter().copied())).code(0);
        assert_eq!(run.status("a.tif"), "done", "{more:?}");
        results.push(folder.read("out/a.tif"));
    }
    let run = folder.batch(plain).code(0);
    assert_eq!(run.status("a.tif"), "done");
    results.dedup();
    assert_eq!(results.len(), 4);
}
