//! Profiles with tables: one tag of the kinds that hold them, in a header that fits, so that what is
//! tried is the table. The first byte tells RGB or CMYK, the connection space and the intent.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [kind, tag @ ..] = data else { return };
    let inks = kind & 1 == 1;
    let profile = profile(inks, kind & 2 == 2, kind >> 2 & 3, tag);
    polychromify_fuzz::run(&polychromify_fuzz::picture(if inks { 2 } else { 1 }, &profile));
});

/// A profile of version 4 with one table (ICC.1:2022, 7.2).
fn profile(inks: bool, xyz: bool, intent: u8, tag: &[u8]) -> Vec<u8> {
    let start = 128 + 4 + 12;
    let mut profile = ((start + tag.len()) as u32).to_be_bytes().to_vec();
    profile.extend(b"none\x04\x40\0\0scnr");
    profile.extend(if inks { b"CMYK" } else { b"RGB " });
    profile.extend(if xyz { b"XYZ " } else { b"Lab " });
    profile.resize(36, 0);
    profile.extend(b"acsp");
    profile.resize(68, 0);
    profile.extend([0xF6D6_u32, 0x1_0000, 0xD32D].iter().flat_map(|v| v.to_be_bytes()));
    profile.resize(128, 0);
    profile.extend(1_u32.to_be_bytes());
    profile.extend([b'A', b'2', b'B', b'0' + intent.min(2)]);
    profile.extend((start as u32).to_be_bytes());
    profile.extend((tag.len() as u32).to_be_bytes());
    profile.extend(tag);
    profile
}
