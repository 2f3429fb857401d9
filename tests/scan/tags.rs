//! Which tags stay true of a result, and where they lie.

use polychromify_core::{Encoding, Format};

use crate::carried::image_tags;
use crate::files::{File, Tiff, colored, encoding, jpeg, samples};

/// A TIFF with these ASCII tags.
fn tagged(tags: &[(u16, &str)]) -> File {
    let mut tiff = Tiff::new((40, 30), 1, 8);
    tiff.tags.extend(tags.iter().map(|(tag, text)| (*tag, 2, [text.as_bytes(), b"\0"].concat())));
    File::new(&tiff.bytes(&samples(40, 30, 1)))
}

#[test]
fn layouts_of_samples_are_not_carried() {
    let descriptions = [
        "ImageJ=1.53t\nimages=3\nslices=3\nhyperstack=true",
        "<?xml version=\"1.0\"?><OME xmlns=\"http://www.openmicroscopy.org\"></OME>",
        "{\"shape\": [3, 40, 30]}",
    ];
    for text in descriptions {
        let file = tagged(&[(270, text), (50839, "metadata"), (42113, "0"), (33432, "Archive")]);
        let tags = image_tags(&file.colored(Format::Tiff), Format::Tiff);
        for gone in [270, 50839, 42113] {
            assert!(!tags.contains_key(&gone), "{gone}: {tags:?}");
        }
        assert_eq!(tags[&33432], "Archive");
    }
    let told = tagged(&[(270, "<?xml version=\"1.0\"?><letter>Dear John</letter>")]);
    assert!(image_tags(&told.colored(Format::Tiff), Format::Tiff).contains_key(&270));
}

#[test]
fn private_tags_are_carried_and_those_in_pixels_only_at_full_size() {
    let file = tagged(&[(34737, "WGS 84|"), (65000, "box 7")]);
    let tags = image_tags(&file.colored(Format::Tiff), Format::Tiff);
    assert_eq!((&*tags[&34737], &*tags[&65000]), ("WGS 84|", "box 7"));
    let half = Encoding { max_side: Some(20), ..encoding(Format::Tiff) };
    let half = File::new(&colored(&mut file.open().unwrap(), &half).unwrap());
    let tags = image_tags(&half, Format::Tiff);
    assert!(!tags.contains_key(&34737) && tags[&65000] == "box 7");
}

#[test]
fn a_makers_note_stays_where_it_lay() {
    let note = b"a note that holds offsets";
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    let mut directory = |tag: u16, kind: u16, count: u32, value: u32| {
        block.extend([&1_u16.to_le_bytes()[..], &tag.to_le_bytes(), &kind.to_le_bytes()].concat());
        block.extend([count.to_le_bytes(), value.to_le_bytes(), [0; 4]].concat());
    };
    directory(34665, 4, 1, 26);
    directory(0x927C, 7, note.len() as u32, 200);
    block.resize(200, 0);
    block.extend(note);
    let file = File::new(&jpeg((16, 16), 1, |encoder| encoder.add_exif_metadata(&block).unwrap()));
    for format in [Format::Jpeg, Format::Png, Format::Tiff] {
        let bytes = file.colored(format).bytes();
        let start = bytes.windows(4).position(|w| w == b"II*\0").unwrap();
        let at = bytes.windows(note.len()).position(|w| w == note).unwrap();
        assert_eq!(at - start, 200, "{format:?}");
    }
}
