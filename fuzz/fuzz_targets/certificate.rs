//! Certificates from anybody: no panic in parser, accessors and lints.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = x509::Certificate::from_der(data) {
        assert_eq!(certificate.der(), data);
        let _ = (
            certificate.public_key().is_ok(),
            certificate.describe().len(),
            certificate.sans().len(),
        );
        let _ = certificate.verify_signed_by(&certificate);
        let _ = lint::check_tbs(certificate.tbs_der(), &lint::Context::default());
    } else {
        let _ = lint::check_tbs(data, &lint::Context::default());
    }
});
