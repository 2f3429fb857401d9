//! PNG: chunks, interlacing, text.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    if !data.starts_with(b"\x89PNG\r\n\x1a\n") {
        return libfuzzer_sys::Corpus::Reject;
    }
    polychromify_fuzz::run(data);
    libfuzzer_sys::Corpus::Keep
});
