//! Octets from outside never make a parser panic: cut at every place, changed at random places, or random.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use proptest::prelude::*;
use x509::crl::{CertificateList, CrlEntry, Reason};
use x509::{Certificate, Csr, DistinguishedName, KeyAlgorithm, SignatureAlgorithm};

use crate::csr::holder::Holder;
use crate::issue::{Authority, NOW, ca_extensions, every_kind_of_san, leaf_spec, sign};

/// Everything that can be parsed, one of each.
static SAMPLES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let holder = Holder::new(KeyAlgorithm::P256);
    let key = holder.public_key();
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let mut everything = leaf_spec(key.clone(), algorithm);
    everything
        .extensions
        .extend(ca_extensions(&key, Some(3)).drain(..1));
    let constraints = x509::NameConstraints {
        permitted: ["dns:a.test", "ip:10.0.0.0/8", "dirname:O=a"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        excluded: ["email:.a.test", "uri:a.test"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
    };
    everything
        .extensions
        .extend(x509::Extension::name_constraints(&constraints));
    let subject = "CN=a+UID=b,O=c".parse().unwrap();
    let sign_request = |info: &[u8]| Ok::<_, std::convert::Infallible>(holder.sign(info, algorithm));
    let csr = Csr::build(&subject, &every_kind_of_san(), &key, algorithm, sign_request).unwrap();
    let ca = Authority::root(KeyAlgorithm::P256, algorithm);
    let entry = CrlEntry {
        serial: ca.certificate.serial().proper().unwrap(),
        time: NOW,
        reason: Some(Reason::Superseded),
        invalidity: Some(NOW),
    };
    let crl = crate::judges::crl_of(&ca, &[entry]);
    [
        sign(&everything, &holder).der().to_vec(),
        csr,
        crl.der().to_vec(),
        subject.der().to_vec(),
    ]
});

/// Parses the octets as everything, and uses what was parsed.
fn use_all(octets: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(octets) {
        let _ = (
            certificate.describe(),
            certificate.pem(),
            certificate.is_self_issued(),
        );
        let _ = certificate.verify_signed_by(&certificate);
        if let Some(constraints) = certificate.name_constraints() {
            let _ = constraints.permits(certificate.subject(), certificate.sans());
        }
        let _ = certificate.subject().canonical();
    }
    let _ = Csr::from_pem_or_der(octets).map(|csr| csr.sans().len());
    if let Ok(list) = CertificateList::from_der(octets) {
        let _ = list.describe();
    }
    if let Ok(name) = DistinguishedName::from_der(octets) {
        let _ = (name.to_string(), name.canonical(), name.matches(&name));
    }
}

#[test]
fn the_samples_are_good() {
    let [certificate, csr, crl, name] = &*SAMPLES;
    assert!(Certificate::from_der(certificate).is_ok());
    assert!(Csr::from_pem_or_der(csr).is_ok());
    assert!(CertificateList::from_der(crl).is_ok());
    assert!(DistinguishedName::from_der(name).is_ok());
}

#[test]
fn a_cut_at_any_place_is_refused() {
    for sample in SAMPLES.iter() {
        for end in 0..sample.len() {
            let cut = sample.get(..end).unwrap();
            assert!(Certificate::from_der(cut).is_err(), "cut at {end}");
            assert!(Csr::from_pem_or_der(cut).is_err(), "cut at {end}");
            assert!(CertificateList::from_der(cut).is_err(), "cut at {end}");
            assert!(DistinguishedName::from_der(cut).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn any_octet_changed_is_survived_and_no_signature_holds() {
    let certificate = &SAMPLES[0];
    let key = Certificate::from_der(certificate)
        .unwrap()
        .public_key()
        .unwrap()
        .clone();
    for place in 0..certificate.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = certificate.clone();
            changed[place] ^= change;
            use_all(&changed);
            if let Ok(parsed) = Certificate::from_der(&changed) {
                assert!(parsed.verify_signature(&key).is_err(), "octet {place} ^ {change}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn changes_at_random_places_are_survived(
        sample in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        removed in prop::option::of((any::<prop::sample::Index>(), 1_usize..8)),
        inserted in prop::option::of((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..8))),
    ) {
        let mut octets = SAMPLES[sample].clone();
        for (place, octet) in changes {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        if let Some((place, length)) = removed {
            let place = place.index(octets.len());
            octets.drain(place..(place + length).min(octets.len()));
        }
        if let Some((place, more)) = inserted {
            let place = place.index(octets.len() + 1);
            octets.splice(place..place, more);
        }
        use_all(&octets);
    }

    #[test]
    fn random_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        use_all(&octets);
    }
}
