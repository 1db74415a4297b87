//! Certificates in PEM, DER and PKCS#7 from anybody: no panic, bounded work, and what is refused is refused in words.
#![no_main]

use x509::{Certificate, bundle};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match bundle::certificates(data) {
        Ok(found) => {
            assert!(!found.is_empty() && found.len() <= bundle::MAX_CERTIFICATES);
            for certificate in &found {
                let again =
                    Certificate::from_pem(certificate.pem().as_bytes()).expect("what was written is read");
                assert_eq!(again.der(), certificate.der());
            }
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
});
