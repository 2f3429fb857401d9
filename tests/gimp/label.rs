//! What is exported says that its colors are machine-made.

use std::fs;

use polychromify_core::hexadecimal;
use sha2::{Digest, Sha256};

use crate::gimp::{TINY, in_each};
use crate::pictures::{self, Kind};

#[test]
fn an_exported_picture_says_that_its_colors_are_machine_made() {
    let weights = hexadecimal(&Sha256::digest(fs::read(TINY).unwrap()));
    in_each(|gimp| {
        let case = gimp.case().file("in.png", pictures::png(Kind::Rgb8));
        let report = case.run(
            r#"
(define image (open "in.png"))
(define source (active image))
(set-file image "in.xcf") ; without a window, GIMP 3.0 does not tell the image what it opened
(colorize image source tiny 0.3 -1 0)
(say "parasites" (gimp-image-get-parasite-list image))
(export-jpeg image (active image) "out.jpg")
"#,
        );
        assert!(report.said("parasites").contains("polychromify"), "{report:#?}");
        let content = fs::read(case.path("out.jpg")).unwrap();
        let text = String::from_utf8_lossy(&content);
        for words in [
            "digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
            concat!("Polychromify ", env!("CARGO_PKG_VERSION")),
            weights.as_str(),
            "source in.",
        ] {
            assert!(text.contains(words), "GIMP {}: {words} in {report:#?}", gimp.version);
        }
    });
}
