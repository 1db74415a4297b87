//! Lists as relying parties take them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod forms;

use std::sync::LazyLock;

use time::{Duration, OffsetDateTime};
use x509::crl::{
    CertificateList, CrlEntry, CrlError, CrlExpected, CrlKind, CrlReader, CrlSpec, Reason, ReceivedCrl,
};
use x509::extension::DistributionPoint;
use x509::signature::SignatureError;
use x509::{Certificate, KeyAlgorithm, ReceivedSerial, SignatureAlgorithm, assemble};

use super::{entries, entry};
use crate::csr::holder::Holder;
use crate::issue::{Authority, NOW};
use crate::judges::crl_spec;

const URL: &str = "http://pki.example.test/7.crl";

static POINT: LazyLock<DistributionPoint> = LazyLock::new(|| DistributionPoint::at(URL));

fn ca() -> Authority {
    Authority::root(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256)
}

fn signed(ca: &Authority, spec: &CrlSpec, entries: &[CrlEntry]) -> Vec<u8> {
    let tbs = spec.to_tbs(entries).unwrap();
    let signature = ca.holder.sign(&tbs, ca.algorithm);
    assemble(&tbs, ca.algorithm, &signature).unwrap()
}

fn read(
    der: &[u8],
    piece: usize,
    issuer: &Certificate,
    serials: &[ReceivedSerial],
) -> Result<ReceivedCrl, CrlError> {
    let mut reader = CrlReader::keeping(serials);
    for octets in der.chunks(piece) {
        reader.push(octets)?;
    }
    reader.finish(issuer)
}

fn serial(number: u32) -> ReceivedSerial {
    entry(number).serial.into()
}

fn at(now: OffsetDateTime) -> CrlExpected<'static> {
    CrlExpected {
        point: &POINT,
        is_ca: false,
        now,
        tolerance: Duration::MINUTE,
    }
}

#[test]
fn a_list_in_pieces_of_any_size_is_verified_and_the_entries_asked_for_are_kept() {
    for (key, algorithm) in [
        (KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256),
        (KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384),
        (KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPkcs1Sha256),
        (KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519),
    ] {
        let ca = Authority::root(key, algorithm);
        let der = signed(&ca, &crl_spec(&ca), &entries(300));
        let asked = [serial(6), serial(4000)];
        for piece in [1, 2, 5, 64, 1000, der.len()] {
            let list = read(&der, piece, &ca.certificate, &asked).unwrap();
            assert_eq!(list.summary.entries, 300);
            let found = list.find(&asked[0]).unwrap();
            assert_eq!((found.time, found.reason), (entry(6).time, entry(6).reason));
            assert_eq!(list.find(&asked[1]), None);
            assert_eq!(list.find(&serial(8)), None, "it was not asked for");
        }
    }
}

#[test]
fn what_its_issuer_did_not_sign_is_refused() {
    let ca = ca();
    let der = signed(&ca, &crl_spec(&ca), &entries(20));
    for end in 0..der.len() {
        assert!(read(&der[..end], 64, &ca.certificate, &[]).is_err(), "{end}");
    }
    let longer = [&der[..], &[0]].concat();
    assert!(read(&longer, 64, &ca.certificate, &[]).is_err());
    // A time within an entry: the structure stays right.
    let mut changed = der.clone();
    let at = changed
        .windows(4)
        .rposition(|octets| octets == b"0000")
        .unwrap_or(changed.len() / 2);
    changed[at] ^= 1;
    assert!(read(&changed, 64, &ca.certificate, &[]).is_err());
    let mut resigned = der.clone();
    *resigned.last_mut().unwrap() ^= 1;
    assert!(matches!(
        read(&resigned, 64, &ca.certificate, &[]),
        Err(CrlError::Signature(SignatureError::Invalid))
    ));
    let impostor = Authority {
        holder: Holder::new(KeyAlgorithm::P256),
        certificate: ca.certificate.clone(),
        algorithm: ca.algorithm,
    };
    let forged = signed(&impostor, &crl_spec(&ca), &[]);
    assert!(matches!(
        read(&forged, 64, &ca.certificate, &[]),
        Err(CrlError::Signature(_))
    ));
    let below = ca.intermediate(KeyAlgorithm::P256, None);
    assert!(matches!(
        read(&der, 64, &below.certificate, &[]),
        Err(CrlError::Certificate(_))
    ));
}

#[test]
fn what_is_at_the_url_of_a_list_in_its_place_is_named() {
    let ca = ca();
    let list = CertificateList::from_der(&signed(&ca, &crl_spec(&ca), &[])).unwrap();
    for (octets, what) in [
        (list.pem().as_bytes(), "PEM, which is not DER"),
        (b"\n<!doctype html><title>404</title>", "a web page"),
        (b"<HTML><body>no</body></HTML>", "a web page"),
    ] {
        for piece in [16, octets.len()] {
            let refused = read(octets, piece, &ca.certificate, &[]).map(|_| ());
            assert_eq!(refused, Err(CrlError::NotACrl(what)), "by {piece}");
        }
    }
    let unknown = read(b"no such list", 5, &ca.certificate, &[]).unwrap_err();
    assert!(unknown.to_string().contains("tag 0x6e"), "{unknown}");
    // The label that some programs write.
    let label = list.pem().replace(" X509 CRL", " CRL");
    let refused = CertificateList::from_pem(label.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("labeled \"CRL\""), "{refused}");
}

#[test]
fn a_list_is_believed_in_its_time_and_for_certificates_that_point_to_it() {
    let ca = ca();
    let list = |change: &dyn Fn(&mut CrlSpec)| {
        let mut spec = crl_spec(&ca);
        change(&mut spec);
        read(&signed(&ca, &spec, &[]), 64, &ca.certificate, &[]).unwrap()
    };
    let plain = list(&|_| {});
    let end = NOW + Duration::days(7);
    for now in [NOW - Duration::MINUTE, NOW, end, end + Duration::MINUTE] {
        assert_eq!(plain.check(&at(now)), Ok(()));
    }
    assert!(matches!(
        plain.check(&at(NOW - Duration::minutes(2))),
        Err(CrlError::NotYetValid { .. })
    ));
    assert!(matches!(
        plain.check(&at(end + Duration::minutes(2))),
        Err(CrlError::Stale { .. })
    ));
    let shard = list(&|spec| spec.shard = vec![URL.to_owned()]);
    assert_eq!(shard.check(&at(NOW)), Ok(()));
    let other = list(&|spec| spec.shard = vec!["http://pki.example.test/8.crl".to_owned()]);
    assert!(matches!(other.check(&at(NOW)), Err(CrlError::Scope(_))));
    let delta = list(&|spec| spec.kind = CrlKind::Delta { base: 4711 });
    assert_eq!(delta.check(&at(NOW)), Err(CrlError::Delta));
}

/// The TBSCertList, changed by hand, and the signature of its issuer.
fn signed_with(ca: &Authority, spec: &CrlSpec, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut tbs = spec.to_tbs(&[]).unwrap();
    change(&mut tbs);
    let signature = ca.holder.sign(&tbs, ca.algorithm);
    assemble(&tbs, ca.algorithm, &signature).unwrap()
}

#[test]
fn names_of_the_list_and_of_the_point_have_to_meet() {
    let ca = ca();
    let shard = CrlSpec {
        shard: vec!["ldap://a.test/cn=7".to_owned(), URL.to_owned()],
        ..crl_spec(&ca)
    };
    let both = read(&signed(&ca, &shard, &[]), 64, &ca.certificate, &[]).unwrap();
    // The other form of a name, here dNSName in place of a URI, and nothing that relying parties could compare a URL with.
    let host = CrlSpec {
        shard: vec![URL.to_owned()],
        ..crl_spec(&ca)
    };
    let der = signed_with(&ca, &host, |tbs| {
        let name = [&[0x86, URL.len() as u8], URL.as_bytes()].concat();
        let at = tbs.windows(name.len()).position(|octets| octets == name).unwrap();
        tbs[at] = 0x82;
    });
    let host = read(&der, 64, &ca.certificate, &[]).unwrap();
    let plain = read(&signed(&ca, &crl_spec(&ca), &[]), 64, &ca.certificate, &[]).unwrap();

    let directory = DistributionPoint::at("ldap://a.test/cn=7");
    let mut host_too = DistributionPoint::at("http://pki.example.test/else.crl");
    host_too.names.others = vec![[&[0x82, URL.len() as u8], URL.as_bytes()].concat()];
    let mut reasons = DistributionPoint::at(URL);
    reasons.only_some_reasons = true;
    let mut other_issuer = DistributionPoint::at(URL);
    other_issuer.has_crl_issuer = true;
    for (what, list, point, covers) in [
        ("no name", &plain, &*POINT, true),
        ("second name", &both, &*POINT, true),
        ("first name", &both, &directory, true),
        ("another form", &host, &*POINT, false),
        ("the same name of another form", &host, &host_too, true),
        ("another name", &both, &host_too, false),
        ("reasons", &plain, &reasons, false),
        ("another issuer", &plain, &other_issuer, false),
    ] {
        let expected = CrlExpected { point, ..at(NOW) };
        let judged = list.check(&expected);
        assert_eq!(judged.is_ok(), covers, "{what}: {judged:?}");
        assert!(
            covers || matches!(judged, Err(CrlError::Scope(_))),
            "{what}: {judged:?}"
        );
    }
    let delta = CrlSpec {
        kind: CrlKind::Delta { base: 4711 },
        ..crl_spec(&ca)
    };
    let delta = read(&signed(&ca, &delta, &[]), 64, &ca.certificate, &[]).unwrap();
    let of = |point| delta.check_delta(&plain, &CrlExpected { point, ..at(NOW) });
    assert_eq!(of(&POINT), Ok(true));
    assert!(matches!(of(&reasons), Err(CrlError::Scope(_))));
}

#[test]
fn a_delta_adds_and_removes_what_changed_since_its_base() {
    let ca = ca();
    let hold = |number| CrlEntry {
        reason: Some(Reason::CertificateHold),
        ..entry(number)
    };
    let removed = |number| CrlEntry {
        reason: Some(Reason::RemoveFromCrl),
        ..entry(number)
    };
    let asked = [serial(1), serial(2), serial(3)];
    let list = |number, kind, entries: &[CrlEntry]| {
        let spec = CrlSpec {
            number,
            kind,
            ..crl_spec(&ca)
        };
        read(&signed(&ca, &spec, entries), 64, &ca.certificate, &asked).unwrap()
    };
    let complete = list(10, CrlKind::COMPLETE, &[hold(1), entry(2)]);
    let delta = list(12, CrlKind::Delta { base: 9 }, &[removed(1), entry(3)]);
    assert_eq!(delta.check_delta(&complete, &at(NOW)), Ok(true));
    let revoked = |delta| {
        asked
            .each_ref()
            .map(|serial| complete.revocation(delta, serial).is_some())
    };
    assert_eq!(revoked(None), [true, true, false]);
    assert_eq!(revoked(Some(&delta)), [false, true, true]);

    let older = list(9, CrlKind::Delta { base: 9 }, &[]);
    assert_eq!(older.check_delta(&complete, &at(NOW)), Ok(false));
    let later = list(12, CrlKind::Delta { base: 11 }, &[]);
    assert_eq!(
        later.check_delta(&complete, &at(NOW)),
        Err(CrlError::Base {
            base: 11.into(),
            complete: 10.into()
        })
    );
    assert_eq!(
        complete.check_delta(&complete, &at(NOW)),
        Err(CrlError::NotADelta)
    );
    let spec = CrlSpec {
        number: 12,
        kind: CrlKind::Delta { base: 9 },
        shard: vec![URL.to_owned()],
        ..crl_spec(&ca)
    };
    let shard = read(&signed(&ca, &spec, &[]), 64, &ca.certificate, &[]).unwrap();
    assert!(matches!(
        shard.check_delta(&complete, &at(NOW)),
        Err(CrlError::Scope(_))
    ));
}
