//! Which responses a relying party believes.
#![expect(clippy::unwrap_used, reason = "tests")]

use time::{Duration, OffsetDateTime};
use x509::asn1::{Writer, tag};
use x509::ocsp::{
    CertStatus, Expected, HashAlgorithm, Nonce, OcspResponse, ResponderId, ResponseError, assemble_response,
};
use x509::{
    CertificateSpec, Eku, Extension, KeyAlgorithm, KeyUsageFlags, ReceivedSerial, SignatureAlgorithm,
    Validity,
};

use super::world::{AFTER, BEFORE, World, delegate, response_of, spec_of};
use crate::csr::holder::Holder;
use crate::issue::{Authority, NOW};

const SLACK: Duration = Duration::minutes(5);

fn expected<'a>(world: &'a World, now: OffsetDateTime) -> Expected<'a> {
    Expected {
        issuer: &world.ca().certificate,
        serial: world.hierarchy.leaf.serial(),
        now,
        tolerance: SLACK,
        nonce: None,
    }
}

/// What becomes of a good response of this signer, who names itself by key.
fn verdict(world: &World, signer: &Authority) -> Result<CertStatus, ResponseError> {
    let id = ResponderId::by_key(&signer.certificate);
    let spec = spec_of(id, world.cert_id(HashAlgorithm::Sha1), CertStatus::Good);
    let response = OcspResponse::from_der(&response_of(
        signer,
        &spec,
        std::slice::from_ref(&signer.certificate),
    ))
    .unwrap();
    response
        .verify(&expected(world, NOW))
        .map(|verified| verified.single.status)
}

#[test]
fn the_ca_and_its_delegate_are_believed() {
    let world = World::any();
    for signer in [world.ca(), &world.responder] {
        for id in [
            ResponderId::by_key(&signer.certificate),
            ResponderId::by_name(&signer.certificate),
        ] {
            let spec = spec_of(id, world.cert_id(HashAlgorithm::Sha256), CertStatus::Good);
            let der = response_of(signer, &spec, std::slice::from_ref(&world.responder.certificate));
            let response = OcspResponse::from_der(&der).unwrap();
            let verified = response.verify(&expected(&world, NOW)).unwrap();
            let delegated = std::ptr::eq(signer, &world.responder);
            assert_eq!(verified.delegate.is_some(), delegated);
            assert!(verified.no_check);
            assert_eq!(verified.single.status, CertStatus::Good);
        }
    }
    let without = delegate(world.ca(), KeyAlgorithm::P256, |spec| {
        spec.extensions
            .retain(|extension| extension.oid() != x509::extension::oids::OCSP_NO_CHECK);
    });
    let id = ResponderId::by_key(&without.certificate);
    let spec = spec_of(id, world.cert_id(HashAlgorithm::Sha1), CertStatus::Good);
    let der = response_of(&without, &spec, std::slice::from_ref(&without.certificate));
    let response = OcspResponse::from_der(&der).unwrap();
    assert!(!response.verify(&expected(&world, NOW)).unwrap().no_check);
}

#[test]
fn of_two_answers_for_the_certificate_the_one_that_says_revoked_is_believed() {
    let world = World::any();
    let ca = world.ca();
    let id = || ResponderId::by_key(&ca.certificate);
    let revoked = CertStatus::Revoked {
        time: NOW,
        reason: None,
    };
    for statuses in [[CertStatus::Good, revoked], [revoked, CertStatus::Good]] {
        let mut spec = spec_of(id(), world.cert_id(HashAlgorithm::Sha256), statuses[0]);
        let second = spec_of(id(), world.cert_id(HashAlgorithm::Sha1), statuses[1]);
        spec.responses.extend(second.responses);
        let response = OcspResponse::from_der(&response_of(ca, &spec, &[])).unwrap();
        let verified = response.verify(&expected(&world, NOW)).unwrap();
        assert_eq!(verified.single.status, revoked, "{statuses:?}");
    }
}

#[test]
fn only_a_delegate_of_this_ca_with_the_purpose_and_in_date_is_believed() {
    let world = World::any();
    let of = |change: fn(&mut CertificateSpec)| delegate(world.ca(), KeyAlgorithm::P256, change);
    let no_purpose =
        of(|spec| spec.extensions[1] = Extension::extended_key_usage(vec![Eku::ServerAuth]).unwrap());
    let any_purpose = of(|spec| spec.extensions[1] = Extension::extended_key_usage(vec![Eku::ANY]).unwrap());
    let none = of(|spec| spec.extensions.clear());
    let usage = of(|spec| spec.extensions[0] = Extension::key_usage(KeyUsageFlags::CRL_SIGN).unwrap());
    for signer in [no_purpose, any_purpose, none, usage] {
        let refused = verdict(&world, &signer).unwrap_err();
        assert!(
            matches!(refused, ResponseError::NotAuthorized { .. }),
            "{refused}"
        );
    }
    let expired =
        of(|spec| spec.validity = Validity::starting(NOW - Duration::DAY, Duration::hours(3)).unwrap());
    let refused = verdict(&world, &expired).unwrap_err();
    assert!(
        matches!(refused, ResponseError::ResponderNotValid { .. }),
        "{refused}"
    );
    // Of the root above, and of another CA with the same name.
    let above = delegate(&world.hierarchy.root, KeyAlgorithm::P256, |_| {});
    let elsewhere = delegate(World::any().ca(), KeyAlgorithm::P256, |_| {});
    for signer in [above, elsewhere] {
        let refused = verdict(&world, &signer).unwrap_err();
        assert!(matches!(refused, ResponseError::NotIssued { .. }), "{refused}");
    }
    assert_eq!(verdict(&world, &of(|_| {})), Ok(CertStatus::Good));
    let no_usage = of(|spec| drop(spec.extensions.remove(0)));
    assert_eq!(verdict(&world, &no_usage), Ok(CertStatus::Good));
}

#[test]
fn a_response_without_its_responder_or_with_another_signature_is_refused() {
    let world = World::any();
    let spec = world.spec(CertStatus::Good);
    let check = |der: &[u8]| {
        OcspResponse::from_der(der)
            .unwrap()
            .verify(&expected(&world, NOW))
            .map(|_| ())
    };
    let bare = response_of(&world.responder, &spec, &[]);
    assert!(matches!(check(&bare), Err(ResponseError::UnknownResponder(_))));
    let stranger = Authority {
        holder: Holder::new(KeyAlgorithm::P256),
        algorithm: SignatureAlgorithm::EcdsaSha256,
        certificate: world.responder.certificate.clone(),
    };
    let forged = response_of(
        &stranger,
        &spec,
        std::slice::from_ref(&world.responder.certificate),
    );
    assert!(matches!(check(&forged), Err(ResponseError::Signature(_))));
    // A name that is that of the CA, under another key.
    let mut named = spec.clone();
    named.responder = ResponderId::by_name(&world.ca().certificate);
    let forged = response_of(&stranger, &named, &[]);
    assert!(matches!(check(&forged), Err(ResponseError::Signature(_))));
    let many = vec![world.responder.certificate.clone(); OcspResponse::MAX_CERTIFICATES + 1];
    let piled = response_of(&world.responder, &spec, &many);
    assert_eq!(
        OcspResponse::from_der(&piled).unwrap_err(),
        ResponseError::TooManyCertificates
    );
}

#[test]
fn an_answer_holds_from_its_update_to_the_next_with_some_tolerance() {
    let world = World::any();
    let mut spec = world.spec(CertStatus::Good);
    let (start, end) = (NOW, NOW + Duration::hours(8));
    (spec.responses[0].this_update, spec.responses[0].next_update) = (start, end);
    let response = OcspResponse::from_der(&response_of(
        &world.responder,
        &spec,
        std::slice::from_ref(&world.responder.certificate),
    ))
    .unwrap();
    for (now, believed) in [
        (start, true),
        (end, true),
        (start - SLACK, true),
        (end + SLACK, true),
        (start - SLACK - Duration::SECOND, false),
        (end + SLACK + Duration::SECOND, false),
    ] {
        match response.verify(&expected(&world, now)) {
            Ok(_) => assert!(believed, "{now}"),
            Err(ResponseError::NotYetValid { .. }) => assert!(!believed && now < start),
            Err(ResponseError::Stale { .. }) => assert!(!believed && now > end),
            Err(other) => unreachable!("{other}"),
        }
    }
}

#[test]
fn an_answer_for_another_certificate_is_not_taken() {
    let world = World::any();
    let response = OcspResponse::from_der(&response_of(
        &world.responder,
        &world.spec(CertStatus::Good),
        std::slice::from_ref(&world.responder.certificate),
    ))
    .unwrap();
    let other = ReceivedSerial::from(x509::Serial::from_bytes(&[9, 9, 9]).unwrap());
    let mut asked = expected(&world, NOW);
    asked.serial = &other;
    assert_eq!(
        response.verify(&asked).unwrap_err(),
        ResponseError::NoAnswer(other.clone())
    );
    let mut asked = expected(&world, NOW);
    asked.issuer = &world.hierarchy.root.certificate;
    assert!(matches!(response.verify(&asked), Err(ResponseError::NoAnswer(_))));
}

#[test]
fn another_nonce_is_refused_and_a_missing_one_is_told() {
    let world = World::any();
    let nonce = |octet: u8| Nonce::from_bytes(&[octet; 32]).unwrap();
    let (sent, other) = (nonce(1), nonce(2));
    for (sent, received, outcome) in [
        (Some(&sent), Some(sent.clone()), Some(true)),
        (Some(&sent), Some(other), None),
        (Some(&sent), None, Some(false)),
        (None, Some(sent.clone()), Some(false)),
        (None, None, Some(false)),
    ] {
        let mut spec = world.spec(CertStatus::Good);
        spec.nonce = received;
        let der = response_of(
            &world.responder,
            &spec,
            std::slice::from_ref(&world.responder.certificate),
        );
        let response = OcspResponse::from_der(&der).unwrap();
        let mut asked = expected(&world, NOW);
        asked.nonce = sent;
        match (response.verify(&asked), outcome) {
            (Ok(verified), Some(repeated)) => assert_eq!(verified.nonce_repeated, repeated),
            (Err(ResponseError::OtherNonce), None) => {}
            (verdict, _) => unreachable!("{verdict:?}"),
        }
    }
}

/// A ResponseData by hand: what cannot be built is still received.
fn forged(world: &World, next_update: bool, extension: Option<&[u8]>) -> Vec<u8> {
    let time = |out: &mut Writer, text: &[u8]| out.primitive(tag::GENERALIZED_TIME, text);
    let tbs = Writer::one(tag::SEQUENCE, |out| {
        out.constructed(tag::context_constructed(2), |id| {
            let ResponderId::ByKey(hash) = ResponderId::by_key(&world.ca().certificate) else {
                unreachable!("by key");
            };
            id.primitive(tag::OCTET_STRING, &hash);
        });
        time(out, b"20261101000000Z");
        out.sequence(|list| {
            list.sequence(|single| {
                single.raw(world.cert_id(HashAlgorithm::Sha1).der());
                single.raw(&[0x80, 0]);
                time(single, b"20261101000000Z");
                if next_update {
                    single.constructed(tag::context_constructed(0), |out| time(out, b"21251231000000Z"));
                }
            });
        });
        if let Some(extension) = extension {
            out.constructed(tag::context_constructed(1), |out| {
                out.sequence(|list| list.sequence(|one| one.raw(extension)));
            });
        }
    });
    let ca = world.ca();
    assemble_response(&tbs, ca.algorithm, &ca.holder.sign(&tbs, ca.algorithm), &[]).unwrap()
}

#[test]
fn an_answer_without_an_end_and_an_unknown_critical_extension_are_refused() {
    let world = World::any();
    let check = |der: &[u8]| {
        OcspResponse::from_der(der)
            .unwrap()
            .verify(&expected(&world, NOW))
            .map(|_| ())
    };
    assert_eq!(check(&forged(&world, true, None)), Ok(()));
    assert_eq!(
        check(&forged(&world, false, None)),
        Err(ResponseError::NoNextUpdate)
    );
    let (critical, plain) = ([6, 1, 0x2a, 1, 1, 0xff, 4, 0], [6, 1, 0x2a, 4, 0]);
    assert_eq!(check(&forged(&world, true, Some(&plain))), Ok(()));
    assert_eq!(
        check(&forged(&world, true, Some(&critical))),
        Err(ResponseError::CriticalExtension("1.2".into()))
    );
    assert!(BEFORE < NOW && NOW < AFTER);
}
