//! TIFFs of several pages.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::Decoder;

use crate::folder::Folder;
use crate::pictures;

const SIZES: [(u32, u32); 2] = [(40, 30), (24, 32)];

#[test]
fn all_pages_of_a_tiff_are_colored_into_one_result() {
    let at = Folder::new().file("book.tif", pictures::tiff_pages(&SIZES));
    let run = at.batch(["book.tif", "--output", "out"]).code(0);
    let line = run.line("book.tif");
    assert_eq!((&line["width"], &line["height"]), (&40.into(), &30.into()));
    let mut decoder = Decoder::new(Cursor::new(at.read("out/book.tif"))).unwrap();
    for (page, size) in SIZES.into_iter().enumerate() {
        assert_eq!(decoder.dimensions().unwrap(), size);
        assert_eq!(decoder.colortype().unwrap(), ColorType::RGB(8));
        assert_eq!(decoder.more_images(), page == 0);
        decoder.read_image().unwrap();
        let _ = decoder.next_image();
    }
    assert_eq!(at.batch(["book.tif", "--output", "out"]).code(0).status("book.tif"), "skipped");
}

#[test]
fn several_pages_do_not_go_into_one_jpeg_or_png() {
    let at = Folder::new().file("book.tif", pictures::tiff_pages(&SIZES));
    for format in ["jpeg", "png"] {
        let run = at.batch(["book.tif", "--output", "out", "--format", format]).code(1);
        let reason = run.line("book.tif")["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains("2 pages in one") && reason.contains("choose tiff"), "{reason}");
    }
    assert!(at.names("out").is_empty());
}

#[test]
fn a_hint_of_a_page_that_is_not_there_is_told() {
    let hints = r#"[{"x": 1, "y": 1, "radius": 1, "rgb": [1, 2, 3], "page": 3}]"#;
    let at = Folder::new().file("book.tif", pictures::tiff_pages(&SIZES)).file("hints.json", hints);
    let run = at.batch(["book.tif", "--output", "out", "--hints", "hints.json"]).code(0);
    assert!(run.stderr.contains("hint 1 is of none of its pages"), "{}", run.stderr);
}

#[test]
fn pages_in_color_are_skipped_unless_one_is_not() {
    let pages = |colors: &[bool]| pictures::tiff_pages_in_color(64, 48, colors);
    let at = Folder::new()
        .file("in/color.tif", pages(&[true, true]))
        .file("in/mixed.tif", pages(&[true, false]));
    let run = at.batch(["in", "--output", "out"]).code(0);
    let line = run.line("in/color.tif");
    assert_eq!(line["status"], "skipped");
    assert!(line["reason"].as_str().unwrap().starts_with("has colors already"), "{line}");
    assert_eq!(run.status("in/mixed.tif"), "done");
    let words = "mixed.tif: page 1 has colors already and page 2 not";
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(at.names("out"), ["mixed.tif"]);
    let forced = at.batch(["in/color.tif", "--output", "out", "--force"]).code(0);
    assert_eq!(forced.status("in/color.tif"), "done");
}
