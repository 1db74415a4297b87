//! Names as text from anybody: alternative names, free text, URIs, directory names. No panic; what parses comes back,
//! holds nothing that cannot be seen, and has one canonical form.
#![no_main]

use x509::name::oids;
use x509::san::free_text;
use x509::uri::UriParts;
use x509::{DistinguishedName, San, unicode};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = (free_text::read(text), free_text::reads_as_ipv4(text));
    for attribute in [oids::USER_ID, oids::ORGANIZATIONAL_UNIT] {
        if let Some(claim) = free_text::claim(attribute, text) {
            assert!(!claim.shape.is_empty());
        }
    }
    if let Ok(parts) = UriParts::parse(text) {
        let _ = parts.canonical_host();
    }
    if let Ok(san) = text.parse::<San>() {
        let written = san.to_string();
        assert_eq!(unicode::unfit(&written), None);
        assert_eq!(
            written.parse::<San>().expect("a name that was written is read"),
            san
        );
        let canonical = san.canonical().parse::<San>().expect("a canonical name is read");
        assert_eq!(canonical.canonical(), san.canonical());
        let _ = san.service_host();
        let _ = x509::NameConstraints::default().permits(&DistinguishedName::default(), &[san]);
    }
    if let Ok(name) = text.parse::<DistinguishedName>() {
        assert!(name.matches(&name) && name.is_within(&name));
        assert_eq!(name.to_string().parse::<DistinguishedName>().as_ref(), Ok(&name));
    }
});
