//! OCSP responses from anybody: no panic in the lints.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = lint::check_response(data, None);
});
