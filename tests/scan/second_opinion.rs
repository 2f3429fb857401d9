//! The lightness of files beside what another program reads from them.

use std::path::Path;

use polychromify_test_support::second_opinion::{difference, ours, theirs};

use crate::files::{File, Tiff, gray_png, jpeg, samples};
use crate::readers::has;

/// Differences of L* that codecs and rounding explain: in the mean, and at most.
const TOLERANCE: (f32, f32) = (0.3, 2.0);

/// Files on which the other program is not to be believed, and why.
const APART: &[(&str, &str)] = &[
    ("assets/field/profile/zero_colorants.png", "follows a profile that cannot be true"),
    ("assets/field/profile/colorants_half.png", "follows a profile that cannot be true"),
    ("assets/field/profile/curve_of_zeros.png", "follows a profile that cannot be true"),
    ("files/profile/zero_colorants.png", "follows a profile that cannot be true"),
    ("files/profile/colorants_half.png", "follows a profile that cannot be true"),
    ("files/profile/curve_of_zeros.png", "follows a profile that cannot be true"),
    ("files/profile/type_of_colorants_is_garbage.png", "follows a profile that cannot be true"),
    ("files/dcf/dcf_2.jpg", "does not know Adobe RGB by EXIF"),
    ("files/dcf/dcf_65535.jpg", "does not know Adobe RGB by EXIF"),
    ("tiff/exampletiffs_earthlab.tif", "takes samples with a sign for those without"),
    ("tiff/openimageio_flower-minisblack-24.tif", "does not read 24 bits"),
    ("tiff/twelvemonkeys_jpeg-lossless-16bit-gray.tif", "does not read lossless JPEG of 16 bits"),
];

/// Compares all files of a folder that both read.
fn compare(folder: &Path) {
    let mut compared = 0;
    let mut differing = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let known = |extension: &std::ffi::OsStr| {
            ["jpg", "png", "tif", "webp"].iter().any(|known| extension == *known)
        };
        if !path.extension().is_some_and(known)
            || APART.iter().any(|(name, _)| path.ends_with(name))
        {
            continue;
        }
        let (Ok(ours), Some(theirs)) = (ours(&path, 0), theirs(&path, 0)) else { continue };
        compared += 1;
        let apart = difference(&ours, &theirs);
        if apart.is_none_or(|apart| apart.mean > TOLERANCE.0 || apart.most > TOLERANCE.1) {
            differing.push((path, apart));
        }
    }
    assert!(compared > 0 && differing.is_empty(), "{differing:#?} of {compared}");
}

#[test]
fn committed_files_have_the_lightness_that_imagemagick_reads() {
    if has(&["convert", "tiffinfo", "tiff2rgba"]) {
        compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/assets"));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn shared_files_have_the_lightness_that_imagemagick_reads() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    for folder in ["cases/files", "historical", "tiff"].map(|name| shared.join(name)) {
        if !folder.is_dir() {
            println!("skips: no {}", folder.display());
        } else if has(&["convert", "tiffinfo", "tiff2rgba"]) {
            compare(&folder);
        }
    }
}

#[test]
fn each_layout_has_the_lightness_that_imagemagick_reads() {
    if !has(&["convert", "tiffinfo", "tiff2rgba"]) {
        return;
    }
    let size = (45, 31);
    let mut files = vec![
        ("PNG".to_owned(), gray_png(size.0, size.1)),
        ("JPEG".to_owned(), jpeg((45, 31), 1, |_| {})),
        ("color JPEG".to_owned(), jpeg((45, 31), 3, |e| e.set_progressive(true))),
    ];
    for (channels, bits) in [(1, 8), (1, 16), (2, 8), (3, 8), (3, 16), (4, 16)] {
        for compression in [1, 5, 8, 32773] {
            // Of gray with alpha in planes ImageMagick 6 takes the second plane for the first's rest.
            for planar in [false, channels > 2] {
                for tile in [None, Some((16, 16))] {
                    let tiff =
                        Tiff { compression, planar, tile, ..Tiff::new(size, channels, bits) };
                    let name = format!("{channels} x {bits}, {compression}, {planar}, {tile:?}");
                    files.push((name, tiff.bytes(&samples(size.0, size.1, channels))));
                }
            }
        }
    }
    for (name, bytes) in files {
        let file = File::new(&bytes);
        let apart = difference(&ours(&file.path, 0).unwrap(), &theirs(&file.path, 0).unwrap());
        let apart = apart.unwrap_or_else(|| panic!("{name}: another size"));
        assert!(apart.mean < TOLERANCE.0 && apart.most < TOLERANCE.1, "{name}: {apart:?}");
    }
}
