//! CRLs from anybody: no panic in the lints, and the same findings whatever the pieces are.
#![no_main]

use std::sync::LazyLock;

use lint::{CrlContext, CrlLinter, check_crl};
use x509::Certificate;

static ISSUER: LazyLock<Certificate> = LazyLock::new(|| {
    Certificate::from_pem(include_bytes!("../../crates/lint/tests/data/00ca.pem"))
        .expect("the issuer is a certificate")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, octets)) = data.split_first() else {
        return;
    };
    let context = CrlContext::issued_by(&*ISSUER);
    let mut linter = CrlLinter::new();
    octets
        .chunks(usize::from(*first) + 1)
        .for_each(|piece| linter.push(piece));
    let whole = check_crl(octets, Some(&context));
    match linter.finish(&context) {
        Ok(linted) => assert_eq!(linted.warnings(), whole),
        Err(refused) => assert_eq!(refused.findings(), whole),
    }
});
