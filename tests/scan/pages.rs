//! TIFFs of several pages: which are colored, and what the result's pages say.

use polychromify_core::{Error, Format, Orientation, ResultFile};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use crate::files::{File, Tiff, difference, encoding, label, lightness, paint, samples};

/// The pages of a scan in color, in one file.
pub(crate) fn all_colored(file: &File, format: Format) -> Result<File, Error> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut scan = file.open()?;
    let mut result = ResultFile::new(&mut out, &scan, Some(format))?;
    for page in 0..scan.pages() {
        scan.select(page)?;
        let width = scan.info().width as usize;
        let paint = |y, l: &[f32], rgb: polychromify_core::SamplesMut<'_>| paint(width, y, l, rgb);
        result.add(&mut scan, &encoding(format), &label(), &paint)?;
    }
    result.finish()?;
    Ok(File::new(&out.into_inner()))
}

/// A page of a document.
fn page(size: (usize, usize), bits: u16, name: &str, number: u16) -> Tiff {
    let mut tiff = Tiff::new(size, 1, bits);
    let number = [number.to_le_bytes(), 2_u16.to_le_bytes()].concat();
    tiff.tags.extend([
        (269, 2, b"Letters\0".to_vec()),
        (285, 2, [name.as_bytes(), b"\0"].concat()),
        (297, 3, number),
    ]);
    tiff
}

/// A sheet of which both sides were scanned, the second upside down.
fn sheet() -> (File, [Vec<u16>; 2]) {
    let mut back = page((31, 22), 8, "verso", 1);
    back.tags.push((274, 3, vec![3, 0]));
    let data = [samples(24, 18, 1), samples(31, 22, 1)];
    let front = page((24, 18), 16, "recto", 0);
    (File::new(&Tiff::pages(&[(&front, &data[0]), (&back, &data[1])])), data)
}

/// `NewSubfileType`.
fn marked(tiff: Tiff, subfile: u8) -> Tiff {
    let mut tiff = tiff;
    tiff.tags.push((254, 4, vec![subfile, 0, 0, 0]));
    tiff
}

fn names(file: &File) -> Vec<(u32, String)> {
    let mut decoder = Decoder::new(std::fs::File::open(&file.path).unwrap()).unwrap();
    let mut found = Vec::new();
    loop {
        let name = decoder.get_tag_ascii_string(Tag::Unknown(285)).unwrap_or_default();
        found.push((decoder.dimensions().unwrap().0, name));
        if !decoder.more_images() {
            return found;
        }
        decoder.next_image().unwrap();
    }
}

#[test]
fn each_page_is_colored_by_itself_and_keeps_its_size_depth_turn_and_name() {
    let (file, _) = sheet();
    let result = all_colored(&file, Format::Tiff).unwrap();
    assert_eq!(names(&result), [(24, "recto".into()), (31, "verso".into())]);
    let (mut before, mut after) = (file.open().unwrap(), result.open().unwrap());
    assert_eq!((before.pages(), after.pages()), (2, 2));
    for (page, most) in [(0, 0.02), (1, 0.5)] {
        before.select(page).unwrap();
        after.select(page).unwrap();
        assert_eq!(before.info().depth, after.info().depth);
        let off = difference(&lightness(&mut before), &lightness(&mut after));
        assert!(off <= most, "page {page}: {off}");
    }
    assert_eq!(after.info().orientation, Orientation::from_exif(3));
    let mut decoder = Decoder::new(std::fs::File::open(&result.path).unwrap()).unwrap();
    assert_eq!(decoder.get_tag_ascii_string(Tag::Unknown(269)).unwrap(), "Letters");
    decoder.next_image().unwrap();
    assert_eq!(decoder.get_tag_u16_vec(Tag::Unknown(297)).unwrap(), [1, 2]);
    assert_eq!(decoder.get_tag_u32(Tag::Unknown(254)).unwrap(), 2);
}

#[test]
fn pages_are_read_in_any_order() {
    let (file, _) = sheet();
    let mut scan = file.open().unwrap();
    let first = lightness(&mut scan);
    scan.select(1).unwrap();
    assert_eq!((scan.info().width, lightness(&mut scan).len()), (31, 31 * 22));
    scan.select(0).unwrap();
    assert_eq!(lightness(&mut scan), first);
}

#[test]
fn previews_and_masks_are_left_out_and_the_scan_is_alone_in_the_result() {
    let (small, large) = (samples(12, 9, 1), samples(48, 36, 1));
    let preview = marked(page((12, 9), 8, "preview", 0), 1);
    let scan = page((48, 36), 16, "scan", 1);
    let mask = marked(page((48, 36), 8, "mask", 2), 4);
    let unmarked = page((12, 9), 8, "unmarked", 0);
    for pages in [
        vec![(&preview, &small[..]), (&scan, &large)],
        vec![(&scan, &large), (&mask, &large), (&preview, &small)],
        vec![(&scan, &large), (&unmarked, &small)],
    ] {
        let file = File::new(&Tiff::pages(&pages));
        assert_eq!(file.open().unwrap().pages(), 1);
        let result = all_colored(&file, Format::Tiff).unwrap();
        assert_eq!(names(&result), [(48, "scan".into())]);
        let mut decoder = Decoder::new(std::fs::File::open(&result.path).unwrap()).unwrap();
        assert_eq!(decoder.get_tag_u16_vec(Tag::Unknown(297)).unwrap(), [0, 1]);
        for format in [Format::Jpeg, Format::Png] {
            assert_eq!(all_colored(&file, format).unwrap().open().unwrap().info().width, 48);
        }
    }
}

#[test]
fn a_format_of_one_page_is_refused_for_several() {
    let (file, _) = sheet();
    for (format, name) in [(Format::Jpeg, "JPEG"), (Format::Png, "PNG")] {
        let error = all_colored(&file, format).err().unwrap().to_string();
        assert!(error.contains(&format!("2 pages in one {name}: choose tiff")), "{error}");
    }
}

#[test]
fn a_page_that_is_cut_off_is_damage_before_the_first_is_colored() {
    let front = page((24, 18), 16, "recto", 0);
    let mut back = page((31, 22), 8, "verso", 1);
    back.tags.push((273, 4, u32::MAX.to_le_bytes().to_vec()));
    back.rows = 22;
    let data = [samples(24, 18, 1), samples(31, 22, 1)];
    let file = File::new(&Tiff::pages(&[(&front, &data[0]), (&back, &data[1])]));
    let error = file.open().err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("page 2"), "{error}");
}

#[test]
fn pages_that_share_their_pixels_are_refused() {
    let data = samples(24, 18, 1);
    let mut file = page((24, 18), 16, "recto", 0).bytes(&data);
    let first = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
    let directory = file[first..].to_vec();
    for _ in 0..40 {
        let (pointer, at) = (file.len() - 4, file.len() as u32);
        file[pointer..].copy_from_slice(&at.to_le_bytes());
        file.extend(&directory);
    }
    let error = File::new(&file).open().err().unwrap();
    assert!(error.to_string().contains("share"), "{error}");
}
