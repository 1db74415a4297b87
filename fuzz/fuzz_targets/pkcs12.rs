//! Key files from anybody: no panic, bounded work.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Large numbers ask for seconds of work; a file with them is read, but not here.
    if data
        .windows(3)
        .any(|window| matches!(window, [2, 3..=8 | 0x81..=0xff, _] | [2, 2, 4..=0xff]))
    {
        return;
    }
    let passphrase = "".into();
    let _ = (
        keys::from_file(data, None),
        keys::from_file(data, Some(&passphrase)),
        keys::from_file(data, Some(&"fuzz".into())),
    );
    if let Ok(read) = keys::Pkcs12::from_der(data, Some(&passphrase)) {
        assert!(read.certificates.len() <= 200);
    }
});
