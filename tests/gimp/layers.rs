//! Selections, groups, offsets: where the colors may go, and where they go.

use crate::gimp::in_each;
use crate::pictures::{self, HEIGHT, Kind, Picture, WIDTH};

/// Asserts that colors changed inside a rectangle of `(x, y, width, height)` and nowhere else.
#[track_caller]
fn colored_inside(before: &Picture, after: &Picture, [x, y, w, h]: [u32; 4]) {
    let (mut inside, mut outside) = (0, 0);
    for row in 0..before.height {
        for column in 0..before.width {
            let changed = before.at(column, row) != after.at(column, row);
            let within = (x..x + w).contains(&column) && (y..y + h).contains(&row);
            *(if within { &mut inside } else { &mut outside }) += u32::from(changed);
        }
    }
    assert_eq!(outside, 0, "pixels outside of the selection changed");
    assert!(inside * 100 > w * h * 95, "{inside} of {} pixels got color", w * h);
}

#[test]
fn a_selection_becomes_the_mask_and_nothing_outside_of_it_changes() {
    let source = pictures::png(Kind::Rgb8);
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        let report = case.run(
            r#"
(define image (open "in.png"))
(save-visible image "before.png")
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 30 20 60 40)
(define result (colorize image (active image) tiny 0.3 -1 0))
(say-layer image result)
(say "selection" (cdr (gimp-selection-bounds image)))
(save-visible image "after.png")
"#,
        );
        assert_eq!(report.said("mask"), "#t");
        assert_eq!(report.said("selection"), "(30 20 90 60)", "stays");
        let picture = |name| Picture::read(&case.path(name));
        colored_inside(&picture("before.png"), &picture("after.png"), [30, 20, 60, 40]);
    });
}

#[test]
fn replacing_changes_nothing_outside_of_the_selection() {
    let source = pictures::png(Kind::Rgb8);
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        case.run(
            r#"
(define image (open "in.png"))
(save-visible image "before.png")
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 30 20 60 40)
(colorize image (active image) tiny 0.3 -1 1)
(save-visible image "after.png")
"#,
        );
        let picture = |name| Picture::read(&case.path(name));
        colored_inside(&picture("before.png"), &picture("after.png"), [30, 20, 60, 40]);
    });
}

#[test]
fn a_layer_in_a_group_with_offsets_gets_its_colors_in_the_group_and_in_its_place() {
    let source = pictures::png(Kind::Rgb8);
    in_each(|gimp| {
        let case = gimp.case().file("in.png", &source);
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(gimp-image-resize image 260 200 0 0)
(define below (new-layer image "paper" 260 200))
(gimp-image-insert-layer image below 0 1)
(gimp-drawable-fill below FILL-WHITE)
(define group (new-group image))
(gimp-item-set-name group "scans")
(gimp-image-insert-layer image group 0 0)
(define other (new-layer image "frame" 20 20))
(gimp-image-insert-layer image other group 0)
(gimp-image-reorder-item image source group 1)
(gimp-layer-set-offsets source 37 21)
(activate image source)
(save-visible image "before.png")
(define result (colorize image source tiny 0.3 -1 0))
(say-layer image result)
(say "children" (length (vector->list (car (reverse (gimp-item-get-children group))))))
(save-visible image "after.png")
"#,
        );
        assert_eq!(report.said("parent"), "scans");
        assert_eq!(report.said("position"), "1", "above the source, below the frame");
        assert_eq!(report.said("children"), "3");
        assert_eq!(report.said("offsets"), "(37 21)");
        assert_eq!(report.said("size"), format!("{WIDTH} {HEIGHT}"));
        let picture = |name| Picture::read(&case.path(name));
        colored_inside(&picture("before.png"), &picture("after.png"), [37, 21, WIDTH, HEIGHT]);
    });
}
