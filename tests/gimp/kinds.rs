//! Photographs of every kind: with colors, masks, in groups, beyond the canvas, of floats.

use crate::gimp::in_each;
use crate::pictures::{self, HEIGHT, Kind, Picture, WIDTH};

#[test]
fn a_photograph_in_colors_gets_those_of_its_lightness() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::reddish());
        case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(define copy (car (gimp-image-duplicate image)))
(gimp-drawable-desaturate (active copy) DESATURATE-LUMINANCE)
(save-layer image (colorize image source tiny 0.3 -1 0) "colors.png")
(save-layer copy (colorize copy (active copy) tiny 0.3 -1 0) "gray.png")
"#,
        );
        let [colors, gray] = ["colors.png", "gray.png"].map(|name| Picture::read(&case.path(name)));
        let difference = colors.color_from(&gray);
        assert!(difference < 1.5, "GIMP {}: {difference}", gimp.version);
    });
}

/// A layer whose left half is masked out shows the one below it, which must not get colors.
#[test]
fn colors_end_where_the_mask_of_the_photograph_does() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(define below (new-layer image "paper" (width source) (height source)))
(gimp-image-insert-layer image below 0 1)
(gimp-context-set-foreground '(120 120 120))
(gimp-drawable-edit-fill below FILL-FOREGROUND)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 60 0 200 200)
(gimp-layer-add-mask source (car (gimp-layer-create-mask source ADD-MASK-SELECTION)))
(gimp-selection-none image)
(activate image source)
(define result (colorize image source tiny 0.3 -1 0))
(say "plain" (has-mask? result))
(save-visible image "after.png")
(gimp-image-remove-layer image result)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 90 200)
(colorize image source tiny 0.3 -1 0)
(gimp-selection-none image)
(save-visible image "selected.png")
"#,
        );
        assert_eq!(report.said("plain"), "#t");
        let name = format!("GIMP {}", gimp.version);
        let after = Picture::read(&case.path("after.png"));
        assert!(after.at(30, 50).chroma() < 1.0 && after.at(100, 50).chroma() > 5.0, "{name}");
        let selected = Picture::read(&case.path("selected.png"));
        let chroma = [30, 75, 120].map(|x| selected.at(x, 50).chroma());
        assert!(chroma[0] < 1.0 && chroma[1] > 5.0 && chroma[2] < 6.0, "{name}: {chroma:?}");
    });
}

#[test]
fn a_mask_that_is_chosen_means_its_layer() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(define mask (car (gimp-layer-create-mask source ADD-MASK-WHITE)))
(gimp-layer-add-mask source mask)
(say-layer image (colorize image mask tiny 0.3 -1 0))
"#,
        );
        assert_eq!(report.said("size"), format!("{WIDTH} {HEIGHT}"));
        assert_eq!((report.said("mode"), report.said("position")), ("26", "0"));
    });
}

#[test]
fn a_group_gets_the_colors_of_what_is_seen_of_it() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(define group (new-group image))
(gimp-image-insert-layer image group 0 0)
(gimp-image-reorder-item image source group 0)
(define result (colorize image group tiny 0.3 -1 0))
(say-layer image result)
(save-visible image "after.png")
"#,
        );
        assert_eq!((report.said("parent"), report.said("position")), ("none", "0"));
        let after = Picture::read(&case.path("after.png"));
        assert!(after.chroma() > 10.0, "GIMP {}", gimp.version);
    });
}

#[test]
fn a_layer_beyond_the_canvas_is_colored_as_a_whole_and_in_its_place() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(gimp-image-resize image 60 40 -20 -30)
(define inside (colorize image source tiny 0.3 -1 0))
(say-layer image inside)
(gimp-layer-set-offsets source 500 400)
(define beyond (colorize image source tiny 0.3 -1 0))
(say "far" (offsets beyond))
"#,
        );
        assert_eq!(report.said("size"), format!("{WIDTH} {HEIGHT}"), "GIMP {}", gimp.version);
        assert_eq!((report.said("offsets"), report.said("far")), ("(-20 -30)", "(500 400)"));
    });
}

#[test]
fn linear_floats_get_the_colors_of_8_bits() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        case.run(
            r#"
(define image (open "in.png"))
(save-layer image (colorize image (active image) tiny 0.15 -1 0) "eight.png")
(define image (open "in.png"))
(gimp-image-convert-precision image float-linear)
(define result (colorize image (active image) tiny 0.15 -1 0))
(gimp-image-convert-precision image eight-bits)
(save-layer image result "float.png")
"#,
        );
        let [eight, float] = ["eight.png", "float.png"].map(|name| Picture::read(&case.path(name)));
        assert!(float.color_from(&eight) < 1.0, "GIMP {}", gimp.version);
    });
}

#[test]
fn a_selection_beside_the_layer_is_refused_in_words() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(gimp-image-resize image 400 300 0 0)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 300 200 50 50)
(attempt (lambda () (colorize image source tiny 0.3 -1 0)))
(say "layers" (length (layers image)))
"#,
        );
        assert!(report.said("failure").contains("selection lies outside"), "{report:#?}");
        assert_eq!(report.said("layers"), "1");
    });
}
