//! What cannot be colored is refused in words, and left as it was.

use std::fs;
use std::process::Command;

use crate::gimp::{Case, TINY, in_each};
use crate::pictures::{self, Kind};

/// Runs a script around a `colorize` that has to fail, and asserts that it leaves the image as it
/// was and that the message has these words.
#[track_caller]
fn refused(case: &Case<'_>, prepare: &str, colorize: &str, words: &[&str]) {
    let report = case.run(&format!(
        r#"
(define image (open "in.png"))
(define source (active image))
{prepare}
(gimp-image-clean-all image)
(save-visible image "before.png")
(say "type" (base-type image))
(attempt (lambda () {colorize}))
(say "type-after" (base-type image))
(say "changed" (car (gimp-image-is-dirty image)))
(say "layers" (length (layers image)))
(save-visible image "after.png")
"#
    ));
    assert_eq!(report.said("outcome"), "failed", "{report:#?}");
    for word in words {
        assert!(report.said("failure").contains(word), "`{word}` in {report:#?}");
    }
    assert_eq!(report.said("type"), report.said("type-after"));
    assert_eq!((report.said("changed"), report.said("layers")), ("0", "1"), "{report:#?}");
    let pixels = |name| image::open(case.path(name)).unwrap();
    assert!(pixels("before.png") == pixels("after.png"), "the image is as it was");
}

#[test]
fn an_indexed_image_is_refused_in_words() {
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let indexed = "(gimp-image-convert-indexed image CONVERT-DITHER-NONE \
                       CONVERT-PALETTE-GENERATE 16 FALSE FALSE \"\")";
        refused(&case, indexed, "(colorize image source tiny 0.3 -1 0)", &["ndexed", "RGB"]);
    });
}

#[test]
fn damaged_and_unknown_weights_are_refused_by_name() {
    in_each(|gimp| {
        let whole = fs::read(TINY).unwrap();
        let case = gimp
            .case()
            .file("in.png", pictures::png(Kind::Gray8))
            .file("torn.safetensors", &whole[..whole.len() / 2]);
        let torn = case.inside("torn.safetensors");
        for (weights, words) in
            [(torn.as_str(), ["torn.safetensors"].as_slice()), ("nobody", &["nobody", "vivid"])]
        {
            refused(&case, "", &format!("(colorize image source \"{weights}\" 1.0 -1 0)"), words);
        }
    });
}

#[test]
fn a_library_without_a_symbol_and_one_that_cannot_be_loaded_are_named() {
    in_each(|gimp| {
        let case = gimp.case().file("empty.c", "");
        let library = if gimp.is_3() { "libgimp-3.0.so.0" } else { "libgimp-2.0.so.0" };
        let path = case.path(library);
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-o"]).arg(&path).arg(case.path("empty.c"));
        assert!(compile.status().unwrap().success());
        let run = case.plug_in_with_libraries_here();
        assert!(!run.status.success());
        let message = String::from_utf8(run.stderr).unwrap();
        assert!(message.contains(&format!("`{library}` has no `gimp_")), "{message}");
        assert!(!message.contains("panicked"), "{message}");

        fs::write(&path, "not a library").unwrap();
        let run = case.plug_in_with_libraries_here();
        assert!(!run.status.success());
        let message = String::from_utf8(run.stderr).unwrap();
        assert!(message.contains(library) && !message.contains("panicked"), "{message}");
    });
}
