//! What else can be asked for: references, variants, borders, negatives, all open images.

use polychromify_image::color::lab::Lab;

use crate::gimp::{Case, Gimp, in_each};
use crate::pictures::{self, HEIGHT, Kind, Picture, WIDTH};
use crate::pixels::batch;

/// Runs a script that opens `in.png`, and gives the new layer that it saves as `layer.png`.
#[track_caller]
fn layer(case: &Case<'_>, script: &str) -> Picture {
    case.run(&format!(
        "(define image (open \"in.png\"))\n(define source (active image))\n{script}"
    ));
    Picture::read(&case.path("layer.png"))
}

fn case(gimp: &Gimp) -> Case<'_> {
    gimp.case().file("in.png", pictures::png(Kind::Rgb8)).file("red.png", pictures::reddish())
}

fn mean_hue(picture: &Picture) -> f32 {
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| picture.at(x, y)));
    let (a, b) = pixels.fold((0.0, 0.0), |(a, b), lab: Lab| (a + lab.a, b + lab.b));
    b.atan2(a).to_degrees()
}

#[test]
fn a_file_an_image_and_a_layer_give_the_same_palette() {
    in_each(|gimp| {
        let case = case(gimp);
        let file = case.inside("red.png");
        let asked = |file: &str, image: &str, other: &str| {
            let script = format!(
                "(define other (open \"red.png\"))\n\
                 (save-layer image (colorize-more image source tiny 0.2 -1 0 1 \"{file}\" {image} \
                 {other} 0 0) \"layer.png\")"
            );
            mean_hue(&layer(&case, &script))
        };
        let plain = asked("", "-1", "-1");
        let hues =
            [asked(&file, "-1", "-1"), asked("", "other", "-1"), asked("", "-1", "(active other)")];
        let wanted = mean_hue(&Picture::read(&case.path("red.png")));
        for hue in hues {
            let (with, without) = ((hue - wanted).abs(), (plain - wanted).abs());
            assert!(with < without / 2.0, "GIMP {}: {hues:?}, {plain}, {wanted}", gimp.version);
            assert!((hue - hues[0]).abs() < 3.0, "GIMP {}: {hues:?}", gimp.version);
        }
    });
}

#[test]
fn a_negative_comes_out_with_inverted_lightness() {
    in_each(|gimp| {
        let case = case(gimp);
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(save-layer image source "before.png")
(define result (colorize-more image source tiny 0.1 -1 0 1 "" -1 -1 0 1))
(say-layer image result)
(save-layer image result "layer.png")
"#,
        );
        assert_eq!(report.said("mode"), "28", "normal");
        let [before, after] = ["before.png", "layer.png"].map(|n| Picture::read(&case.path(n)));
        for (x, y) in [(3, 5), (75, 50), (150, 106)] {
            let sum = before.at(x, y).l + after.at(x, y).l;
            assert!((sum - 100.0).abs() < 1.0, "GIMP {}: {sum}", gimp.version);
        }
    });
}

#[test]
fn scan_borders_stay_gray_unless_asked() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::bordered());
        let border = |borders: u8| {
            let script = format!(
                "(save-layer image (colorize-more image source tiny 0.3 -1 0 1 \"\" -1 -1 {borders} \
                 0) \"layer.png\")"
            );
            layer(&case, &script).at(4, HEIGHT / 2).chroma()
        };
        assert!(border(0) < 1.0 && border(1) > 5.0, "GIMP {}", gimp.version);
    });
}

#[test]
fn variants_are_those_of_batch() {
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/assets/photos/picosdeeuropa.jpg");
    let photo = image::open(photo).unwrap().into_rgb8();
    in_each(|gimp| {
        let case = gimp.case();
        photo.save(case.path("in.png")).unwrap();
        let variant = |number: u8| {
            let script = format!(
                "(colorize-more image source \"\" 1.0 -1 0 {number} \"\" -1 -1 0 0)\n\
                 (save-visible image \"layer.png\")"
            );
            layer(&case, &script)
        };
        let second = variant(2);
        let same = batch(&case.path("in.png"), &["--variant", "2"]);
        let (color, other) = (second.color_from(&same), second.color_from(&variant(1)));
        assert!(color < 1.0 && other > 0.5, "GIMP {}: ΔE {color}, {other}", gimp.version);
    });
}

#[test]
fn all_open_images_are_colored_and_those_that_cannot_be_are_left() {
    in_each(|gimp| {
        let case = case(gimp);
        let report = case.run(
            r#"
(define one (open "in.png"))
(define two (open "in.png"))
(define three (open "red.png"))
(gimp-image-convert-indexed two CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 16 FALSE FALSE "")
(colorize-all one (active one) tiny 0.3)
(say "one" (length (layers one)))
(say "two" (length (layers two)))
(say "three" (length (layers three)))
"#,
        );
        let layers = ["one", "two", "three"].map(|name| report.said(name));
        assert_eq!(layers, ["2", "1", "2"], "GIMP {}", gimp.version);
    });
}

#[test]
fn images_that_have_their_colors_are_left_out_when_all_are_colored() {
    in_each(|gimp| {
        let case = case(gimp);
        let report = case.run(
            r#"
(define one (open "in.png"))
(define two (open "in.png"))
(colorize one (active one) tiny 0.3 -1 0)
(colorize-all one (active one) tiny 0.3)
(say "one" (length (layers one)))
(say "two" (length (layers two)))
"#,
        );
        let layers = ["one", "two"].map(|name| report.said(name));
        assert_eq!(layers, ["2", "2"], "GIMP {}", gimp.version);
    });
}

#[test]
fn repeat_colors_the_photograph_again_and_not_its_colors() {
    in_each(|gimp| {
        let case = case(gimp);
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(define first (colorize image source tiny 0.3 -1 0))
(define second (repeat image first))
(say "source" (car (gimp-image-get-item-position image source)))
(say "first" (car (gimp-image-get-item-position image first)))
(say "second" (car (gimp-image-get-item-position image second)))
(say "mode" (car (gimp-layer-get-mode second)))
"#,
        );
        let places = ["source", "first", "second"].map(|name| report.said(name));
        assert_eq!(places, ["2", "1", "0"], "GIMP {}", gimp.version);
        assert_eq!(report.said("mode"), "26");
    });
}
