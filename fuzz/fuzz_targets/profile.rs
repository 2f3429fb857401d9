//! Color profiles, in a TIFF of gray, RGB or CMYK as the first byte tells.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [kind, profile @ ..] = data else { return };
    polychromify_fuzz::run(&polychromify_fuzz::picture(kind % 3, profile));
});
