//! What each kind of picture becomes, by pixels: the same in each GIMP and in `batch`.

use std::path::Path;
use std::process::Command;

use crate::gimp::{Case, TINY, in_each};
use crate::pictures::{self, Kind, Picture};

/// GIMP's number of the layer mode `LCh Color`.
const LCH_COLOR: &str = "26";

/// The tiny network's colors are strong; this much of them is a chroma of about 26.
const SATURATION: f32 = 0.15;

/// How far GIMP's `LCh Color` changes CIE L*, at any pixel: it keeps L* under D50, whose red and blue
/// weigh otherwise (0.47 was measured on sRGB), and 2.10 takes every RGB for sRGB (1.38 on Adobe
/// RGB; 0.48 in 3.0).
const BLENDING: f32 = 1.5;

const COLORIZE: &str = r#"
(define image (open "in.png"))
(define source (active image))
(save-visible image "before.png")
(define result (colorize image source WEIGHTS SATURATION -1 0))
(say-layer image result)
(say "layers" (length (layers image)))
(say "base-type" (base-type image))
(save-visible image "after.png")
(save-layer image result "layer.png")
"#;

fn colorize(case: &Case<'_>, weights: &str, saturation: f32) -> (Picture, Picture, Picture) {
    let script = COLORIZE.replace("WEIGHTS", weights);
    let report = case.run(&script.replace("SATURATION", &saturation.to_string()));
    assert_eq!(report.said("mode"), LCH_COLOR);
    assert_eq!(report.said("layers"), "2");
    assert_eq!(report.said("position"), "0");
    assert_eq!(report.said("mask"), "#f");
    assert_eq!(report.said("base-type"), "0", "RGB");
    let picture = |name| Picture::read(&case.path(name));
    (picture("before.png"), picture("after.png"), picture("layer.png"))
}

/// What `polychromify batch` makes of a file: the program that `cargo test --workspace` builds
/// beside this one.
pub(crate) fn batch(input: &Path, arguments: &[&str]) -> Picture {
    let program = Path::new(env!("CARGO_BIN_EXE_polychromify-gimp")).with_file_name("polychromify");
    let output = tempfile::tempdir().unwrap();
    let mut command = Command::new(&program);
    command.arg("batch").arg(input).arg("--output").arg(output.path()).args(arguments);
    let run = command.env("HOME", output.path()).output();
    let run = run
        .unwrap_or_else(|error| panic!("{}: {error}: test the whole workspace", program.display()));
    assert!(run.status.success(), "{run:#?}");
    Picture::read(&output.path().join(input.file_name().unwrap()))
}

fn check(kind: Kind) {
    let source = pictures::png(kind);
    let saturation = SATURATION.to_string();
    let mut found: Vec<(String, Picture)> = Vec::new();
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        let name = format!("{kind:?} in GIMP {}", gimp.version);
        let (before, after, layer) = colorize(&case, "tiny", SATURATION);
        assert_eq!(after.sixteen, kind == Kind::Rgba16, "{name}");

        let lightness = layer.lightness_from(&before);
        assert!(lightness <= kind.rounding(), "{name}: the layer's L* differs by {lightness}");
        let lightness = after.lightness_from(&before);
        assert!(lightness <= BLENDING, "{name}: L* differs by {lightness}");
        assert_eq!(after.alpha_from(&before), 0.0, "{name}");
        let chroma = (before.chroma(), after.chroma());
        assert!(chroma.0 < 6.0 && chroma.1 > 15.0, "{name}: chroma {chroma:?}");

        let same = batch(&case.path("in.png"), &["--weights", TINY, "--saturation", &saturation]);
        for (what, picture) in [("layer", &layer), ("image", &after)] {
            let color = picture.color_from(&same);
            assert!(color < 1.0, "{name}: the {what} differs from batch by ΔE {color}");
        }
        found.push((name, after));
    });
    if let [(_, two), (_, three)] = &found[..] {
        let color = two.color_from(three);
        assert!(color < 1.0, "{kind:?}: GIMP 2.10 and 3 differ by ΔE {color}");
    }
}

#[test]
fn rgb_of_8_bits_comes_out_right() {
    check(Kind::Rgb8);
}

#[test]
fn rgb_of_16_bits_with_alpha_comes_out_right() {
    check(Kind::Rgba16);
}

#[test]
fn gray_becomes_rgb_and_comes_out_right() {
    check(Kind::Gray8);
}

#[test]
fn adobe_rgb_comes_out_right() {
    check(Kind::AdobeRgb8);
}

#[test]
fn the_default_network_gives_the_colors_of_batch() {
    let source = pictures::png(Kind::Rgb8);
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        let (_, after, _) = colorize(&case, "\"\"", 1.0);
        let color = after.color_from(&batch(&case.path("in.png"), &[]));
        assert!(color < 1.0, "GIMP {}: ΔE {color}", gimp.version);
    });
}

#[test]
fn replace_changes_the_layer_itself() {
    let source = pictures::png(Kind::Rgba16);
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(save-visible image "before.png")
(define result (colorize image source tiny 0.15 -1 1))
(say "same" (= result source))
(say-layer image source)
(say "layers" (length (layers image)))
(save-visible image "after.png")
"#,
        );
        assert_eq!((report.said("same"), report.said("layers")), ("#t", "1"), "{report:#?}");
        assert_eq!(report.said("mode"), "28", "normal, as before");
        let [before, after] =
            ["before.png", "after.png"].map(|name| Picture::read(&case.path(name)));
        let lightness = after.lightness_from(&before);
        assert!(lightness <= Kind::Rgba16.rounding(), "GIMP {}: {lightness}", gimp.version);
        assert_eq!(after.alpha_from(&before), 0.0);
        assert!(after.chroma() > 12.0);
    });
}
