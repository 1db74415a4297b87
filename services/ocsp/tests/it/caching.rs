//! What is kept, by whom, and for how long.

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use proto::ca::v1::Reason as WireReason;
use testkit::on_both_databases;
use time::Duration;
use x509::ocsp::{CertId, CertStatus, HashAlgorithm, IssuerIds, Nonce, OcspRequest, OcspResponse};

use crate::world::{NOW, World, eventually, id};

on_both_databases!(
    a_response_is_signed_once_and_given_to_all,
    simultaneous_requests_for_one_certificate_are_one_signature,
    a_response_is_made_anew_at_half_of_its_validity,
    an_answer_to_a_nonce_is_of_this_moment_and_kept_nowhere,
    both_hashes_and_both_methods_are_answered,
    a_response_is_signed_before_it_is_asked_for_where_that_is_set,
    who_has_a_response_already_is_told_so,
    no_date_makes_a_response_of_one_that_says_something_else,
);

async fn a_response_is_signed_once_and_given_to_all(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let first = world.responder.post(request.der()).await;
    let signed = world.to_keymgr.calls("SignBatch");
    // The CA is asked while a transaction of another test holds the feed back.
    eventually("five requests ask the CA nothing", async || {
        let asked = world.to_ca.calls("Status");
        for _ in 0..5 {
            let path = format!("/ocsp/{}", request.to_get_path());
            let again = world.responder.get(&path).await;
            assert_eq!(
                (again.der, again.headers),
                (first.der.clone(), first.headers.clone())
            );
        }
        world.to_ca.calls("Status") == asked
    })
    .await;
    assert_eq!(world.to_keymgr.calls("SignBatch"), signed);
    let header = |name| first.headers[name].to_str().unwrap();
    assert_eq!(
        header("cache-control"),
        "max-age=300,public,no-transform,must-revalidate"
    );
    // thisUpdate and nextUpdate.
    assert_eq!(header("last-modified"), "Sat, 02 Jan 2027 02:49:05 GMT");
    assert_eq!(header("expires"), "Sat, 02 Jan 2027 10:49:05 GMT");
    assert!(header("etag").starts_with('"'));

    let response = OcspResponse::from_der(&first.der).unwrap();
    let single = &response.responses()[0];
    let now = NOW.replace_nanosecond(0).unwrap();
    assert_eq!(response.produced_at(), now);
    assert_eq!(single.this_update, now - Duration::minutes(15));
    assert_eq!(
        single.next_update,
        Some(now - Duration::minutes(15) + Duration::hours(8))
    );
}

async fn simultaneous_requests_for_one_certificate_are_one_signature(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let before = world.to_keymgr.calls("SignBatch");
    let app = world.responder.ocsp.app();
    let asking = (0..50).map(|_| {
        let (app, request) = (app.clone(), request.clone());
        tokio::spawn(async move { app.answer(Ok(request)).await.der })
    });
    let asking: Vec<_> = asking.collect();
    let mut answers = Vec::new();
    for answer in asking {
        answers.push(answer.await.unwrap());
    }
    answers.dedup();
    assert_eq!(
        (answers.len(), world.to_keymgr.calls("SignBatch") - before),
        (1, 1)
    );
}

async fn a_response_is_made_anew_at_half_of_its_validity(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let first = world.responder.post(request.der()).await;
    // The feed is ahead of the clock that was moved until the next heartbeat.
    world.clock.advance(Duration::minutes(3 * 60 + 40));
    let kept = world.responder.post(request.der()).await;
    assert_eq!(kept.der, first.der);
    world.clock.advance(Duration::minutes(10));
    let mut second = world.responder.post(request.der()).await;
    assert_eq!(
        second.der, first.der,
        "the old one is given while the new one is made"
    );
    eventually("another is made", async || {
        second = world.responder.post(request.der()).await;
        second.der != first.der
    })
    .await;

    // Where nothing can be signed, the rest of its validity is for that.
    world.to_keymgr.cut("SignBatch");
    world.clock.advance(Duration::minutes(7 * 60 + 40));
    assert_eq!(world.responder.post(request.der()).await.der, second.der);
    let age = world.responder.post(request.der()).await.headers["cache-control"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(age, "max-age=299,public,no-transform,must-revalidate");
    world.clock.advance(Duration::minutes(6));
    eventually("an outdated response is not given", async || {
        world.status(&certificate).await == Err(x509::ocsp::ErrorStatus::TryLater)
    })
    .await;
    world.to_keymgr.mend();
    assert_eq!(world.status(&certificate).await, Ok(CertStatus::Good));
}

async fn an_answer_to_a_nonce_is_of_this_moment_and_kept_nowhere(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    for length in [1, 32, 128] {
        let nonce = Nonce::from_bytes(&vec![7; length]).unwrap();
        let ids = vec![id(&issuer, certificate.serial())];
        let request = OcspRequest::build(ids, Some(nonce.clone())).unwrap();
        let before = world.to_keymgr.calls("SignBatch");
        for _ in 0..2 {
            let answer = world.responder.post(request.der()).await;
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert!(!answer.headers.contains_key("etag"));
            let response = OcspResponse::from_der(&answer.der).unwrap();
            let expected = world.expected(&issuer, certificate.serial(), Some(&nonce));
            assert!(response.verify(&expected).unwrap().nonce_repeated);
        }
        assert_eq!(world.to_keymgr.calls("SignBatch") - before, 2);
    }
    world.revoke(&certificate, WireReason::Superseded).await;
    let nonce = Nonce::from_bytes(&[1; 32]).unwrap();
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], Some(nonce)).unwrap();
    // It is made from what the CA says.
    eventually("the revocation is told", async || {
        let answer = world.responder.post(request.der()).await;
        let response = OcspResponse::from_der(&answer.der).unwrap();
        response.responses()[0].status != CertStatus::Good
    })
    .await;
}

async fn both_hashes_and_both_methods_are_answered(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    for hash in HashAlgorithm::ALL {
        let id = CertId::new(&IssuerIds::of(&issuer), hash, certificate.serial());
        let request = OcspRequest::build(vec![id.clone()], None).unwrap();
        let by_post = world.responder.post(request.der()).await;
        let path = request.to_get_path();
        for path in [
            format!("/ocsp/{path}"),
            format!("/ocsp//{path}"),
            format!("/ocsp////{path}"),
            format!("/ocsp/%2F{path}"),
            format!(
                "/ocsp/{}",
                path.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")
            ),
            format!("/ocsp/{}", path.replace("%3D", "")),
        ] {
            assert_eq!(world.responder.get(&path).await.der, by_post.der, "{path}");
        }
        let response = OcspResponse::from_der(&by_post.der).unwrap();
        assert_eq!(response.responses()[0].cert_id, id);
        let expected = world.expected(&issuer, certificate.serial(), None);
        assert_eq!(
            response.verify(&expected).unwrap().single.status,
            CertStatus::Good
        );
    }
}

/// The answer to a GET of a client that has something already.
async fn conditional(world: &World, path: &str, name: &str, value: &HeaderValue) -> axum::response::Response {
    let request = Request::get(path)
        .header("host", "localhost")
        .header(name, value)
        .body(Body::empty())
        .unwrap();
    world.responder.ocsp.service().public.answer(request).await
}

async fn who_has_a_response_already_is_told_so(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let path = format!("/ocsp/{}", request.to_get_path());
    let first = world.responder.get(&path).await;
    for (name, expected) in [
        ("if-none-match", StatusCode::NOT_MODIFIED),
        // The date alone says too little.
        ("if-modified-since", StatusCode::OK),
    ] {
        let header = match name {
            "if-none-match" => "etag",
            _ => "last-modified",
        };
        let answer = conditional(&world, &path, name, &first.headers[header]).await;
        assert_eq!(answer.status(), expected, "{name}");
        for header in ["etag", "last-modified", "expires", "cache-control"] {
            assert_eq!(
                answer.headers()[header],
                first.headers[header],
                "{name}: {header}"
            );
        }
    }
}

async fn no_date_makes_a_response_of_one_that_says_something_else(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let request = OcspRequest::build(vec![id(&issuer, certificate.serial())], None).unwrap();
    let path = format!("/ocsp/{}", request.to_get_path());
    let mut before = world.responder.get(&path).await;
    for step in 0..4 {
        let hold = step % 2 == 0;
        match hold {
            true => world.hold(&certificate).await,
            false => world.release(&certificate).await,
        }
        eventually("the change is told", async || {
            let is_good = world.status(&certificate).await == Ok(CertStatus::Good);
            is_good != hold
        })
        .await;
        // In the same second, and in an earlier one than the client has: the clock was ahead.
        let later = HeaderValue::from_static("Sat, 02 Jan 2027 03:00:00 GMT");
        for date in [&before.headers["last-modified"], &later] {
            let answer = conditional(&world, &path, "if-modified-since", date).await;
            assert_eq!(answer.status(), StatusCode::OK, "hold: {hold}, {date:?}");
        }
        let after = world.responder.get(&path).await;
        assert_eq!(after.headers["last-modified"], before.headers["last-modified"]);
        assert_ne!(after.headers["etag"], before.headers["etag"]);
        before = after;
    }
}

async fn a_response_is_signed_before_it_is_asked_for_where_that_is_set(world: World) {
    let ahead = world
        .replica(ocsp::Config {
            presign: true,
            ..ocsp::Config::default()
        })
        .await;
    let before = world.to_keymgr.calls("SignBatch");
    let certificate = world.issue("issuing").await;
    eventually("it is signed", async || {
        world.to_keymgr.calls("SignBatch") > before
    })
    .await;
    // It may be on its way into memory, where it is found or waited for.
    eventually("it is kept", async || {
        let signed = world.to_keymgr.calls("SignBatch");
        let told = world.status_by(&ahead, &certificate).await;
        told == Ok(CertStatus::Good) && world.to_keymgr.calls("SignBatch") == signed
    })
    .await;
    let signed = world.to_keymgr.calls("SignBatch");
    world.revoke(&certificate, WireReason::Superseded).await;
    eventually("the revocation is signed", async || {
        world.to_keymgr.calls("SignBatch") > signed
    })
    .await;
    assert!(matches!(
        world.status_by(&ahead, &certificate).await,
        Ok(CertStatus::Revoked { .. })
    ));
}
