//! OCSP responses from anyone: no panic, and none that answers for a certificate of a CA that did not sign it.
#![no_main]

use std::sync::LazyLock;

use x509::ocsp::{Expected, OcspResponse};
use x509::{Certificate, ReceivedSerial};

static ISSUER: LazyLock<Certificate> =
    LazyLock::new(|| Certificate::from_der(include_bytes!("../seeds/certificate/root.der")).unwrap());

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(response) = OcspResponse::from_der(data) else {
        return;
    };
    assert_eq!(response.der(), data);
    assert!(!response.describe().is_empty());
    let serials: Vec<ReceivedSerial> = response
        .responses()
        .iter()
        .map(|single| single.cert_id.serial().clone())
        .collect();
    for serial in &serials {
        let expected = Expected {
            issuer: &ISSUER,
            serial,
            now: response.produced_at(),
            tolerance: Default::default(),
            nonce: response.nonce(),
        };
        assert!(response.verify(&expected).is_err());
    }
});
