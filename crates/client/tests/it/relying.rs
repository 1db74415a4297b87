//! The relying party's side against servers that answer what is not true, are late, or do not answer.

mod pki;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use client::{Reach, RelyingError, RelyingParty, Subject};
use pki::{Fault, NOW, Pki};
use time::Duration;
use x509::crl::{CrlError, CrlKind, Reason};
use x509::ocsp::{CertStatus, ErrorStatus, HashAlgorithm, OcspRequest, ResponseError};

type Answers = Arc<dyn Fn(&str, &[u8]) -> (StatusCode, Vec<u8>) + Send + Sync>;

/// Answers by path and body; its URL. Ends with the test's runtime.
async fn serve(answer: impl Fn(&str, &[u8]) -> (StatusCode, Vec<u8>) + Send + Sync + 'static) -> String {
    async fn fallback(State(answers): State<Answers>, uri: Uri, body: Bytes) -> (StatusCode, Vec<u8>) {
        answers(uri.path(), &body)
    }
    let answers: Answers = Arc::new(answer);
    let router = Router::new().fallback(fallback).with_state(answers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn subject(pki: &Pki) -> Subject<'_> {
    Subject {
        issuer: &pki.ca.certificate,
        serial: pki.leaf.serial(),
        is_ca: false,
        now: NOW,
    }
}

/// What a relying party makes of a responder with that fault.
async fn asked(fault: Fault) -> Result<client::OcspAnswer, RelyingError> {
    let pki = Arc::new(Pki::new());
    let responder = Arc::clone(&pki);
    let url = serve(move |_, body| {
        let nonce = OcspRequest::from_der(body).unwrap().nonce().cloned();
        (StatusCode::OK, responder.response(fault, nonce))
    })
    .await;
    let party = RelyingParty::new(Reach::private()).unwrap();
    party.ocsp(&format!("{url}/ocsp"), subject(&pki), true).await
}

fn refusal(answer: Result<client::OcspAnswer, RelyingError>) -> ResponseError {
    match answer {
        Err(RelyingError::Response { source, .. }) => source,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_responder_is_believed_for_the_certificate_the_request_and_the_moment_that_were_asked_for() {
    let good = asked(Fault::None).await.unwrap();
    assert_eq!(good.single.status, CertStatus::Good);
    assert!(good.nonce_repeated && good.no_check);
    assert_eq!(good.responder.as_deref(), Some("CN=Responder"));
    // It may leave the nonce out: then it may come from a cache.
    assert!(!asked(Fault::NoNonce).await.unwrap().nonce_repeated);

    assert_eq!(refusal(asked(Fault::OtherNonce).await), ResponseError::OtherNonce);
    assert!(matches!(
        refusal(asked(Fault::Signature).await),
        ResponseError::Signature(_)
    ));
    assert!(matches!(
        refusal(asked(Fault::OtherCertificate).await),
        ResponseError::NoAnswer(_)
    ));
    assert!(matches!(
        refusal(asked(Fault::WithoutPurpose).await),
        ResponseError::NotAuthorized { .. }
    ));
    assert!(matches!(
        refusal(asked(Fault::Stale).await),
        ResponseError::Stale { .. }
    ));
    assert!(matches!(
        refusal(asked(Fault::TryLater).await),
        ResponseError::Refused(_)
    ));
    assert!(matches!(
        refusal(asked(Fault::Garbage).await),
        ResponseError::NotAResponse(_) | ResponseError::Der { .. }
    ));
}

#[tokio::test]
async fn revoked_may_mean_never_issued_and_is_not_a_revocation_then() {
    assert!(!asked(Fault::None).await.unwrap().never_issued);
    let answer = asked(Fault::NeverIssued).await.unwrap();
    assert!(answer.never_issued);
    assert_eq!(answer.single.status, CertStatus::NEVER_ISSUED);
}

#[tokio::test]
async fn a_responder_that_knows_names_by_sha_1_only_is_asked_so() {
    let pki = Arc::new(Pki::new());
    let responder = Arc::clone(&pki);
    let url = serve(move |path, body| {
        let request = OcspRequest::from_der(body).unwrap();
        let by_sha_1 = request
            .cert_ids()
            .iter()
            .all(|id| id.hash_algorithm() == Some(HashAlgorithm::Sha1));
        let answer = match by_sha_1 && path == "/ocsp" {
            true => responder.response(Fault::None, request.nonce().cloned()),
            false => ErrorStatus::Unauthorized.response().to_vec(),
        };
        (StatusCode::OK, answer)
    })
    .await;
    let party = RelyingParty::new(Reach::private()).unwrap();
    let good = party.ocsp(&format!("{url}/ocsp"), subject(&pki), true).await;
    assert_eq!(good.unwrap().single.status, CertStatus::Good);
    let refused = party.ocsp(&format!("{url}/other"), subject(&pki), true).await;
    assert_eq!(
        refusal(refused),
        ResponseError::Refused(ErrorStatus::Unauthorized)
    );
}

/// Serves a complete list and a delta.
async fn lists(complete: Vec<u8>, delta: Vec<u8>) -> String {
    serve(move |path, _| match path {
        "/issuing.crl" => (StatusCode::OK, complete.clone()),
        "/delta.crl" => (StatusCode::OK, delta.clone()),
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    })
    .await
}

#[tokio::test]
async fn a_list_and_its_delta_are_believed_when_their_ca_signed_them_and_they_are_in_force() {
    let pki = Pki::new();
    let held = [pki.entry(Reason::CertificateHold)];
    let released = [pki.entry(Reason::RemoveFromCrl)];
    let complete = pki.list(10, CrlKind::COMPLETE, NOW, &held);
    let delta = pki.list(11, CrlKind::Delta { base: 9 }, NOW, &released);
    let url = lists(complete.clone(), delta).await;
    let party = RelyingParty::new(Reach::private()).unwrap();
    let list = party
        .crl(&format!("{url}/issuing.crl"), subject(&pki), &[])
        .await
        .unwrap();
    let serial = pki.leaf.serial();
    assert_eq!(list.find(serial).unwrap().reason, Some(Reason::CertificateHold));
    let delta = party
        .delta(&format!("{url}/delta.crl"), &list, subject(&pki), &[])
        .await
        .unwrap();
    assert!(delta.is_newer);
    assert_eq!(list.revocation(Some(&delta.list), serial), None);

    let other = Pki::new();
    let old = NOW - Duration::days(30);
    let mut forged = complete.clone();
    *forged.last_mut().unwrap() ^= 1;
    for (octets, what) in [
        (forged, "signature"),
        (other.list(10, CrlKind::COMPLETE, NOW, &[]), "issuer"),
        (pki.list(9, CrlKind::COMPLETE, old, &[]), "to be renewed by"),
        (pki.list(10, CrlKind::Delta { base: 9 }, NOW, &[]), "delta"),
        (complete[..complete.len() - 9].to_vec(), "CertificateList"),
        (b"<html>".to_vec(), "a web page"),
        (Vec::new(), "CertificateList"),
    ] {
        let url = lists(octets, Vec::new()).await;
        let refused = party.crl(&format!("{url}/issuing.crl"), subject(&pki), &[]).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(what) && said.contains(&url), "{what}: {said}");
    }
    // An older delta than the complete list, from a cache; and one that goes with a later list.
    for (number, base, expected) in [(9, 9, Some(false)), (12, 11, None)] {
        let url = lists(Vec::new(), pki.list(number, CrlKind::Delta { base }, NOW, &[])).await;
        let delta = party
            .delta(&format!("{url}/delta.crl"), &list, subject(&pki), &[])
            .await;
        match (delta, expected) {
            (Ok(delta), Some(expected)) => assert_eq!(delta.is_newer, expected),
            (Err(RelyingError::Crl { source, .. }), None) => {
                assert_eq!(
                    source,
                    CrlError::Base {
                        base: 11.into(),
                        complete: 10.into()
                    }
                );
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_does_not_answer_and_what_is_not_to_be_asked_is_named() {
    let pki = Pki::new();
    let url = serve(|path, _| match path {
        "/away" => (StatusCode::FOUND, Vec::new()),
        _ => (StatusCode::OK, vec![0x30; 2 * 1024 * 1024]),
    })
    .await;
    let party = RelyingParty::new(Reach::private()).unwrap();
    let away = party
        .crl(&format!("{url}/away"), subject(&pki), &[])
        .await
        .unwrap_err();
    assert!(matches!(away, RelyingError::Status { status: 302, .. }), "{away}");
    let long = party.issuer(&format!("{url}/long"), &pki.leaf).await.unwrap_err();
    assert!(matches!(long, RelyingError::TooLong { .. }), "{long}");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nothing = format!("http://{}/x", closed.local_addr().unwrap());
    drop(closed);
    let refused = party.ocsp(&nothing, subject(&pki), false).await.unwrap_err();
    assert!(matches!(refused, RelyingError::Unreachable { .. }), "{refused}");

    let public = RelyingParty::new(Reach::public()).unwrap();
    let port = url.rsplit(':').next().unwrap();
    for url in [url.clone(), format!("http://localhost:{port}/")] {
        let refused = public.crl(&url, subject(&pki), &[]).await.unwrap_err();
        assert!(matches!(refused, RelyingError::Private { .. }), "{refused}");
    }
    for url in [
        "http://169.254.169.254/latest".to_owned(),
        "ftp://pki.example.test/a.crl".to_owned(),
        "https://pki.example.test/a.crl".to_owned(),
        "ldap:///CN=a?certificateRevocationList".to_owned(),
        "http://user:secret@pki.example.test/".to_owned(),
        "not a URL".to_owned(),
    ] {
        let refused = public.crl(&url, subject(&pki), &[]).await.unwrap_err();
        assert!(matches!(refused, RelyingError::NotAsked { .. }), "{refused}");
    }
    let own = RelyingParty::new(Reach::public().and(&url)).unwrap();
    let asked = own
        .crl(&format!("{url}/away"), subject(&pki), &[])
        .await
        .unwrap_err();
    assert!(matches!(asked, RelyingError::Status { .. }), "{asked}");
}

#[tokio::test]
async fn an_issuer_is_found_where_the_certificate_says_it_is() {
    let (pki, other) = (Pki::new(), Pki::new());
    let (der, wrong) = (
        pki.ca.certificate.der().to_vec(),
        other.ca.certificate.der().to_vec(),
    );
    let url = serve(move |path, _| match path {
        "/ca.crt" => (StatusCode::OK, der.clone()),
        _ => (StatusCode::OK, wrong.clone()),
    })
    .await;
    let party = RelyingParty::new(Reach::private()).unwrap();
    let found = party.issuer(&format!("{url}/ca.crt"), &pki.leaf).await.unwrap();
    assert_eq!(found.der(), pki.ca.certificate.der());
    let refused = party
        .issuer(&format!("{url}/other.crt"), &pki.leaf)
        .await
        .unwrap_err();
    assert!(matches!(refused, RelyingError::OtherIssuer { .. }), "{refused}");
}
