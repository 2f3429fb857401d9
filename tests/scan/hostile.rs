//! Files that lie about themselves end soon, in little memory, with a reason.

use std::time::Duration;

use polychromify_core::{Deadline, Error, Limits, Result, Scan};

use crate::files::{File, LIMITS, jpeg, strip};

fn read(bytes: &[u8]) -> Result<()> {
    read_with(bytes, &LIMITS)
}

fn read_with(bytes: &[u8], limits: &Limits) -> Result<()> {
    let file = File::new(bytes);
    let mut scan = Scan::open(&file.path, limits)?;
    scan.read_lightness(64, &mut |_, _| Ok(()))
}

const GRAY: &[(u16, &[u16])] = &[(258, &[8]), (262, &[1])];

#[test]
fn a_picture_larger_than_its_file_is_refused_before_memory_is_taken() {
    for (width, height) in [(u32::MAX, u32::MAX), (1 << 30, 1), (1 << 22, 200), (30_000, 30_000)] {
        let error = read(&strip((width, height), GRAY, &[], &[0; 64])).unwrap_err();
        let kind = matches!(error, Error::Limit { .. } | Error::Damaged { .. });
        assert!(kind, "{width} x {height}: {error}");
    }
}

#[test]
fn tiles_of_any_size_are_bounded_by_the_memory() {
    let tiles = |side: u32| {
        let long = |v: u32| v.to_le_bytes().to_vec();
        let tags =
            [(322, 4, long(side)), (323, 4, long(side)), (324, 4, long(8)), (325, 4, long(64))];
        strip((1 << 14, 1 << 14), &[(258, &[8]), (259, &[8]), (262, &[1])], &tags, &[0; 64])
    };
    let limits = Limits { memory: 16 << 20, ..LIMITS };
    for side in [1, 16, 1 << 15, 1 << 31, u32::MAX] {
        read_with(&tiles(side), &limits).unwrap_err();
    }
}

#[test]
fn a_loop_of_directories_is_damaged() {
    let mut bytes = strip((4, 1), GRAY, &[], &[0; 4]);
    let first = bytes[4..8].to_vec();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&first);
    let error = read(&bytes).unwrap_err();
    assert!(error.to_string().contains("loop"), "{error}");
}

#[test]
fn a_million_pages_are_over_the_limit() {
    let pages = 1_000_000_u32;
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for page in 1..=pages {
        bytes.extend([0, 0]); // no entries
        bytes.extend((8 + 6 * page).to_le_bytes());
    }
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn values_beyond_the_file_are_left_out_or_damage_and_take_no_memory() {
    // Of places and depths only the first ones are read: there is one strip of one sample.
    let tags = [
        (273_u16, 4_u16, Some("strip or tile 0 is missing")), // at 0
        (258, 3, Some("0-bit samples")),
        (320, 3, None),
        (34675, 7, None),
        (700, 1, None),
    ];
    for (tag, kind, reason) in tags {
        let mut bytes = strip((4, 1), GRAY, &[(tag, kind, vec![0; 16])], &[0; 4]);
        let at = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
        let entries = usize::from(bytes[at]);
        for entry in 0..entries {
            let entry = at + 2 + 12 * entry;
            if bytes[entry..entry + 2] == tag.to_le_bytes() {
                bytes[entry + 4..entry + 8].copy_from_slice(&u32::MAX.to_le_bytes());
            }
        }
        let found = read(&bytes).err().map(|error| error.to_string());
        let told = |reason| found.as_deref().is_some_and(|found| found.contains(reason));
        assert!(reason.map_or(found.is_none(), told), "{tag}: {found:?}");
    }
}

#[test]
fn a_bigtiff_of_endless_counts_is_damaged() {
    let mut bytes = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.resize(4096, 0xFF);
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn blank_pages_of_a_few_bytes_stay_within_the_limits() {
    // Group 4 tells a white row in one bit.
    let tags: [(u16, &[u16]); 3] = [(258, &[1]), (259, &[4]), (262, &[0])];
    let limits = Limits { pixels: 1 << 26, ..LIMITS };
    read_with(&strip((1 << 20, 1 << 20), &tags, &[], &[0xFF; 64]), &limits).unwrap_err();
    let huge = strip((1 << 15, 1 << 14), &tags, &[], &[0xFF; 64]);
    let error = read(&huge).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
    let error = read(&strip((1000, 1000), &tags, &[], &[0xFF; 64])).unwrap_err();
    assert!(error.to_string().contains("ends early"), "{error}");
}

fn longs(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn tiles_that_give_little_for_long_end_at_the_deadline() {
    // Bytes of PackBits that mean nothing, and a blank tile: the same ones for each of 65,536 tiles,
    // so that the file takes hours, and gives no row before.
    let mut data = vec![128; 32 << 20];
    data.extend([129, 0, 129, 0]);
    let tiles = 1 << 16;
    let tags = [
        (322, 4, longs(&[16])),
        (323, 4, longs(&[16])),
        (324, 4, longs(&vec![8; tiles])),
        (325, 4, longs(&vec![data.len() as u32; tiles])),
    ];
    let shorts: [(u16, &[u16]); 3] = [(258, &[8]), (259, &[32773]), (262, &[1])];
    let file = strip((1 << 20, 16), &shorts, &tags, &data);
    let limits = Limits { deadline: Deadline::after(Duration::from_millis(300)), ..LIMITS };
    let error = read_with(&file, &limits).unwrap_err();
    assert_eq!(error.to_string().split(": ").last(), Some("takes longer than 0.3 s"), "{error}");
}

#[test]
fn every_strip_of_jpeg_is_bounded_by_the_memory() {
    let small = jpeg((16, 16), 1, |encoder| encoder.set_progressive(true));
    let mut large = small.clone();
    let frame = large.windows(2).position(|marker| marker == [0xFF, 0xC2]).unwrap();
    large[frame + 5..frame + 9].fill(0xFF); // 65,535 pixels a side
    let tags = [
        (273, 4, longs(&[8, 8 + small.len() as u32])),
        (278, 4, longs(&[16])),
        (279, 4, longs(&[small.len() as u32, large.len() as u32])),
    ];
    let shorts: [(u16, &[u16]); 3] = [(258, &[8]), (259, &[7]), (262, &[1])];
    let file = strip((16, 32), &shorts, &tags, &[small, large].concat());
    let error = read(&file).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn pages_that_share_a_long_list_of_strips_are_refused_at_the_first_ones() {
    let (pages, strips) = (20_000_u32, 1_u32 << 20);
    let (offsets, counts) = (8, 8 + 4 * strips);
    let first = counts + 4 * strips;
    let mut file = [&b"II*\0"[..], &first.to_le_bytes()].concat();
    file.extend(longs(&vec![8; strips as usize]));
    file.extend(longs(&vec![1; strips as usize]));
    for page in 1..=pages {
        let tags = [
            (256_u16, 1, 1),
            (257, 1, strips),
            (258, 1, 8),
            (262, 1, 1),
            (273, strips, offsets),
            (278, 1, 1),
            (279, strips, counts),
        ];
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, count, value) in tags {
            file.extend(tag.to_le_bytes());
            file.extend(4_u16.to_le_bytes());
            file.extend(longs(&[count, value]));
        }
        let next = file.len() as u32 + 4;
        file.extend(if page == pages { 0 } else { next }.to_le_bytes());
    }
    let error = read(&file).unwrap_err();
    assert!(error.to_string().contains("pages share their pixels"), "{error}");
}

#[test]
fn empty_segments_and_chunks_are_bounded_in_number() {
    let photo = jpeg((16, 16), 1, |_| {});
    let filled = [&photo[..2], &b"\xFF\xE1\0\x02".repeat(70_000), &photo[2..]].concat();
    let error = read(&filled).unwrap_err();
    assert!(error.to_string().contains("more than 65536 segments"), "{error}");

    let chunks = b"\0\0\0\0tEXt\0\0\0\0".repeat(6_000_000);
    let error = read(&[b"\x89PNG\r\n\x1A\n", &chunks[..]].concat()).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}
