//! Requests: those of OpenSSL and GnuTLS, ours as they read them, and broken ones.

use x509::asn1::{DerError, Writer, tag};
use x509::extension::oids;
use x509::ocsp::{
    CertId, ErrorStatus, HashAlgorithm, IssuerIds, Nonce, NonceError, OcspRequest, RequestError,
};
use x509::{Extension, Oid, ReceivedSerial, Serial};

use super::World;
use crate::csr::tool::Tool;

fn with_files(world: &World) -> Tool {
    let tool = Tool::new();
    tool.write("ca.crt", world.ca().certificate.pem());
    tool.write("root.crt", world.hierarchy.root.certificate.pem());
    tool.write("leaf.crt", world.hierarchy.leaf.pem());
    tool
}

/// Octets of the CertIDs, for building requests by hand.
fn forge(cert_ids: usize, extensions: &[Extension]) -> Vec<u8> {
    let world = World::any();
    let id = world.cert_id(HashAlgorithm::Sha1);
    Writer::one(tag::SEQUENCE, |request| {
        request.sequence(|tbs| {
            tbs.sequence(|list| (0..cert_ids).for_each(|_| list.sequence(|one| one.raw(id.der()))));
            if !extensions.is_empty() {
                tbs.constructed(tag::context_constructed(2), |explicit| {
                    explicit.sequence(|list| extensions.iter().for_each(|one| write(one, list)));
                });
            }
        });
    })
}

fn write(extension: &Extension, out: &mut Writer) {
    out.sequence(|out| {
        out.oid(&extension.oid());
        if extension.critical() {
            out.boolean_true();
        }
        out.primitive(tag::OCTET_STRING, extension.value_der());
    });
}

fn nonce_of(length: usize) -> Extension {
    let value = Writer::primitive_of(tag::OCTET_STRING, &vec![7; length]);
    Extension::other(oids::OCSP_NONCE, false, value)
}

#[test]
fn requests_of_openssl_are_read_whatever_their_hash() {
    let world = World::any();
    let tool = with_files(&world);
    let ids = IssuerIds::of(&world.ca().certificate);
    for (option, hash) in [
        ("-sha1", Some(HashAlgorithm::Sha1)),
        ("-sha256", Some(HashAlgorithm::Sha256)),
        ("-sha384", None),
    ] {
        tool.run(&format!(
            "openssl ocsp {option} -issuer ca.crt -cert leaf.crt -no_nonce -reqout request.der"
        ));
        let request = OcspRequest::from_der(&tool.read("request.der")).unwrap();
        let [id] = request.cert_ids() else {
            unreachable!("one certificate was asked for");
        };
        assert_eq!(id.hash_algorithm(), hash);
        assert_eq!(id.serial(), world.hierarchy.leaf.serial());
        assert_eq!(ids.matches(id), hash.is_some(), "{option}");
        assert_eq!(request.nonce(), None);
        assert!(!request.is_signed());
        // Octet for octet, whatever the parameters of the hash.
        let found = request
            .der()
            .windows(id.der().len())
            .any(|window| window == id.der());
        assert!(found);
        let other = IssuerIds::of(&world.hierarchy.root.certificate);
        assert!(!other.matches(id));
    }
    assert_eq!(
        OcspRequest::from_der(&tool.read("request.der"))
            .unwrap()
            .cert_ids()[0]
            .hash_oid(),
        "2.16.840.1.101.3.4.2.2".parse::<Oid>().unwrap()
    );
}

#[test]
fn signed_requests_with_a_nonce_for_several_certificates_are_read() {
    let world = World::any();
    let tool = with_files(&world);
    tool.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout asker.key -out asker.crt -subj /CN=asker");
    tool.run(
        "openssl ocsp -issuer ca.crt -cert leaf.crt -serial 0x80 -serial 1 -nonce -signer asker.crt -signkey asker.key -reqout signed.der",
    );
    let request = OcspRequest::from_der(&tool.read("signed.der")).unwrap();
    assert!(request.is_signed());
    assert_eq!(request.nonce().map(|nonce| nonce.as_bytes().len()), Some(16));
    let serials: Vec<String> = request
        .cert_ids()
        .iter()
        .map(|id| id.serial().to_string())
        .collect();
    assert_eq!(
        serials,
        [
            world.hierarchy.leaf.serial().to_string(),
            "80".into(),
            "01".into()
        ]
    );
}

#[test]
fn requests_of_gnutls_are_read() {
    let world = World::any();
    let tool = with_files(&world);
    tool.run("ocsptool --generate-request --load-issuer=ca.crt --load-cert=leaf.crt --outfile=request.der");
    let request = OcspRequest::from_der(&tool.read("request.der")).unwrap();
    assert!(IssuerIds::of(&world.ca().certificate).matches(&request.cert_ids()[0]));
    assert!(!request.is_signed());
}

#[test]
fn our_requests_are_read_by_openssl_and_gnutls() {
    let world = World::any();
    let tool = with_files(&world);
    let ids = IssuerIds::of(&world.ca().certificate);
    let serial = world.hierarchy.leaf.serial();
    let both = HashAlgorithm::ALL
        .map(|hash| CertId::new(&ids, hash, serial))
        .to_vec();
    let request = OcspRequest::build(both, Some(Nonce::from_bytes(&[0xab; 32]).unwrap())).unwrap();
    assert_eq!(OcspRequest::from_der(request.der()).as_ref(), Ok(&request));
    tool.write("request.der", request.der());
    let openssl = tool.run("openssl ocsp -reqin request.der -text -noverify");
    let gnutls = tool.run("ocsptool --request-info --load-request=request.der");
    for printed in [&openssl, &gnutls] {
        let printed = printed.to_lowercase();
        for expected in ["sha1", "sha256", &serial.to_string(), &"ab".repeat(32)] {
            assert!(
                printed.replace(':', "").contains(&expected.to_lowercase()),
                "{expected} is missing in\n{printed}"
            );
        }
    }
    // What OpenSSL makes of the same certificate is the same CertID.
    tool.run("openssl ocsp -sha1 -issuer ca.crt -cert leaf.crt -no_nonce -reqout theirs.der");
    let theirs = OcspRequest::from_der(&tool.read("theirs.der")).unwrap();
    assert_eq!(theirs.cert_ids()[0], request.cert_ids()[0]);
}

#[test]
fn odd_serial_numbers_are_asked_for() {
    let ids = IssuerIds::of(&World::any().ca().certificate);
    let long = [&[0x7f][..], &[3; 63]].concat();
    for content in [&[0][..], &[0x80], &long] {
        let serial = ReceivedSerial::Odd(content.into());
        for hash in HashAlgorithm::ALL {
            let id = CertId::new(&ids, hash, &serial);
            assert!(ids.matches(&id));
            let request = OcspRequest::build(vec![id], None).unwrap();
            assert_eq!(OcspRequest::from_der(request.der()), Ok(request));
        }
    }
}

#[test]
fn hashes_that_no_algorithm_makes_and_long_parameters_are_malformed() {
    let other: Oid = "1.2.3.4".parse().unwrap();
    let request = |name: usize, key: usize, parameters: usize| {
        let der = Writer::one(tag::SEQUENCE, |id| {
            id.sequence(|algorithm| {
                algorithm.oid(&other);
                algorithm.primitive(tag::OCTET_STRING, &vec![1; parameters]);
            });
            id.primitive(tag::OCTET_STRING, &vec![1; name]);
            id.primitive(tag::OCTET_STRING, &vec![1; key]);
            id.primitive(tag::INTEGER, &[1]);
        });
        Writer::one(tag::SEQUENCE, |request| {
            request.sequence(|tbs| tbs.sequence(|list| list.sequence(|one| one.raw(&der))));
        })
    };
    let most = CertId::MAX_HASH_LEN;
    let longest = OcspRequest::from_der(&request(most, most, 62)).unwrap();
    assert_eq!(longest.cert_ids()[0].issuer_key_hash().len(), most);
    for long in [
        request(most + 1, 20, 0),
        request(20, most + 1, 0),
        request(65_000, 20, 0),
        request(20, 20, 63),
    ] {
        let refused = OcspRequest::from_der(&long).unwrap_err();
        assert!(
            matches!(refused, RequestError::Der { part: "reqCert", .. }),
            "{refused}"
        );
        assert_eq!(refused.status(), ErrorStatus::MalformedRequest);
    }
}

#[test]
fn a_name_with_another_key_is_another_issuer() {
    let world = World::any();
    let other = World::any();
    let (ca, renewed) = (&world.ca().certificate, &other.ca().certificate);
    assert_eq!(ca.subject(), renewed.subject());
    let serial = ReceivedSerial::from(Serial::from_bytes(&[5]).unwrap());
    for hash in HashAlgorithm::ALL {
        let id = CertId::new(&IssuerIds::of(ca), hash, &serial);
        assert!(IssuerIds::of(ca).names(&serial.proper().unwrap(), &id));
        assert!(!IssuerIds::of(ca).names(&Serial::from_bytes(&[6]).unwrap(), &id));
        assert!(!IssuerIds::of(renewed).matches(&id));
    }
}

#[test]
fn the_number_of_certificates_is_bounded() {
    let most = OcspRequest::MAX_CERT_IDS;
    assert_eq!(
        OcspRequest::from_der(&forge(most, &[])).unwrap().cert_ids().len(),
        most
    );
    for (count, error, status) in [
        (0, RequestError::NoCertId, ErrorStatus::MalformedRequest),
        (most + 1, RequestError::TooManyCertIds, ErrorStatus::Unauthorized),
        (10_000, RequestError::TooManyCertIds, ErrorStatus::Unauthorized),
    ] {
        let refused = OcspRequest::from_der(&forge(count, &[])).unwrap_err();
        assert_eq!((refused.status(), refused), (status, error));
        let id = World::any().cert_id(HashAlgorithm::Sha1);
        assert!(OcspRequest::build(vec![id; count], None).is_err());
    }
}

#[test]
fn nonces_have_1_to_128_octets() {
    for (length, read) in [
        (1, true),
        (32, true),
        (128, true),
        (0, false),
        (129, false),
        (1_000_000, false),
    ] {
        let request = OcspRequest::from_der(&forge(1, &[nonce_of(length)]));
        match request {
            Ok(request) => assert_eq!(request.nonce().unwrap().as_bytes().len(), length),
            Err(refused) => {
                assert_eq!(refused, RequestError::Nonce(NonceError::Length(length)));
                assert_eq!(refused.status(), ErrorStatus::MalformedRequest);
            }
        }
        assert_eq!(
            OcspRequest::from_der(&forge(1, &[nonce_of(length)])).is_ok(),
            read
        );
    }
    // Without its OCTET STRING.
    let bare = Extension::other(oids::OCSP_NONCE, false, vec![7; 16]);
    assert!(matches!(
        OcspRequest::from_der(&forge(1, &[bare])),
        Err(RequestError::Nonce(NonceError::Der(DerError::Tag { .. })))
    ));
}

#[test]
fn extensions_are_ignored_unless_they_are_critical_or_repeated() {
    let accepts = |kinds: &[Oid]| Writer::one(tag::SEQUENCE, |out| kinds.iter().for_each(|oid| out.oid(oid)));
    let other: Oid = "1.3.6.1.5.5.7.48.1.7".parse().unwrap();
    let basic = accepts(&[other, oids::OCSP_BASIC]);
    for (extensions, error) in [
        (vec![Extension::other(other, false, vec![5, 0])], None),
        (vec![Extension::other(oids::OCSP_RESPONSE, false, vec![1])], None),
        (vec![Extension::other(oids::OCSP_RESPONSE, true, basic)], None),
        (
            vec![Extension::other(other, true, vec![5, 0])],
            Some((
                RequestError::CriticalExtension(other.to_string()),
                ErrorStatus::Unauthorized,
            )),
        ),
        (
            vec![Extension::other(oids::OCSP_RESPONSE, true, accepts(&[other]))],
            Some((
                RequestError::CriticalExtension("ocspAcceptableResponses".into()),
                ErrorStatus::Unauthorized,
            )),
        ),
        (
            vec![nonce_of(8), nonce_of(8)],
            Some((
                RequestError::RepeatedExtension("ocspNonce".into()),
                ErrorStatus::MalformedRequest,
            )),
        ),
    ] {
        let read = OcspRequest::from_der(&forge(1, &extensions));
        let refused = read.err().map(|error| (error.clone(), error.status()));
        assert_eq!(refused, error, "{extensions:?}");
    }
    let critical = Extension::other(oids::OCSP_NONCE, true, nonce_of(8).value_der().to_vec());
    assert!(OcspRequest::from_der(&forge(1, &[critical])).is_ok());
}

#[test]
fn a_cut_at_any_place_is_refused_and_no_flipped_bit_panics() {
    let world = World::any();
    let tool = with_files(&world);
    tool.run("openssl ocsp -issuer ca.crt -cert leaf.crt -nonce -reqout request.der");
    let good = tool.read("request.der");
    for end in 0..good.len() {
        assert!(OcspRequest::from_der(&good[..end]).is_err(), "cut at {end}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(OcspRequest::from_der(&longer).is_err());
    let original = OcspRequest::from_der(&good).unwrap();
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut changed = good.clone();
            changed[place] ^= 1 << bit;
            if let Ok(read) = OcspRequest::from_der(&changed) {
                assert_eq!(read.der(), changed);
                assert_ne!(read, original);
            }
        }
    }
}

#[test]
fn versions_names_and_signatures_have_to_have_their_structure() {
    let id = World::any().cert_id(HashAlgorithm::Sha1);
    let request = |before: &[u8], after: &[u8]| {
        Writer::one(tag::SEQUENCE, |request| {
            request.sequence(|tbs| {
                tbs.raw(before);
                tbs.sequence(|list| list.sequence(|one| one.raw(id.der())));
            });
            request.raw(after);
        })
    };
    let (version_1, version_2) = ([0xa0, 3, 2, 1, 0], [0xa0, 3, 2, 1, 1]);
    // A directoryName without attributes.
    let name = [0xa1, 4, 0xa4, 2, 0x30, 0];
    let signature = [0xa0, 11, 0x30, 9, 0x30, 3, 6, 1, 0x2a, 3, 2, 0, 9];
    assert!(OcspRequest::from_der(&request(&version_1, &[])).is_ok());
    assert!(OcspRequest::from_der(&request(&name, &signature)).is_ok_and(|read| read.is_signed()));
    assert_eq!(
        OcspRequest::from_der(&request(&version_2, &[])),
        Err(RequestError::Version(2))
    );
    for (before, after, part) in [
        (&[0xa0, 2, 5, 0][..], &[][..], "version"),
        (&[0xa1, 0], &[], "requestorName"),
        (&[], &[0xa0, 2, 0x30, 0], "optionalSignature"),
        (&[], &[5, 0], "OCSPRequest"),
    ] {
        let refused = OcspRequest::from_der(&request(before, after)).unwrap_err();
        assert!(
            matches!(refused, RequestError::Der { part: named, .. } if named == part),
            "{refused}"
        );
        assert!(refused.to_string().starts_with(part), "{refused}");
    }
}
