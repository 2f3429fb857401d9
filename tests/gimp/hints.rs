//! Hints that were painted on a layer.

use polychromify_image::color::lab::Lab;

use crate::gimp::in_each;
use crate::pictures::{self, Kind, Picture};

/// Red, painted as a disc of 12 pixels around (40, 30).
const RED: [f32; 3] = [200.0 / 255.0, 30.0 / 255.0, 30.0 / 255.0];

/// A layer of the size of `SIZE` at `AT` with the disc on it.
const PAINT: &str = r#"
(define image (open "in.png"))
(define source (active image))
(define hints (new-layer image NAME SIZE))
(gimp-image-insert-layer image hints 0 0)
(gimp-layer-set-offsets hints AT)
(gimp-context-set-foreground '(200 30 30))
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 28 18 24 24)
(gimp-drawable-edit-fill hints FILL-FOREGROUND)
(gimp-selection-none image)
(activate image ACTIVE)
(define result (colorize image ACTIVE tiny 0.1 HINTS 0))
(say "position" (car (gimp-image-get-item-position image result)))
(save-layer image result "layer.png")
"#;

fn script(name: &str, size: &str, at: &str, active: &str, hints: &str) -> String {
    let name = format!("\"{name}\"");
    PAINT
        .replace("NAME", &name)
        .replace("SIZE", size)
        .replace("AT", at)
        .replace("ACTIVE", active)
        .replace("HINTS", hints)
}

/// Angle between two colors' hues, in degrees.
fn hue_from(one: Lab, two: Lab) -> f32 {
    let turn = one.b.atan2(one.a).to_degrees() - two.b.atan2(two.a).to_degrees();
    (turn + 540.0).rem_euclid(360.0) - 180.0
}

#[test]
fn a_painted_stroke_gives_its_color_there_and_not_far_from_there() {
    let source = pictures::png(Kind::Rgb8);
    let red = Lab::from_srgb(RED);
    in_each(|gimp| {
        let layer = |script: &str| {
            let case = gimp.case().file("in.png", &source);
            case.run(script);
            Picture::read(&case.path("layer.png"))
        };
        let plain = layer(
            r#"
(define image (open "in.png"))
(save-layer image (colorize image (active image) tiny 0.1 -1 0) "layer.png")
"#,
        );
        let hidden = script("hints", "151 107", "0 0", "source", "-1")
            .replace("(define result", "(gimp-item-set-visible hints FALSE)\n(define result");
        for (what, script) in [
            ("chosen", script("strokes", "151 107", "0 0", "source", "hints")),
            ("by its name", script("hints", "151 107", "0 0", "source", "-1")),
            ("with offsets", script("hints", "60 50", "20 10", "source", "-1")),
            ("hidden", hidden),
            ("active itself", script("hints", "151 107", "0 0", "hints", "-1")),
        ] {
            let hinted = layer(&script);
            let name = format!("GIMP {}, layer {what}", gimp.version);
            let there = hinted.at(40, 30);
            assert!(hue_from(there, red).abs() < 15.0, "{name}: {there:?} for {red:?}");
            assert!(hue_from(plain.at(40, 30), red).abs() > 40.0, "{name}");
            let far = (hinted.at(140, 100), plain.at(140, 100));
            assert!((far.0.chroma() - far.1.chroma()).abs() < 3.0, "{name}: {far:?}");
            assert!(hue_from(far.0, far.1).abs() < 20.0, "{name}: {far:?}");
        }
    });
}

/// Which of the two layers is the active one changes nothing, even where another layer, which is
/// hidden, lies between them.
#[test]
fn the_photograph_is_colored_below_strokes_that_are_active() {
    let source = pictures::png(Kind::Rgb8);
    let unseen = r#"
(define unseen (new-layer image "unseen" 151 107))
(gimp-image-insert-layer image unseen 0 1)
(gimp-drawable-fill unseen FILL-WHITE)
(gimp-item-set-visible unseen FALSE)
(define result"#;
    in_each(|gimp| {
        let layer = |active: &str| {
            let case = gimp.case().file("in.png", &source);
            let script = script("hints", "151 107", "0 0", active, "-1");
            case.run(&script.replace("(define result", unseen));
            Picture::read(&case.path("layer.png"))
        };
        let [photograph, strokes] = ["source", "hints"].map(layer);
        assert!(photograph.color_from(&strokes) == 0.0, "GIMP {}", gimp.version);
    });
}
