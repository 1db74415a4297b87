//! What follows from an identity of a service: how often it asks for another one, and what goes with it when it is revoked.

mod pruning;

use ca::{Ca, Issued, RevokeRequest, Revoked};
use kit::dry_run::Commit;
use kit::peer::PeerCertificate;
use kit::transport::in_process;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{Certificate, IssueRequest, RenewRequest};
use serde_json::json;
use testkit::on_both_databases;
use time::Duration;
use tonic::{Code, Request, Status};
use x509::crl::Reason;

use crate::world::{World, anyone, csr, key, server};

on_both_databases!(
    a_hold_names_what_was_issued_to_who_showed_the_identity,
    a_compromised_key_takes_what_was_made_with_every_identity_over_it,
    an_identity_that_was_revoked_before_does_not_hide_what_was_made_with_it,
    a_stolen_identity_takes_what_was_made_with_it_along,
    an_identity_asks_for_few_others_and_late_in_its_life,
    a_name_has_few_identities_that_services_asked_for,
    a_revoked_identity_asks_for_none,
    another_reason_takes_descendants_only_where_that_is_said,
    what_the_process_gives_itself_has_no_bound,
    who_asks_does_not_choose_the_life,
);

fn request() -> IssueRequest {
    IssueRequest {
        csr: csr(&key(), &["uri:spiffe://example.test/svc/ocsp"]),
        profile: "service-identity".to_owned(),
        ..IssueRequest::default()
    }
}

/// The first identity of `ocsp`.
async fn first(world: &World) -> Certificate {
    first_of(&world.ca).await
}

async fn first_of(ca: &Ca) -> Certificate {
    let mut process = CaClient::new(in_process(ca.service().grpc, "process"));
    process.issue(request()).await.unwrap().into_inner()
}

/// What `ocsp` gets that shows that certificate over the network.
async fn ask(world: &World, shown: &Certificate) -> Result<Certificate, Status> {
    ask_of(&world.ca, shown, Duration::ZERO).await
}

/// What it gets of a process that asks for so long a life.
async fn ask_of(ca: &Ca, shown: &Certificate, validity: Duration) -> Result<Certificate, Status> {
    let request = IssueRequest {
        validity_seconds: validity.whole_seconds().unsigned_abs(),
        ..request()
    };
    let mut client = CaClient::new(in_process(ca.service().grpc, "ocsp"));
    let issued = client.issue(showing(shown, request)).await;
    issued.map(tonic::Response::into_inner)
}

fn showing<T>(shown: &Certificate, request: T) -> Request<T> {
    let mut request = Request::new(request);
    let shown = PeerCertificate(shown.certificate.as_slice().into());
    request.extensions_mut().insert(shown);
    request
}

fn life(of: &Certificate) -> Duration {
    Duration::microseconds(of.not_after_us - of.not_before_us) + Duration::SECOND
}

fn refused(answer: Result<Certificate, Status>) -> String {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    status.message().to_owned()
}

async fn revoke(world: &World, of: &Certificate, reason: Reason, descendants: bool) -> Revoked {
    let request = RevokeRequest {
        serial: of.serial.clone(),
        reason,
        invalidity: None,
        same_key: false,
        descendants,
    };
    let revoked = world.ca.app().revoke(&anyone(), &request, &Commit).await;
    revoked.unwrap()
}

fn serials(certificates: &[Issued]) -> Vec<String> {
    let mut serials: Vec<String> = certificates.iter().map(|one| one.serial.to_string()).collect();
    serials.sort();
    serials
}

fn sorted(certificates: &[&Certificate]) -> Vec<String> {
    let mut serials: Vec<String> = certificates.iter().map(|one| one.serial.clone()).collect();
    serials.sort();
    serials
}

async fn reason_of(world: &World, of: &Certificate) -> Option<Reason> {
    let serial = of.serial.parse().unwrap();
    let there = world.issued(&serial).await.revocation;
    there.map(|there| there.reason)
}

async fn a_stolen_identity_takes_what_was_made_with_it_along(world: World) {
    let (stolen, other) = (first(&world).await, first(&world).await);
    world.clock.advance(Duration::days(60));
    let brief_lives = world.with_identities_of(Duration::days(2).unsigned_abs()).await;
    let brief = ask_of(&brief_lives, &stolen, Duration::ZERO).await.unwrap();
    let honest = ask(&world, &stolen).await.unwrap();
    let sibling = ask(&world, &other).await.unwrap();
    world.clock.advance(Duration::hours(36));
    let grandchild = ask(&world, &brief).await.unwrap();
    // The walk leads through one that has expired, and not to those of others.
    world.clock.advance(Duration::days(5));

    let body = json!({"reason": "key-compromise"});
    let path = format!("/api/v1/certificates/{}/revoke", stolen.serial);
    let (status, shown) = world
        .post("ca-operator", &format!("{path}?dry_run=true"), None, &body)
        .await;
    assert_eq!(status, 200, "{shown}");
    let affected = shown["consequences"].to_string();
    assert!(affected.contains(&grandchild.serial), "{shown}");

    let revoked = revoke(&world, &stolen, Reason::KeyCompromise, false).await;
    let descendants = revoked.descendants.unwrap();
    assert_eq!(serials(&descendants.revoked), sorted(&[&honest, &grandchild]));
    assert!(descendants.remaining.is_empty() && !descendants.more);
    assert_eq!(
        reason_of(&world, &grandchild).await,
        Some(Reason::PrivilegeWithdrawn)
    );
    for one in [&other, &sibling, &brief] {
        assert_eq!(reason_of(&world, one).await, None);
    }
    let events = world.events().await;
    let revoked = events.iter().filter(|event| event.kind == "certificate.revoked");
    let subjects: Vec<&str> = revoked.map(|event| event.subject.as_str()).collect();
    for one in [&stolen, &honest, &grandchild] {
        assert!(subjects.contains(&one.serial.as_str()), "{subjects:?}");
    }
}

async fn an_identity_asks_for_few_others_and_late_in_its_life(world: World) {
    let shown = first(&world).await;
    let why = refused(ask(&world, &shown).await);
    assert!(why.contains("gets no successor before"), "{why}");
    world.clock.advance(Duration::days(44));
    refused(ask(&world, &shown).await);
    world.clock.advance(Duration::days(2));
    for _ in 0..16 {
        ask(&world, &shown).await.unwrap();
    }
    let why = refused(ask(&world, &shown).await);
    assert!(why.contains("16 certificates were issued"), "{why}");
    // Nor at once.
    let fresh = first(&world).await;
    world.clock.advance(Duration::days(46));
    let asked: Vec<_> = (0..20).map(|_| ask(&world, &fresh)).collect();
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 16);
}

async fn a_name_has_few_identities_that_services_asked_for(world: World) {
    let mut shown = Vec::new();
    for _ in 0..9 {
        shown.push(first(&world).await);
    }
    world.clock.advance(Duration::days(60));
    let last = shown.pop().unwrap();
    for one in &shown {
        for _ in 0..16 {
            ask(&world, one).await.unwrap();
        }
    }
    let why = refused(ask(&world, &last).await);
    assert!(why.contains("128 certificates of spiffe://"), "{why}");
    // Those that are revoked make room.
    revoke(&world, &shown[0], Reason::KeyCompromise, false).await;
    ask(&world, &last).await.unwrap();
}

async fn a_revoked_identity_asks_for_none(world: World) {
    let [held, revoked] = [first(&world).await, first(&world).await];
    world.clock.advance(Duration::days(60));
    world.hold(&held.serial).await.unwrap();
    world.revoke(&revoked.serial, Reason::Superseded).await.unwrap();
    for one in [&held, &revoked] {
        let why = refused(ask(&world, one).await);
        assert!(why.contains("is revoked or on hold"), "{why}");
    }
    world.release(&held.serial).await.unwrap();
    ask(&world, &held).await.unwrap();
}

async fn another_reason_takes_descendants_only_where_that_is_said(world: World) {
    let shown = first(&world).await;
    world.clock.advance(Duration::days(60));
    let child = ask(&world, &shown).await.unwrap();
    world.clock.advance(Duration::days(29));
    let left = revoke(&world, &shown, Reason::Superseded, false).await;
    let left = left.descendants.unwrap();
    assert_eq!(serials(&left.remaining), sorted(&[&child]));
    assert_eq!(reason_of(&world, &child).await, None);
    let taken = revoke(&world, &shown, Reason::Superseded, true).await;
    assert_eq!(serials(&taken.descendants.unwrap().revoked), sorted(&[&child]));
    assert_eq!(reason_of(&world, &child).await, Some(Reason::Superseded));

    let user = world.issue(server(&key(), "a.example.test")).await;
    let body = json!({"reason": "superseded", "descendants": true});
    let path = format!("/api/v1/certificates/{}/revoke", user.serial);
    let (status, problem) = world.post("ca-operator", &path, None, &body).await;
    assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("descendants")));
}

async fn what_the_process_gives_itself_has_no_bound(world: World) {
    for _ in 0..20 {
        first(&world).await;
        world.client("ocsp").issue(request()).await.unwrap();
    }
    assert_eq!(world.count("identity_requests").await, 0);
}

async fn who_asks_does_not_choose_the_life(world: World) {
    let shown = first(&world).await;
    assert_eq!(life(&shown), Duration::days(90));
    world.clock.advance(Duration::days(60));
    // An earlier version asks for a life, and a thief for a short one.
    let brief_lives = world.with_identities_of(Duration::days(2).unsigned_abs()).await;
    for asked in [Duration::ZERO, Duration::minutes(5), Duration::days(1000)] {
        let successor = ask_of(&world.ca, &shown, asked).await.unwrap();
        assert_eq!(life(&successor), Duration::days(90));
        let brief = ask_of(&brief_lives, &shown, asked).await.unwrap();
        assert_eq!(life(&brief), Duration::days(2));
    }
    // `ra` renews too.
    let mut ra = world.client("ra");
    let of_ra = || csr(&key(), &["uri:spiffe://example.test/svc/ra"]);
    let asked = IssueRequest {
        csr: of_ra(),
        ..request()
    };
    let shown = ra.issue(asked).await.unwrap().into_inner();
    world.clock.advance(Duration::days(60));
    let renewal = RenewRequest {
        serial: shown.serial.clone(),
        csr: of_ra(),
        validity_seconds: 300,
        ..RenewRequest::default()
    };
    let renewed = ra.renew(showing(&shown, renewal)).await.unwrap().into_inner();
    assert_eq!(life(&renewed), Duration::days(90));

    // The certificate of the HTTPS listener has the profile too, and is none of a service.
    let https = IssueRequest {
        csr: csr(
            &key(),
            &["uri:spiffe://example.test/svc/api", "dns:api.example.test"],
        ),
        ..request()
    };
    let mut process = CaClient::new(in_process(brief_lives.service().grpc, "process"));
    let https = process.issue(https).await.unwrap().into_inner();
    assert_eq!(life(&https), Duration::days(90));
}

async fn a_hold_names_what_was_issued_to_who_showed_the_identity(world: World) {
    let (shown, other) = (first(&world).await, first(&world).await);
    world.clock.advance(Duration::days(60));
    let child = ask(&world, &shown).await.unwrap();
    ask(&world, &other).await.unwrap();
    world.clock.advance(Duration::days(29));
    let path = format!("/api/v1/certificates/{}/hold", shown.serial);
    let (status, preview) = world
        .post("ca-operator", &format!("{path}?dry_run=true"), None, &json!({}))
        .await;
    assert_eq!(status, 200, "{preview}");
    let remaining = |preview: &serde_json::Value| -> Vec<serde_json::Value> {
        let all = preview["consequences"].as_array().unwrap().iter();
        let of_kind = all.filter(|one| one["kind"] == "certificate.remaining");
        of_kind.map(|one| one["objects"].clone()).collect()
    };
    assert_eq!(remaining(&preview), [json!([child.serial])], "{preview:#}");

    let (status, held) = world.post("ca-operator", &path, None, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &held["status"]),
        (200, &json!("on_hold")),
        "{held:#}"
    );
    let named = held["descendants"]["remaining"].as_array().unwrap().iter();
    let named: Vec<&str> = named.map(|one| one["serial"].as_str().unwrap()).collect();
    assert_eq!(named, [child.serial.as_str()], "{held:#}");
    assert_eq!(held["descendants"]["revoked"], json!([]));
    assert_eq!(reason_of(&world, &child).await, None);

    let user = world.issue(server(&key(), "a.example.test")).await;
    let held = world
        .ca
        .app()
        .hold(&anyone(), &user.serial.to_string(), &Commit)
        .await;
    assert!(held.unwrap().descendants.is_none());
}

async fn a_compromised_key_takes_what_was_made_with_every_identity_over_it(world: World) {
    let shared = key();
    let over_shared = IssueRequest {
        csr: csr(&shared, &["uri:spiffe://example.test/svc/ocsp"]),
        ..request()
    };
    let identity = world
        .client("process")
        .issue(over_shared)
        .await
        .unwrap()
        .into_inner();
    let alone = first(&world).await;
    world.clock.advance(Duration::days(60));
    let child = ask(&world, &identity).await.unwrap();
    let of_other = ask(&world, &alone).await.unwrap();
    world.clock.advance(Duration::days(29));
    // The key became known with a certificate of a user.
    let user = world.issue(server(&shared, "a.example.test")).await;
    let request = |same_key| RevokeRequest {
        serial: user.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key,
        descendants: false,
    };
    let app = world.ca.app();
    let left = app.revoke(&anyone(), &request(false), &Commit).await.unwrap();
    assert_eq!(serials(&left.same_key.unwrap().remaining), sorted(&[&identity]));
    assert!(left.descendants.is_none());
    assert_eq!(reason_of(&world, &child).await, None);

    let taken = app.revoke(&anyone(), &request(true), &Commit).await.unwrap();
    assert_eq!(serials(&taken.same_key.unwrap().revoked), sorted(&[&identity]));
    assert_eq!(serials(&taken.descendants.unwrap().revoked), sorted(&[&child]));
    assert_eq!(reason_of(&world, &identity).await, Some(Reason::KeyCompromise));
    assert_eq!(reason_of(&world, &child).await, Some(Reason::PrivilegeWithdrawn));
    assert_eq!(reason_of(&world, &of_other).await, None);
}

async fn an_identity_that_was_revoked_before_does_not_hide_what_was_made_with_it(world: World) {
    let shared = key();
    let over_shared = IssueRequest {
        csr: csr(&shared, &["uri:spiffe://example.test/svc/ocsp"]),
        ..request()
    };
    let issued = world.client("process").issue(over_shared).await;
    let identity = issued.unwrap().into_inner();
    world.clock.advance(Duration::days(60));
    let child = ask(&world, &identity).await.unwrap();
    let user = world.issue(server(&shared, "a.example.test")).await;
    revoke(&world, &identity, Reason::Superseded, false).await;
    assert_eq!(reason_of(&world, &child).await, None);
    let request = RevokeRequest {
        serial: user.serial.to_string(),
        reason: Reason::KeyCompromise,
        invalidity: None,
        same_key: true,
        descendants: false,
    };
    let taken = world.ca.app().revoke(&anyone(), &request, &Commit).await.unwrap();
    assert_eq!(serials(&taken.descendants.unwrap().revoked), sorted(&[&child]));
    assert_eq!(reason_of(&world, &child).await, Some(Reason::PrivilegeWithdrawn));
}
