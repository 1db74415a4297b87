//! Properties over many requests.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use x509::san::HostAddress;
use x509::{Csr, DistinguishedName, KeyAlgorithm, San, SignatureAlgorithm};

use super::forge::{CHALLENGE_PASSWORD, Forge, attribute, dns_request, tlv};
use super::holder::Holder;

/// A request with all that we read, and the range of its signed part.
static GOOD: LazyLock<(Vec<u8>, std::ops::Range<usize>)> = LazyLock::new(|| {
    let names = dns_request(&["a.example.test", "*.b.example.test"]);
    let password = attribute(CHALLENGE_PASSWORD, &[&tlv(0x0c, &[b"pass"])]);
    let forge = Forge::with_attributes(&[&password, &names]);
    let der = forge.sign();
    let signed = 4..4 + forge.info().len();
    assert_eq!(der.get(signed.clone()), Some(&*forge.info()));
    (der, signed)
});

fn san() -> impl Strategy<Value = San> {
    prop_oneof![
        "dns:[a-z]{1,10}(\\.[a-z0-9]{1,10}){0,3}\\.[a-z]{2,10}",
        "dns:\\*(\\.[a-z]{1,10}){2}",
        any::<std::net::IpAddr>()
            .prop_filter("no host", |ip| HostAddress::try_from(*ip).is_ok())
            .prop_map(|ip| format!("ip:{ip}")),
        "email:[a-z]{1,10}@[a-z]{1,10}\\.test",
        "uri:https://[a-z]{1,10}\\.test/[a-z]{0,10}",
        "rid:1\\.3\\.[1-9]{1,4}",
    ]
    .prop_map(|text| text.parse().unwrap())
}

fn subject() -> impl Strategy<Value = DistinguishedName> {
    let text = "[a-zA-Z\u{e4}\u{4e2d}][a-zA-Z0-9 ,+=#<>;\"\\\\\u{e4}\u{4e2d}]{0,20}[a-z]";
    (text, text).prop_map(|(cn, o)| {
        let [cn_oid, o_oid] = ["2.5.4.3", "2.5.4.10"].map(x509::Oid::new_unwrap);
        DistinguishedName::from_rdns([[(o_oid, o.as_str())], [(cn_oid, cn.as_str())]]).unwrap()
    })
}

/// Reads a spoilt request: it may be refused or, if only its outside changed, say the same as before.
fn read_spoilt(spoilt: &[u8]) {
    let (der, signed) = &*GOOD;
    if let Ok(csr) = Csr::from_pem_or_der(spoilt) {
        assert_eq!(
            csr.der().get(signed.clone()),
            der.get(signed.clone()),
            "signed octets changed and still verify"
        );
        assert_eq!(spoilt, csr.der());
    }
}

proptest! {
    #[test]
    fn what_is_built_is_read(subject in subject(), sans in vec(san(), 0..8)) {
        let holder = Holder::new(KeyAlgorithm::P256);
        let algorithm = SignatureAlgorithm::EcdsaSha256;
        let sign = |info: &[u8]| Ok::<_, String>(holder.sign(info, algorithm));
        let der = Csr::build(&subject, &sans, &holder.public_key(), algorithm, sign).unwrap();
        let csr = Csr::from_der(&der).unwrap();
        let mut distinct: Vec<San> = Vec::new();
        sans.into_iter().for_each(|san| if !distinct.contains(&san) { distinct.push(san) });
        prop_assert_eq!(csr.subject(), &subject);
        prop_assert_eq!(csr.sans(), distinct);
        prop_assert_eq!(csr.public_key(), &holder.public_key());
        let again = Csr::from_pem_or_der(csr.to_pem().as_bytes()).unwrap();
        prop_assert_eq!(again.der(), der);
    }

    #[test]
    fn a_changed_octet_is_refused_or_changes_nothing_signed(at in any::<prop::sample::Index>(), by in 1u8..) {
        let mut spoilt = GOOD.0.clone();
        let at = at.index(spoilt.len());
        spoilt[at] ^= by;
        read_spoilt(&spoilt);
    }

    #[test]
    fn octets_cut_out_or_put_in_are_refused(at in any::<prop::sample::Index>(), cut in 0usize..4, put in vec(any::<u8>(), 0..4)) {
        prop_assume!(cut + put.len() > 0);
        let mut spoilt = GOOD.0.clone();
        let at = at.index(spoilt.len());
        let end = (at + cut).min(spoilt.len());
        spoilt.splice(at..end, put);
        read_spoilt(&spoilt);
    }

    #[test]
    fn random_octets_never_panic(octets in vec(any::<u8>(), 0..300)) {
        prop_assert!(Csr::from_pem_or_der(&octets).is_err());
        prop_assert!(Csr::from_der(&[&[0x30, 0x82, 1, 0], &octets[..]].concat()).is_err());
    }
}

#[test]
fn every_octet_changed_in_every_bit_is_refused_or_changes_nothing_signed() {
    for at in 0..GOOD.0.len() {
        for bit in 0..8 {
            let mut spoilt = GOOD.0.clone();
            spoilt[at] ^= 1 << bit;
            read_spoilt(&spoilt);
        }
    }
}
