//! What is left out of a picture or assumed of it, as the program tells it.

use std::io::Cursor;

use serde_json::{Value, json};
use tiff::encoder::colortype::{CMYK8, ColorType, Gray8};
use tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKindStandard};
use tiff::tags::{PhotometricInterpretation, SampleFormat, Tag};

use crate::folder::{Folder, Run};
use crate::pictures::{self, Samples};

const SIDE: u32 = 32;
/// More than a segment of a JPEG holds.
const LONG: usize = 70_000;

type Directory<'a> = DirectoryEncoder<'a, &'a mut Cursor<Vec<u8>>, TiffKindStandard>;

/// A TIFF of one picture, with the tags that `tags` writes.
fn tiff<C: ColorType<Inner = u8>>(tags: impl FnOnce(&mut Directory)) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    let mut image = encoder.new_image::<C>(SIDE, SIDE).unwrap();
    tags(image.encoder());
    let samples = C::BITS_PER_SAMPLE.len();
    let mut pixels = vec![0; (SIDE * SIDE) as usize * samples];
    for (at, pixel) in (0..).zip(pixels.chunks_exact_mut(samples)) {
        *pixel.last_mut().unwrap() = (pictures::gray(at % SIDE, at / SIDE, 5) * 255.0) as u8;
    }
    image.write_data(&pixels).unwrap();
    out.into_inner()
}

/// Gray and two samples that nothing tells the meaning of.
struct GrayAndTwo;

impl ColorType for GrayAndTwo {
    type Inner = u8;
    const TIFF_VALUE: PhotometricInterpretation = PhotometricInterpretation::BlackIsZero;
    const BITS_PER_SAMPLE: &'static [u16] = &[8; 3];
    const SAMPLE_FORMAT: &'static [SampleFormat] = &[SampleFormat::Uint; 3];

    fn horizontal_predict(_: &[u8], _: &mut Vec<u8>) {}
}

/// A JPEG with APP1 segments.
fn jpeg(segments: &[&[u8]]) -> Vec<u8> {
    let plain = pictures::jpeg(SIDE, SIDE, 1);
    let mut bytes = plain[..2].to_vec();
    for segment in segments {
        bytes.extend([0xFF, 0xE1]);
        bytes.extend((segment.len() as u16 + 2).to_be_bytes());
        bytes.extend(*segment);
    }
    bytes.extend(&plain[2..]);
    bytes
}

fn xmp(packet: &str) -> Vec<u8> {
    [b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat()
}

/// A PNG in color that has the profile of a gray picture.
fn png_of_wrong_profile() -> Vec<u8> {
    let samples = Samples::of_gray(SIDE, SIDE, 3, false);
    pictures::png_with(&samples, SIDE, SIDE, &pictures::gray_profile())
}

fn png_with_chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::ChunkType(kind), data).unwrap();
    let Samples::Eight(samples) = Samples::of_gray(SIDE, SIDE, 1, false) else { unreachable!() };
    writer.write_image_data(&samples).unwrap();
    drop(writer);
    file
}

fn batch(folder: &Folder, more: &[&str]) -> Run {
    folder.batch(["in", "--output", "out"].into_iter().chain(more.iter().copied()))
}

/// The notices of a file that is colored, in `--json`.
fn notices(name: &str, file: Vec<u8>, more: &[&str]) -> Vec<Value> {
    let folder = Folder::new().file(&format!("in/{name}"), file);
    let run = batch(&folder, more).code(0);
    let line = run.line(&format!("in/{name}"));
    assert_eq!(line["status"], "done");
    line["notices"].as_array().unwrap().clone()
}

/// Checks the one notice of a file, and that its message holds `words`.
#[track_caller]
fn check(name: &str, file: Vec<u8>, more: &[&str], kind: &str, words: &str) -> Value {
    let told = notices(name, file, more);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["kind"], kind);
    assert!(told[0]["message"].as_str().unwrap().contains(words), "{told:?}");
    told[0].clone()
}

#[test]
fn a_picture_that_is_kept_whole_has_no_notice() {
    assert!(notices("a.jpg", pictures::jpeg(SIDE, SIDE, 1), &[]).is_empty());
}

#[test]
fn profile_ignored() {
    let words = "color profile ignored: ";
    let told = check("a.png", png_of_wrong_profile(), &[], "profile-ignored", words);
    assert!(told["reason"].is_string());
}

#[test]
fn end_marker_missing_and_stray_bytes() {
    let whole = pictures::jpeg(SIDE, SIDE, 1);
    let end = whole.len() - 2;
    check("a.jpg", whole[..end].to_vec(), &[], "end-marker-missing", "all rows are there");
    let padded = [&whole[..end], &[0; 300], &whole[end..]].concat();
    assert_eq!(check("a.jpg", padded, &[], "stray-bytes", "300 stray bytes")["bytes"], 300);
}

#[test]
fn meaning_assumed() {
    let file = tiff::<tiff::encoder::colortype::Gray8>(|_| {});
    // Tag 262 becomes one that means nothing.
    let at = file.windows(4).position(|entry| entry == [6, 1, 3, 0]).unwrap();
    let mut altered = file;
    altered[at..at + 2].copy_from_slice(&263_u16.to_le_bytes());
    check("a.tif", altered, &[], "meaning-assumed", "0 is black");
}

#[test]
fn ink_profile_ignored() {
    let profile = pictures::gray_profile();
    let file =
        tiff::<CMYK8>(|directory| directory.write_tag(Tag::IccProfile, &profile[..]).unwrap());
    let words = "the picture is CMYK";
    assert!(check("a.tif", file, &[], "ink-profile-ignored", words)["reason"].is_string());
}

#[test]
fn inks_without_profile() {
    check("a.tif", tiff::<CMYK8>(|_| {}), &[], "inks-without-profile", "lightness is an estimate");
}

#[test]
fn extended_xmp_incomplete() {
    let digest = "0123456789ABCDEF0123456789ABCDEF";
    let main = xmp(&format!(
        r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{digest}"/></rdf:RDF></x:xmpmeta>"#
    ));
    let mut part = b"http://ns.adobe.com/xmp/extension/\0".to_vec();
    part.extend(digest.bytes().chain(9000_u32.to_be_bytes()).chain(0_u32.to_be_bytes()));
    part.extend(b"<x:xmpmeta");
    let file = jpeg(&[&main, &part]);
    check("a.jpg", file, &[], "extended-xmp-incomplete", "extended XMP");
}

#[test]
fn xmp_left_out() {
    let file = jpeg(&[&xmp("<x:xmpmeta never closed")]);
    assert!(check("a.jpg", file, &[], "xmp-left-out", "XMP is left out")["reason"].is_string());
}

#[test]
fn block_too_large() {
    let mut iptc = vec![0x1C, 2, 120, 0x80, 4, 0, 1, 0x11, 0x70];
    iptc.resize(LONG, b'x');
    let file = tiff::<Gray8>(|directory| {
        directory.write_tag(Tag::Unknown(33723), &iptc[..]).unwrap();
    });
    let told = check("a.tif", file, &["--format", "jpeg"], "block-too-large", "too large for JPEG");
    assert!(told["block"].as_str().unwrap().starts_with("Photoshop"));
}

#[test]
fn tags_too_large() {
    let text = "x".repeat(LONG);
    let file =
        tiff::<Gray8>(|directory| directory.write_tag(Tag::ImageDescription, &*text).unwrap());
    let told = check("a.tif", file, &["--format", "jpeg"], "tags-too-large", "270");
    assert_eq!(told["tags"], json!([270]));
}

#[test]
fn text_broken() {
    let file = png_with_chunk(*b"zTXt", b"Comment\0\0this is not compressed");
    check("a.png", file, &[], "text-broken", "text chunk");
}

#[test]
fn exif_broken() {
    check("a.jpg", jpeg(&[b"Exif\0\0II*\0"]), &[], "exif-broken", "EXIF is broken");
}

#[test]
fn repeated_left_out() {
    let exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0";
    let told = check("a.jpg", jpeg(&[exif, exif]), &[], "repeated-left-out", "EXIF stands");
    assert_eq!(told["block"], "EXIF");
}

#[test]
fn no_place() {
    let file = jpeg(&[b"a maker's own"]);
    assert!(notices("a.jpg", file.clone(), &[]).is_empty());
    let told = check("a.jpg", file, &["--format", "tiff"], "no-place", "TIFF has no place for");
    assert_eq!((&told["format"], &told["parts"]), (&json!("TIFF"), &json!(["APP1 a maker's own"])));
}

#[test]
fn not_of_result() {
    let credentials = png_with_chunk(*b"caBX", b"signed");
    let told = check("a.png", credentials, &[], "not-of-result", "credentials");
    assert!(told["what"].is_string());
}

#[test]
fn trailer_left_out() {
    let file = [jpeg(&[]), vec![7; 400]].concat();
    assert_eq!(check("a.jpg", file, &[], "trailer-left-out", "400 bytes")["bytes"], 400);
}

#[test]
fn extra_samples() {
    let told = check("a.tif", tiff::<GrayAndTwo>(|_| {}), &[], "extra-samples", "2 extra samples");
    assert_eq!(told["count"], 2);
}

#[test]
fn preview_left_out() {
    let file = pictures::tiff_pages(&[(SIDE * 4, SIDE * 3), (SIDE / 2, SIDE * 3 / 8)]);
    let told = check("a.tif", file, &[], "preview-left-out", "16x12");
    assert_eq!((&told["number"], &told["width"]), (&json!(2), &json!(16)));
}

#[test]
fn a_notice_of_a_page_names_the_page() {
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out).unwrap();
    for samples in
        [&Samples::of_gray(SIDE, SIDE, 1, false), &Samples::of_gray(SIDE, SIDE, 3, false)]
    {
        let Samples::Eight(samples) = samples else { unreachable!() };
        if samples.len() == (SIDE * SIDE) as usize {
            encoder.write_image::<Gray8>(SIDE, SIDE, samples).unwrap();
        } else {
            encoder.write_image::<GrayAndTwo>(SIDE, SIDE, samples).unwrap();
        }
    }
    assert_eq!(check("a.tif", out.into_inner(), &[], "extra-samples", "2 extra")["page"], 2);
}

#[test]
fn ledger_sidecar_manifest_and_status_carry_notices() {
    let folder = Folder::new()
        .file("in/a.png", png_of_wrong_profile())
        .file("in/b.png", pictures::png(SIDE, SIDE, 2));
    let first = batch(&folder, &["--sidecar", "--manifest"]).code(0);
    let told = first.line("in/a.png")["notices"].clone();
    assert_eq!(told[0]["kind"], "profile-ignored");
    let warned = format!("warning: in/a.png: {}", told[0]["message"].as_str().unwrap());
    assert!(first.stderr.contains(&warned), "{}", first.stderr);

    // Later runs have it from the ledger.
    assert_eq!(batch(&folder, &[]).code(0).line("in/a.png")["notices"], told);
    let sidecar = |name: &str| -> Value { serde_json::from_slice(&folder.read(name)).unwrap() };
    assert_eq!(sidecar("out/a.png.json")["notices"], told);
    assert_eq!(sidecar("out/b.png.json")["notices"], json!([]));
    let table = String::from_utf8(folder.read("out/manifest.csv")).unwrap();
    let kept: Vec<&str> = table.lines().filter(|line| line.contains("profile-ignored")).collect();
    assert!(kept.len() == 1 && kept[0].starts_with("a.png,"), "{table}");
    folder.polychromify(["verify", "out", "--strict"]).code(0);
    let status = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["notices"], json!({"results": 1, "kinds": {"profile-ignored": 1}}));
    let status = folder.polychromify(["status", "-o", "out"]).code(0);
    assert!(status.stdout.contains("1 result with notices: profile-ignored 1"), "{status:?}");
}

#[test]
fn strict_refuses_what_loses_metadata_or_a_profile_and_nothing_else() {
    let folder = Folder::new()
        .file("in/a.png", png_of_wrong_profile())
        .file("in/b.jpg", jpeg(&[&xmp("<x:xmpmeta never closed")]))
        .file("in/c.tif", tiff::<GrayAndTwo>(|_| {}));
    for more in [&["--strict", "--dry-run"][..], &["--strict"]] {
        let run = batch(&folder, more).code(1);
        let line = run.line("in/a.png");
        let message = line["notices"][0]["message"].as_str().unwrap();
        assert_eq!(line["status"], "failed");
        assert!(line["reason"].as_str().unwrap().starts_with(message), "{line}");
        assert_ne!(run.status("in/c.tif"), "failed");
    }
    let status = folder.polychromify(["status", "-o", "out", "--json"]).code(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["failed"], &status["done"]), (&json!(2), &json!(1)));
    assert_eq!(folder.names("out"), ["c.tif"]);
    assert_eq!(batch(&folder, &[]).code(0).status("in/b.jpg"), "done");
}
