//! True lightness through profiles with tables, of every kind (ICC.1:2022, 10.10 to 10.12).

use crate::files::{File, Tiff, difference, samples, strip};
use crate::lightness::{assert_lightness, l};

const SIZE: (usize, usize) = (23, 17);

/// Nodes of a table along each input.
const GRID: usize = 5;

/// L*, a* and b* (D50) of red, green and blue. All are linear, so that interpolation is exact, and
/// at the nodes of a table whole steps of 8 bits.
fn color([r, g, b]: [f64; 3]) -> [f64; 3] {
    let byte = 100.0 / 255.0;
    [byte * (60.0 * r + 152.0 * g + 40.0 * b), 40.0 * (r - g), 28.0 * (g - b)]
}

/// The colors of a table, the first input's axis the slowest.
fn nodes() -> impl Iterator<Item = [f64; 3]> {
    (0..GRID * GRID * GRID).map(|i| {
        let at = |place: usize| (i / place % GRID) as f64 / (GRID - 1) as f64;
        color([at(GRID * GRID), at(GRID), at(1)])
    })
}

fn be16(values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    values.into_iter().flat_map(|v| (v.round() as u16).to_be_bytes()).collect()
}

fn s15_fixed_16(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| ((v * 65536.0) as i32).to_be_bytes()).collect()
}

/// What lut8Type and lut16Type begin with.
fn lut_head(kind: [u8; 4], inputs: u8, grid: u8) -> Vec<u8> {
    let head = [&kind[..], &[0; 4], &[inputs, 3, grid, 0]].concat();
    [head, s15_fixed_16(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0])].concat()
}

fn lut8() -> Vec<u8> {
    let straight = (0..=255).collect::<Vec<u8>>().repeat(3);
    let table = nodes()
        .flat_map(|[l, a, b]| [l * 2.55, a + 128.0, b + 128.0].map(|v| v.round() as u8))
        .collect::<Vec<u8>>();
    [lut_head(*b"mft1", 3, GRID as u8), straight.clone(), table, straight].concat()
}

/// Of `inputs` and their table of L*, a* and b*; 0xFF00 is L* 100, 0x8000 is neutral.
fn lut16(inputs: u8, grid: u8, table: impl Iterator<Item = [f64; 3]>) -> Vec<u8> {
    let straight = |channels: u8| be16([0.0, 65535.0].repeat(channels.into()));
    let numbers = |[l, a, b]: [f64; 3]| [l * 652.8, (a + 128.0) * 256.0, (b + 128.0) * 256.0];
    let head = [lut_head(*b"mft2", inputs, grid), be16([2.0, 2.0])].concat();
    [head, straight(inputs), be16(table.flat_map(numbers)), straight(3)].concat()
}

/// lutAToBType with a table of `bytes` a number; the matrix doubles, so that the table is halved.
fn curves(bytes: u8) -> Vec<u8> {
    let straight = [&b"para\0\0\0\0\0\0\0\0"[..], &s15_fixed_16(&[1.0])].concat().repeat(3);
    let matrix = [2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0];
    let numbers = |[l, a, b]: [f64; 3]| [l / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0];
    let halves = nodes().flat_map(numbers).map(|v| v / 2.0);
    let mut table = [&[GRID as u8; 3][..], &[0; 13], &[bytes, 0, 0, 0]].concat();
    if bytes == 1 {
        table.extend(halves.map(|v| (v * 255.0).round() as u8));
    } else {
        table.extend(be16(halves.map(|v| v * 65535.0)));
    }
    table.resize(table.len().next_multiple_of(4), 0);
    // After the header: B curves, matrix, M curves, table, A curves.
    let parts = [straight.clone(), s15_fixed_16(&matrix), straight.clone(), table, straight];
    let mut tag = b"mAB \0\0\0\0\x03\x03\0\0".to_vec();
    let mut at = 32;
    for part in &parts {
        tag.extend((at as u32).to_be_bytes());
        at += part.len();
    }
    [tag, parts.concat()].concat()
}

/// A profile of a scanner that gives CIE Lab (D50) by one table.
fn profile(inputs: [u8; 4], version: u8, table: Vec<u8>) -> Vec<u8> {
    profile_with(inputs, version, &[(b"A2B0", table)])
}

/// A profile of a scanner that gives CIE Lab (D50) by these tags.
fn profile_with(inputs: [u8; 4], version: u8, more: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let white: Vec<u8> = [0xF6D6_u32, 0x1_0000, 0xD32D].map(u32::to_be_bytes).concat();
    let text = [&b"desc\0\0\0\0\0\0\0\x08scanner\0"[..], &[0; 80]].concat();
    let elements: [(&[u8; 4], Vec<u8>); 3] = [
        (b"desc", text),
        (b"wtpt", [&b"XYZ \0\0\0\0"[..], &white].concat()),
        (b"cprt", b"text\0\0\0\0none\0\0\0\0".to_vec()),
    ];
    let elements = [&elements, more].concat();
    let mut data = Vec::new();
    let mut tags = (elements.len() as u32).to_be_bytes().to_vec();
    let count = elements.len();
    for (name, element) in elements {
        tags.extend(name);
        tags.extend(((128 + 4 + 12 * count + data.len()) as u32).to_be_bytes());
        tags.extend((element.len() as u32).to_be_bytes());
        data.extend(element);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut profile = ((128 + tags.len() + data.len()) as u32).to_be_bytes().to_vec();
    profile.extend([*b"none", [version, 0x40, 0, 0], *b"scnr", inputs, *b"Lab "].concat());
    profile.resize(36, 0);
    profile.extend(b"acsp");
    profile.resize(68, 0);
    profile.extend(white);
    profile.resize(128, 0);
    [profile, tags, data].concat()
}

/// Luminance under D65 of CIE Lab under D50, by Bradford's adaptation (the row that
/// brucelindbloom.com gives for D50 to D65).
fn luminance_of_lab([l, a, b]: [f64; 3]) -> f64 {
    let inverse = |t: f64| {
        if t > 6.0 / 29.0 { t.powi(3) } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (t - 4.0 / 29.0) }
    };
    let fy = (l + 16.0) / 116.0;
    let [x, y, z] =
        [0.9642 * inverse(fy + a / 500.0), inverse(fy), 0.8249 * inverse(fy - b / 200.0)];
    -0.0282895 * x + 1.0099416 * y + 0.0210077 * z
}

/// A picture of `bits` with a profile, and its true lightness.
fn scan(bits: u16, profile: &[u8]) -> (File, Vec<f32>) {
    let mut samples = samples(SIZE.0, SIZE.1, 3);
    // Neutral scans are what matters; a cast and some colors are among them.
    for (i, pixel) in samples.chunks_exact_mut(3).enumerate().skip(2) {
        if i % 3 > 0 {
            pixel.copy_from_slice(&[pixel[0], pixel[0], pixel[0] / 10 * 9]);
        }
    }
    let mut tiff = Tiff::new(SIZE, 3, bits);
    tiff.tags.push((34675, 7, profile.to_vec()));
    let full = f64::from((1_u32 << bits) - 1);
    let expected = samples
        .chunks_exact(3)
        .map(|p| color([p[0], p[1], p[2]].map(|v| f64::from(v >> (16 - bits)) / full)))
        .map(|color| l(luminance_of_lab(color)).clamp(0.0, 100.0));
    (File::new(&tiff.bytes(&samples)), expected.collect())
}

#[test]
fn a_scanners_profile_of_tables_gives_true_lightness() {
    for (version, table) in [(2, lut16(3, GRID as u8, nodes())), (4, curves(2))] {
        for bits in [8, 16] {
            let (file, expected) = scan(bits, &profile(*b"RGB ", version, table.clone()));
            assert_lightness(&file, &expected, bits);
        }
    }
}

#[test]
fn tables_of_8_bits_give_lightness_to_half_a_step() {
    // Halves of 8 bits are doubled by the matrix.
    for (version, table, most) in [(2, lut8(), 0.01), (4, curves(1), 0.45)] {
        let (file, expected) = scan(16, &profile(*b"RGB ", version, table));
        let found = difference(&file.lightness(), &expected);
        assert!(found < most, "version {version}: {found}");
    }
}

/// Little CMS looks for a table first (`_cmsReadInputLUT` in `cmsio1.c`).
#[test]
fn a_table_for_gray_counts_more_than_a_curve() {
    let nodes = [0.0, 30.0, 80.0, 90.0, 100.0].map(|l| [l, 0.0, 0.0]);
    let table = lut16(1, GRID as u8, nodes.into_iter());
    let curve = [&b"curv\0\0\0\0\0\0\0\x01"[..], &563_u16.to_be_bytes(), &[0; 2]].concat();
    for more in [&[(b"A2B0", table.clone()), (b"kTRC", curve)][..], &[(b"A2B0", table)]] {
        let data = [0, 64, 128, 191, 255, 32];
        let profile = (34675, 7, profile_with(*b"GRAY", 2, more));
        let file = File::new(&strip((6, 1), &[(258, &[8]), (262, &[1])], &[profile], &data));
        let l_at = |v: u8| {
            let at = f64::from(v) / 255.0 * 4.0;
            let below = (at as usize).min(3);
            let (a, b) = (nodes[below][0], nodes[below + 1][0]);
            l(luminance_of_lab([a + (b - a) * (at - below as f64), 0.0, 0.0]))
        };
        let found = difference(&file.lightness(), &data.map(l_at));
        assert!(found < 0.01, "{found}");
        assert_eq!(crate::beside::told(&file, polychromify_core::Format::Tiff).1, []);
    }
}

/// Between the corners of a cell programs differ by 14 L* and more; Little CMS is what most use.
/// Expected are L* (D50) by its 2.14, of the same profile: relative colorimetric, to double
/// precision, not optimized.
#[test]
fn inks_between_the_nodes_of_a_table_have_the_lightness_that_little_cms_gives() {
    let corners = (0..16).map(|i| {
        let inks = [0.6, 0.5, 0.9, 0.1].into_iter().enumerate();
        [
            inks.fold(100.0, |l, (ink, left)| if i >> (3 - ink) & 1 == 1 { l * left } else { l }),
            0.0,
            0.0,
        ]
    });
    let profile = profile(*b"CMYK", 2, lut16(4, 2, corners));
    let pixels: [([u8; 4], f32); 7] = [
        ([0, 0, 0, 0], 100.0),
        ([0, 0, 0, 128], 54.822),
        ([128, 128, 128, 128], 41.608),
        ([200, 150, 100, 50], 41.647),
        ([50, 100, 150, 200], 24.937),
        ([30, 200, 60, 0], 56.803),
        ([255, 0, 255, 90], 36.847),
    ];
    let tags = [(258, &[8_u16; 4][..]), (262, &[5]), (277, &[4])];
    let data = pixels.map(|(inks, _)| inks).concat();
    let file = strip((7, 1), &tags, &[(34675, 7, profile)], &data);
    let found = difference(&File::new(&file).lightness(), &pixels.map(|(_, l)| l));
    assert!(found < 0.01, "{found}");
}
