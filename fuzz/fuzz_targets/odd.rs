//! Certificates and CRLs that break the rules, from anybody: no panic, and no odd reading of what is right.
#![no_main]

use x509::Certificate;
use x509::crl::CertificateList;
use x509::odd::Odd;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let list = CertificateList::from_der(data);
    if let Ok(list) = &list {
        assert!(!list.describe().is_empty());
    }
    if let Some(odd) = Odd::look(data) {
        assert!(odd.problems.len() <= 50);
        let right = match odd.kind {
            "certificate" => Certificate::from_der(data).is_ok(),
            _ => list.is_ok(),
        };
        assert!(right || !odd.problems.is_empty());
    }
});
