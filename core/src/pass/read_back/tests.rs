use std::fs::File;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageBuffer, Luma};
use polychromify_image::color::lab::RgbSpace;
use polychromify_image::provenance::{Label, SourceType};
use polychromify_image::{Limits, Orientation, SamplesMut};
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::colorize::chroma::ChromaMap;
use crate::colorize::thumbnail::Thumbnail;
use crate::pass::result::ResultFile;

const LIMITS: Limits = Limits::new(1 << 30, 1 << 30);

type Picture = fn(u32, u32) -> u8;

/// Samples at a column and a row, of pictures that are hard on rounding.
const PICTURES: [Picture; 4] = [
    |x, y| ((x + 2 * y) / 5 % 256) as u8,
    |x, y| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).rotate_left(13) as u8,
    |x, y| if (x / 2 + y / 2) % 2 == 0 { 255 } else { 0 },
    |x, y| if x % 11 < 2 || y % 17 < 3 { 5 } else { 250 },
];

/// A scan, and how it is colored.
struct Case {
    folder: TempDir,
    scan: PathBuf,
    invert: bool,
    orientation: Orientation,
    encoding: Encoding,
    mark: bool,
}

impl Case {
    fn new(scan: &DynamicImage, format: Format) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.png");
        scan.save(&path).unwrap();
        let space = RgbSpace::Srgb;
        let encoding =
            Encoding { format: Some(format), quality: 95, max_side: None, space, band_rows: 50 };
        let orientation = Orientation::Upright;
        Self { folder, scan: path, invert: false, orientation, encoding, mark: false }
    }

    /// Colors it by chance, and gives what its result has to show.
    fn color(&self) -> (PathBuf, ExpectedLightness) {
        let mut scan = Scan::open(&self.scan, &LIMITS).unwrap();
        scan.set_inverted(self.invert);
        let (width, height) = (scan.info().width, scan.info().height);
        let mut thumbnail = Thumbnail::new(width, height, self.orientation, 4096);
        let push = &mut |y, rows: &[f32]| {
            thumbnail.push_rows(y, rows);
            Ok(())
        };
        scan.read_lightness(40, push).unwrap();
        let image = thumbnail.finish();
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut chroma = || [random.random_range(-60.0..60.0), random.random_range(-60.0..60.0)];
        let chroma: Vec<_> = image.lightness().iter().map(|_| chroma()).collect();
        let size = scan.output_size(&self.encoding);
        let painter = ChromaMap::new(&image, &chroma).painter(size.0, size.1, 1.0);
        let painter = painter.in_space(self.encoding.space);
        let mark = self.mark.then(|| Mark::new(size.0, size.1, self.orientation));
        let expected = ExpectedLightness::new(&scan, &self.encoding, &image, mark.as_ref());
        let path = self.folder.path().join("result");
        let out = File::create(&path).unwrap();
        let paint = |y, lightness: &[f32], mut rgb: SamplesMut<'_>| {
            painter.paint_rows(y, lightness, rgb.reborrow());
            if let Some(mark) = &mark {
                mark.draw(y, rgb);
            }
        };
        let mut file = ResultFile::new(out, &scan, self.encoding.format).unwrap();
        file.add(&mut scan, &self.encoding, &label(), &paint).unwrap();
        file.finish().unwrap();
        (path, expected)
    }

    fn is_as_expected(&self, what: &str) {
        let (path, expected) = self.color();
        assert_eq!(compare(&path, &expected).unwrap(), None, "{what}");
    }
}

fn label() -> Label {
    let text = String::new;
    Label {
        software: text(),
        weights: text(),
        weights_sha256: text(),
        source: text(),
        source_sha256: text(),
        settings: text(),
        source_type: SourceType::default(),
        when: None,
        rendition: text(),
    }
}

fn gray(width: u32, height: u32, picture: Picture) -> DynamicImage {
    let gray: GrayImage = ImageBuffer::from_fn(width, height, |x, y| Luma([picture(x, y)]));
    gray.into()
}

fn compare(path: &Path, expected: &ExpectedLightness) -> Result<Option<Difference>> {
    Scan::open(path, &LIMITS)?.compare_lightness(expected, &mut || Ok(()))
}

#[test]
fn results_of_every_format_depth_and_profile_are_as_expected() {
    for (number, picture) in PICTURES.into_iter().enumerate() {
        let eight = gray(203, 151, picture);
        let sixteen = DynamicImage::from(eight.to_luma16());
        for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::Webp] {
            for scan in [&eight, &sixteen] {
                let mut case = Case::new(scan, format);
                case.is_as_expected(&format!("{number}, {format:?}, {:?}", scan.color()));
                case.encoding.space = RgbSpace::AdobeRgb;
                case.is_as_expected(&format!("{number}, {format:?}, Adobe RGB"));
            }
        }
        let mut case = Case::new(&sixteen, Format::Tiff);
        case.encoding.space = RgbSpace::ProPhoto;
        case.is_as_expected("ProPhoto RGB");
    }
}

#[test]
fn shrunk_turned_marked_and_inverted_results_are_as_expected() {
    for (number, picture) in PICTURES.into_iter().enumerate() {
        let scan = gray(203, 151, picture);
        for format in [Format::Jpeg, Format::Png] {
            let mut case = Case::new(&scan, format);
            (case.invert, case.mark) = (true, true);
            case.is_as_expected(&format!("{number}, {format:?}, inverted and marked"));
            for side in [1, 7, 60, 100, 190] {
                case.encoding.max_side = Some(side);
                case.orientation = Orientation::from_exif(side % 8 + 1);
                case.is_as_expected(&format!("{number}, {format:?}, side {side}"));
            }
        }
        for (width, height) in [(1, 1), (5, 900), (900, 2)] {
            let scan = gray(width, height, picture);
            for format in [Format::Jpeg, Format::Tiff] {
                let what = format!("{number}, {format:?}, {width} x {height}");
                Case::new(&scan, format).is_as_expected(&what);
            }
        }
    }
}

#[test]
fn jpeg_of_every_quality_is_as_expected() {
    for (number, picture) in PICTURES.into_iter().enumerate() {
        let mut case = Case::new(&gray(203, 151, picture), Format::Jpeg);
        for quality in [1, 5, 10, 25, 50, 75, 90, 100] {
            case.encoding.quality = quality;
            case.is_as_expected(&format!("{number}, quality {quality}"));
        }
    }
}

/// A result of a picture with dark sky, which is altered and saved in the same format.
fn altered(format: Format, alter: fn(&mut image::RgbImage)) -> Option<Difference> {
    let picture: Picture = |x, y| if y < 60 { 60 + (x / 9) as u8 } else { 190 };
    let case = Case::new(&gray(203, 151, picture), format);
    let (path, expected) = case.color();
    let bytes = std::fs::read(&path).unwrap();
    let mut result = image::load_from_memory(&bytes).unwrap().to_rgb8();
    alter(&mut result);
    let format =
        if format == Format::Png { image::ImageFormat::Png } else { image::ImageFormat::Tiff };
    result.save_with_format(&path, format).unwrap();
    compare(&path, &expected).unwrap()
}

#[test]
fn a_result_that_was_altered_is_told_with_the_place() {
    let alterations: [fn(&mut image::RgbImage); 5] = [
        |result| image::imageops::invert(result),
        |result| image::imageops::flip_vertical_in_place(result),
        |result| result.pixels_mut().skip(203 * 140).for_each(|p| p.0 = [0; 3]),
        |result| result.iter_mut().for_each(|v| *v = v.saturating_add(4)),
        |result| {
            result.iter_mut().for_each(|v| *v = (255.0 * (f32::from(*v) / 255.0).powf(1.1)) as u8);
        },
    ];
    for format in [Format::Png, Format::Tiff] {
        assert_eq!(altered(format, |_| {}), None);
        for alter in alterations {
            let difference = altered(format, alter);
            assert!(matches!(difference, Some(Difference::Lightness { .. })), "{difference:?}");
        }
        let black = altered(format, alterations[2]).unwrap().to_string();
        assert!(black.contains("and row 145 its lightness is 2.2, and the scan's 77.0"), "{black}");
        let cropped = altered(format, |result| {
            *result = image::imageops::crop_imm(result, 0, 0, 200, 151).to_image();
        });
        assert_eq!(cropped.unwrap().to_string(), "200 x 151 pixels in place of 203 x 151");
    }
}

#[test]
fn a_large_jpeg_with_rows_of_blocks_missing_or_in_another_place_is_told() {
    let picture: Picture = |x, y| (x / 9 + y / 5) as u8 ^ ((y / 8 % 2) as u8 * 96);
    let case = Case::new(&gray(1111, 801, picture), Format::Jpeg);
    let (path, expected) = case.color();
    let bytes = std::fs::read(&path).unwrap();
    let rows = BlockRows::of_result(&bytes).unwrap();
    assert_eq!(rows.count(), 101);
    assert!(expected.bands.len() < expected.thumbnail.1, "not all of it is compared");
    assert_eq!(compare(&path, &expected).unwrap(), None);

    let moved: Vec<_> = (1..rows.count()).chain([0]).collect();
    let mut excerpt = rows.excerpt(&moved);
    // Its height is that of whole blocks now.
    let place = excerpt.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap() + 5;
    excerpt[place..place + 2].copy_from_slice(&801_u16.to_be_bytes());
    std::fs::write(&path, &excerpt).unwrap();
    let difference = compare(&path, &expected).unwrap();
    assert!(matches!(difference, Some(Difference::Lightness { .. })), "{difference:?}");

    let end = bytes.len() - 2;
    let cut = bytes[..end].windows(2).rposition(|pair| pair[0] == 0xFF && pair[1] != 0).unwrap();
    std::fs::write(&path, [&bytes[..cut], &bytes[end..]].concat()).unwrap();
    let missing = compare(&path, &expected).unwrap_err().to_string();
    assert!(missing.ends_with("damaged: rows are missing"), "{missing}");
}

#[test]
fn a_large_tiff_is_compared_without_the_strips_between() {
    for picture in PICTURES {
        let scan = DynamicImage::from(gray(1111, 801, picture).to_luma16());
        Case::new(&scan, Format::Tiff).is_as_expected("strips");
    }
}

#[test]
fn the_highest_jpeg_is_compared() {
    let scan = gray(9, 65_535, PICTURES[0]);
    Case::new(&scan, Format::Jpeg).is_as_expected("65,535 rows");
}
