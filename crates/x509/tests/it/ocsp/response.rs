//! Responses as they are built, read back, and read by OpenSSL, GnuTLS and pkilint.
#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;
use x509::crl::Reason;
use x509::kind::{SignedStructure, classify};
use x509::ocsp::{
    CertStatus, ErrorStatus, Expected, HashAlgorithm, Nonce, OcspResponse, ResponderId, ResponseError,
    SingleResponseSpec, assemble_response,
};
use x509::{BuildError, KeyAlgorithm, SignatureAlgorithm};

use super::world::{AFTER, BEFORE, World, response_of};
use crate::csr::tool::Tool;
use crate::judges::lint_response;

const REVOKED: CertStatus = CertStatus::Revoked {
    time: datetime!(2026-10-31 12:30:15 UTC),
    reason: Some(Reason::KeyCompromise),
};

/// Every field there is.
fn full(world: &World) -> x509::ocsp::ResponseDataSpec {
    let mut spec = world.spec(REVOKED);
    let by_sha1 = SingleResponseSpec {
        cert_id: world.cert_id(HashAlgorithm::Sha1),
        archive_cutoff: Some(BEFORE - Duration::days(365)),
        ..spec.responses.first().unwrap().clone()
    };
    spec.responses.push(by_sha1);
    spec.nonce = Some(Nonce::from_bytes(&[0xcd; 32]).unwrap());
    spec.extended_revoke = true;
    spec
}

#[test]
fn every_field_is_read_back() {
    let world = World::any();
    let spec = full(&world);
    let chain = [world.responder.certificate.clone()];
    let der = response_of(&world.responder, &spec, &chain);
    let read = OcspResponse::from_der(&der).unwrap();
    assert_eq!(read.der(), der);
    assert_eq!(*read.responder(), spec.responder);
    assert_eq!(read.produced_at(), BEFORE);
    assert_eq!(read.nonce(), spec.nonce.as_ref());
    assert!(read.has_extended_revoke());
    assert_eq!(read.certificates(), chain);
    assert_eq!(read.responses().len(), 2);
    for (single, built) in read.responses().iter().zip(&spec.responses) {
        assert_eq!(single.cert_id, built.cert_id);
        assert_eq!(single.status, REVOKED);
        assert_eq!((single.this_update, single.next_update), (BEFORE, Some(AFTER)));
        assert_eq!(single.archive_cutoff(), built.archive_cutoff);
    }
    let described = read.describe();
    for expected in [
        "OCSP response",
        "revoked at 2026-10-31T12:30:15Z, key-compromise",
        "(sha256)",
        "archive cutoff: 2025-11-01T00:00:00Z",
        "CN=OCSP Responder",
    ] {
        assert!(
            described.contains(expected),
            "{expected} is missing in\n{described}"
        );
    }
    assert_eq!(
        classify(&spec.to_tbs().unwrap()),
        Some(SignedStructure::OcspResponse)
    );
}

#[test]
fn every_status_is_what_others_read() {
    let world = World::any();
    let tool = Tool::new();
    tool.write("ca.crt", world.ca().certificate.pem());
    tool.write("root.crt", world.hierarchy.root.certificate.pem());
    tool.write("leaf.crt", world.hierarchy.leaf.pem());
    let hold = CertStatus::Revoked {
        time: BEFORE,
        reason: Some(Reason::CertificateHold),
    };
    let plain = CertStatus::Revoked {
        time: BEFORE,
        reason: Some(Reason::Unspecified),
    };
    for (status, theirs) in [
        (CertStatus::Good, "leaf.crt: good"),
        (CertStatus::Unknown, "leaf.crt: unknown"),
        (REVOKED, "Reason: keyCompromise"),
        (hold, "Reason: certificateHold"),
        (plain, "leaf.crt: revoked"),
        (
            CertStatus::NEVER_ISSUED,
            "Revocation Time: Jan  1 00:00:00 1970 GMT",
        ),
    ] {
        let mut spec = world.spec(status);
        spec.responses[0].cert_id = world.cert_id(HashAlgorithm::Sha1);
        let der = response_of(
            &world.responder,
            &spec,
            std::slice::from_ref(&world.responder.certificate),
        );
        tool.write("response.der", &der);
        let printed = tool.run(
            "openssl ocsp -respin response.der -issuer ca.crt -cert leaf.crt -CAfile root.crt -verify_other ca.crt -no_nonce -text",
        );
        assert!(
            printed.contains("Response verify OK") && printed.contains(theirs),
            "{printed}"
        );
        assert!(
            !printed.contains("WARNING") && !printed.contains("unspecified"),
            "{printed}"
        );
        let printed = tool.run("ocsptool --verify-response --load-response=response.der --load-trust=ca.crt");
        assert!(printed.contains("Verifying OCSP Response: Success"), "{printed}");
        lint_response(&tool, "response.der");
        let never_issued = status == CertStatus::NEVER_ISSUED;
        let read = OcspResponse::from_der(&der).unwrap();
        assert_eq!(read.has_extended_revoke(), never_issued);
        let written = match status {
            CertStatus::Revoked { time, reason } => CertStatus::Revoked {
                time,
                reason: reason.filter(|reason| *reason != Reason::Unspecified),
            },
            other => other,
        };
        assert_eq!(read.responses()[0].status, written);
    }
}

#[test]
fn responses_of_the_ca_itself_and_by_name_satisfy_all_judges() {
    let world = World::new(KeyAlgorithm::Rsa(2048), SignatureAlgorithm::RsaPkcs1Sha256);
    let tool = Tool::new();
    tool.write("ca.crt", world.ca().certificate.pem());
    tool.write("root.crt", world.hierarchy.root.certificate.pem());
    tool.write("leaf.crt", world.hierarchy.leaf.pem());
    let (ca, responder) = (world.ca(), &world.responder);
    for (signer, id) in [
        (ca, ResponderId::by_key(&ca.certificate)),
        (ca, ResponderId::by_name(&ca.certificate)),
        (responder, ResponderId::by_name(&responder.certificate)),
    ] {
        let mut spec = full(&world);
        spec.responder = id;
        let certificates = [responder.certificate.clone()];
        let certificates = if std::ptr::eq(signer, ca) {
            &[][..]
        } else {
            &certificates
        };
        tool.write("response.der", response_of(signer, &spec, certificates));
        let printed = tool.run(
            "openssl ocsp -respin response.der -issuer ca.crt -cert leaf.crt -CAfile root.crt -verify_other ca.crt -no_nonce -text",
        );
        assert!(printed.contains("Response verify OK"), "{printed}");
        assert!(printed.contains("Archive Cutoff"), "{printed}");
        let printed = tool.run("ocsptool --response-info --load-response=response.der");
        assert!(printed.to_lowercase().contains(&"cd".repeat(32)), "{printed}");
        lint_response(&tool, "response.der");
    }
}

#[test]
fn a_response_of_openssl_is_read_and_verified() {
    let world = World::any();
    let tool = Tool::new();
    tool.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=CA");
    tool.write(
        "index.txt",
        "R\t351231000000Z\t260101000000Z,superseded\t2A\tunknown\t/CN=a\n",
    );
    tool.run("openssl ocsp -sha256 -issuer ca.crt -serial 0x2a -serial 0x2b -nonce -reqout request.der");
    tool.run("openssl ocsp -index index.txt -CA ca.crt -rsigner ca.crt -rkey ca.key -reqin request.der -respout response.der -ndays 1");
    let issuer = x509::Certificate::from_pem(&tool.read("ca.crt")).unwrap();
    let request = x509::ocsp::OcspRequest::from_der(&tool.read("request.der")).unwrap();
    let response = OcspResponse::from_der(&tool.read("response.der")).unwrap();
    let mut expected = Expected {
        issuer: &issuer,
        serial: request.cert_ids()[0].serial(),
        now: response.produced_at(),
        tolerance: Duration::ZERO,
        nonce: request.nonce(),
    };
    let verified = response.verify(&expected).unwrap();
    assert!(verified.delegate.is_none() && verified.nonce_repeated);
    assert_eq!(
        verified.single.status,
        CertStatus::Revoked {
            time: datetime!(2026-01-01 00:00 UTC),
            reason: Some(Reason::Superseded)
        }
    );
    expected.serial = request.cert_ids()[1].serial();
    assert_eq!(
        response.verify(&expected).unwrap().single.status,
        CertStatus::Unknown
    );
    expected.issuer = &world.ca().certificate;
    assert!(matches!(
        response.verify(&expected),
        Err(ResponseError::NoAnswer(_))
    ));
}

#[test]
fn errors_are_five_octets_that_others_read() {
    let tool = Tool::new();
    for status in ErrorStatus::ALL {
        let der = status.response();
        assert_eq!(
            OcspResponse::from_der(&der).unwrap_err(),
            ResponseError::Refused(status)
        );
        assert_eq!(ErrorStatus::from_code(status.code()), Some(status));
        tool.write("response.der", der);
        // It fails, as it should.
        let printed = tool
            .attempt("openssl ocsp -respin response.der -noverify")
            .unwrap_err();
        let name = status.to_string().to_lowercase();
        assert!(
            printed.to_lowercase().contains(&name),
            "{name} is missing in\n{printed}"
        );
        lint_response(&tool, "response.der");
    }
    for code in [0, 4, 7] {
        assert_eq!(ErrorStatus::from_code(code), None);
        assert!(matches!(
            OcspResponse::from_der(&[0x30, 3, 0x0a, 1, code]),
            Err(ResponseError::Der { .. })
        ));
    }
}

#[test]
fn what_is_not_a_response_cannot_be_built() {
    let world = World::any();
    let with = |change: &dyn Fn(&mut x509::ocsp::ResponseDataSpec)| {
        let mut spec = world.spec(CertStatus::Good);
        change(&mut spec);
        spec.to_tbs().unwrap_err()
    };
    assert_eq!(with(&|spec| spec.responses.clear()), BuildError::NoResponse);
    let removed = CertStatus::Revoked {
        time: BEFORE,
        reason: Some(Reason::RemoveFromCrl),
    };
    assert_eq!(
        with(&|spec| spec.responses[0].status = removed),
        BuildError::RemoveFromCrlInResponse
    );
    assert!(matches!(
        with(&|spec| spec.responses[0].next_update = BEFORE),
        BuildError::UpdateOrder { .. }
    ));
    assert!(matches!(
        with(&|spec| spec.produced_at = datetime!(1949-12-31 0:00 UTC)),
        BuildError::Validity(_)
    ));
    let certificate = world.hierarchy.leaf.tbs_der();
    assert_eq!(
        assemble_response(certificate, SignatureAlgorithm::Ed25519, &[], &[]),
        Err(BuildError::NotResponseData)
    );
}

#[test]
fn other_objects_are_named() {
    let world = World::any();
    let leaf = world.hierarchy.leaf.der();
    assert_eq!(
        OcspResponse::from_der(leaf).unwrap_err(),
        ResponseError::NotAResponse("a certificate")
    );
    let der = response_of(&world.responder, &world.spec(CertStatus::Good), &[]);
    let refused = x509::Certificate::from_der(&der).unwrap_err().to_string();
    assert!(refused.contains("an OCSP response"), "{refused}");
    let id = world.cert_id(HashAlgorithm::Sha1);
    let request = x509::ocsp::OcspRequest::build(vec![id], None).unwrap();
    let refused = x509::crl::CertificateList::from_der(request.der())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("an OCSP request"), "{refused}");
    let long = vec![0x30; OcspResponse::MAX_LEN + 1];
    assert!(matches!(
        OcspResponse::from_der(&long),
        Err(ResponseError::TooLong(_))
    ));
}

#[test]
fn a_cut_at_any_place_is_refused_and_no_flipped_bit_verifies() {
    let world = World::any();
    let good = response_of(
        &world.responder,
        &full(&world),
        std::slice::from_ref(&world.responder.certificate),
    );
    for end in 0..good.len() {
        assert!(OcspResponse::from_der(&good[..end]).is_err(), "cut at {end}");
    }
    let expected = Expected {
        issuer: &world.ca().certificate,
        serial: world.hierarchy.leaf.serial(),
        now: BEFORE,
        tolerance: Duration::ZERO,
        nonce: None,
    };
    assert!(OcspResponse::from_der(&good).unwrap().verify(&expected).is_ok());
    for place in 0..good.len() {
        let mut changed = good.clone();
        changed[place] ^= 1 << (place % 8);
        if let Ok(read) = OcspResponse::from_der(&changed) {
            let _ = read.describe();
            assert!(read.verify(&expected).is_err(), "octet {place}");
        }
    }
}

proptest! {
    #[test]
    fn random_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = OcspResponse::from_der(&octets) {
            prop_assert_eq!(read.der(), octets);
        }
    }
}
