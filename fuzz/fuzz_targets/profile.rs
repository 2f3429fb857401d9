//! Color profiles, in a TIFF of gray, RGB or CMYK as the first byte tells.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [kind, profile @ ..] = data else { return };
    polychromify_fuzz::run(&picture(kind % 3, profile));
});

/// An uncompressed TIFF of 4 x 4 pixels.
fn picture(kind: u8, profile: &[u8]) -> Vec<u8> {
    let (photometric, samples) = [(1, 1), (2, 3), (5, 4)][usize::from(kind)];
    let pixels: Vec<u8> = (0..16 * samples).map(|i| (i * 37) as u8).collect();
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    let tags = [
        (256_u16, 4_u16, 1_u32, 4_u32),
        (257, 4, 1, 4),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, 8 + 2 + 12 * 10 + 4),
        (277, 3, 1, samples),
        (278, 4, 1, 4),
        (279, 4, 1, pixels.len() as u32),
        (34675, 7, profile.len() as u32, 8 + 2 + 12 * 10 + 4 + pixels.len() as u32),
    ];
    file.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(pixels);
    file.extend(profile);
    file
}
