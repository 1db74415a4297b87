//! OCSP requests from anyone, as the body of a POST and as the path of a GET: no panic, and what is read keeps its octets.
#![no_main]

use x509::ocsp::OcspRequest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(request) = OcspRequest::from_der(data) {
        assert_eq!(request.der(), data);
        assert!((1..=OcspRequest::MAX_CERT_IDS).contains(&request.cert_ids().len()));
        assert!(request.nonce().is_none_or(|nonce| !nonce.as_bytes().is_empty()));
        assert_eq!(OcspRequest::from_get_path(&request.to_get_path()), Ok(request.clone()));
        // Made again from what was understood, it is understood in the same way.
        let again = OcspRequest::build(request.cert_ids().to_vec(), request.nonce().cloned()).unwrap();
        assert_eq!(OcspRequest::from_der(again.der()), Ok(again));
    }
    if let Ok(path) = std::str::from_utf8(data) {
        let slashes = OcspRequest::from_get_path(&format!("//{path}"));
        assert_eq!(OcspRequest::from_get_path(path), slashes);
    }
});
