//! PKCS#10 from anybody: no panic, bounded work, and what parses can be asked everything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(csr) = x509::csr::Csr::from_pem_or_der(data) {
        assert!(csr.der().len() <= x509::csr::Csr::MAX_LEN);
        let again = x509::csr::Csr::from_pem_or_der(csr.der()).expect("a CSR that parsed parses again");
        assert_eq!(again.subject(), csr.subject());
        assert_eq!(again.sans(), csr.sans());
        let _ = (
            csr.public_key().fingerprint(),
            csr.challenge_password(),
            csr.requested_extensions().len(),
        );
    }
});
