//! JPEG: segments, entropy-coded data, metadata.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    if !data.starts_with(b"\xFF\xD8\xFF") {
        return libfuzzer_sys::Corpus::Reject;
    }
    polychromify_fuzz::run(data);
    libfuzzer_sys::Corpus::Keep
});
