//! Who may use which profile for which names.

use ca::ProfileScope;
use kit::dry_run::Commit;
use kit::error::Kind;
use testkit::on_both_databases;

use crate::world::{World, key, on_profile, refused, requester};

on_both_databases!(
    a_service_gets_its_own_identity_and_nothing_else,
    development_gets_profiles_marked_for_it,
    nobody_but_a_service_gets_a_service_identity,
);

const OCSP: &str = "spiffe://example.test/svc/ocsp";

async fn denied(world: &World, scope: &ProfileScope, profile: &str, san: &str) {
    let request = on_profile(profile, &key(), san);
    let answer = world
        .ca
        .app()
        .issue(&requester("test:someone", scope.clone()), request, &Commit)
        .await;
    refused(answer, Kind::Denied);
    assert_eq!(world.count("certificates").await, 0);
}

async fn allowed(world: &World, scope: &ProfileScope, profile: &str, san: &str) {
    let request = on_profile(profile, &key(), san);
    world
        .ca
        .app()
        .issue(&requester("test:someone", scope.clone()), request, &Commit)
        .await
        .unwrap();
}

async fn a_service_gets_its_own_identity_and_nothing_else(world: World) {
    let own = ProfileScope::OwnIdentity {
        id: OCSP.to_owned(),
        shown: None,
    };
    denied(
        &world,
        &own,
        "service-identity",
        "uri:spiffe://example.test/svc/ca",
    )
    .await;
    denied(
        &world,
        &own,
        "service-identity",
        "uri:spiffe://other.test/svc/ocsp",
    )
    .await;
    denied(&world, &own, "tls-server", "dns:a.example.test").await;
    let mut both = on_profile("service-identity", &key(), &format!("uri:{OCSP}"));
    both.sans = Some(vec![
        format!("uri:{OCSP}").parse().unwrap(),
        "dns:a.example.test".parse().unwrap(),
    ]);
    let answer = world
        .ca
        .app()
        .issue(&requester("svc:ocsp", own.clone()), both, &Commit)
        .await;
    refused(answer, Kind::Denied);
    allowed(&world, &own, "service-identity", &format!("uri:{OCSP}")).await;
}

async fn development_gets_profiles_marked_for_it(world: World) {
    denied(&world, &ProfileScope::Development, "device", "dns:a.example.test").await;
    denied(
        &world,
        &ProfileScope::Development,
        "service-identity",
        &format!("uri:{OCSP}"),
    )
    .await;
    allowed(
        &world,
        &ProfileScope::Development,
        "tls-server",
        "dns:a.example.test",
    )
    .await;
}

async fn nobody_but_a_service_gets_a_service_identity(world: World) {
    denied(
        &world,
        &ProfileScope::Any,
        "service-identity",
        &format!("uri:{OCSP}"),
    )
    .await;
    allowed(&world, &ProfileScope::Any, "tls-server", "dns:a.example.test").await;
}
