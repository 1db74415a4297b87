//! What the self-check finds where certificates point to.

use axum::http::StatusCode;
use kit::service::Verdict;
use proto::ca::v1::ReportHealthRequest;
use testkit::on_both_databases;
use time::Duration;
use x509::crl::Reason;

use crate::external::settings;
use crate::outside::{Outside, certificate};
use crate::slapd::Slapd;
use crate::world::{Process, World};

on_both_databases!(
    what_is_served_is_compared_with_what_was_published,
    a_list_from_before_is_found,
    a_list_that_a_cache_may_keep_is_not_said_to_lack_entries,
    a_delta_that_a_cache_may_keep_is_not_said_to_lack_entries,
    each_shard_is_looked_at,
    ocsp_that_calls_a_listed_certificate_good_is_found,
    ca_and_lists_that_differ_are_found,
    what_ca_does_not_say_is_unknown,
    the_certificate_of_the_ca_is_looked_at,
    addresses_of_this_machine_are_not_asked_because_a_certificate_names_them,
    a_directory_that_lost_an_entry_is_found,
    an_entry_that_cannot_be_read_is_named_and_stops_no_other_look,
    what_an_older_ca_lost_can_be_made_right,
);

/// Serial number of the certificate that is valid.
const VALID: &str = "77";

/// A process whose lists, with OCSP, are where certificates point to.
async fn outside(world: &mut World) -> (Outside, Process) {
    let outside = Outside::start(world).await;
    world.base.clone_from(&outside.url);
    world.config.self_check = true;
    let valid = certificate(world, VALID, &outside.url, 0);
    world.ca.issued(valid.der());
    let process = world.start().await;
    outside.serve(process.crl.service().public);
    (outside, process)
}

/// Revokes a certificate, as OCSP says too.
fn revoke(world: &World, outside: &Outside, serial: &str, shard: u32) {
    outside.set_status(serial, Some(Reason::KeyCompromise));
    world.ca.revoke(serial, "key-compromise", shard);
}

fn is_healthy(found: &ReportHealthRequest) -> bool {
    found.problems.is_empty() && found.unknown.is_empty()
}

/// Waits for a problem that has this text.
async fn problem(world: &World, text: &str) -> String {
    let is = |problem: &&String| problem.contains(text);
    let found = world
        .ca
        .found(|found| found.problems.iter().any(|one| is(&one)))
        .await;
    found.problems.iter().find(is).unwrap().clone()
}

async fn what_is_served_is_compared_with_what_was_published(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    revoke(&world, &outside, "0a", 0);
    world.complete_with(1).await;
    world.ca.found(is_healthy).await;
    outside.page("/crl/issuing.crl", true);
    revoke(&world, &outside, "0b", 0);
    let found = problem(&world, "a web page").await;
    assert!(
        found.starts_with(&format!("{}/crl/issuing.crl", outside.url)),
        "{found}"
    );
    outside.page("/crl/issuing.crl", false);
    revoke(&world, &outside, "0c", 0);
    world.ca.found(is_healthy).await;
    // A delta that is missing is one that relying parties do not get.
    outside.page("/delta.crl", true);
    revoke(&world, &outside, "0d", 0);
    problem(&world, "/crl/issuing/delta.crl").await;
    process.stop().await;
}

async fn a_list_from_before_is_found(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    revoke(&world, &outside, "0a", 0);
    world.complete_with(1).await;
    world.ca.found(is_healthy).await;
    // A cache keeps it longer than it may.
    let (_, _, list) = process.get("/crl/issuing.crl", &[]).await;
    outside.keep("/crl/issuing.crl", list);
    revoke(&world, &outside, "0b", 0);
    world.complete_with(2).await;
    world.clock.advance(Duration::minutes(10));
    process.stop().await;
    // Everything is looked at after a start.
    let process = world.start().await;
    outside.serve(process.crl.service().public);
    problem(&world, "/crl/issuing.crl has CRL ").await;
    process.stop().await;
}

/// What a whole look finds while a page of a proxy is where the certificate of the CA should be, which is told as well. A
/// report of before does not have that.
async fn found_beside_a_page(world: &World, outside: &Outside) -> Vec<String> {
    outside.page("/ca/issuing.crt", true);
    let process = world.start().await;
    outside.serve(process.crl.service().public);
    let is_there =
        |found: &ReportHealthRequest| found.problems.iter().any(|one| one.contains("/ca/issuing.crt"));
    let found = world.ca.found(is_there).await;
    process.stop().await;
    let others = found
        .problems
        .into_iter()
        .filter(|one| !one.contains("/ca/issuing.crt"));
    others.collect()
}

/// Has caches keep what is served now.
async fn keep(outside: &Outside, process: &Process, paths: &[(&'static str, &str)]) {
    for (end, path) in paths {
        let (status, _, list) = process.get(path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        outside.keep(end, list);
    }
}

async fn a_list_that_a_cache_may_keep_is_not_said_to_lack_entries(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    revoke(&world, &outside, "0a", 0);
    world.complete_with(1).await;
    world.ca.found(is_healthy).await;
    let both = [
        ("/crl/issuing.crl", "/crl/issuing.crl"),
        ("/delta.crl", "/crl/issuing/delta.crl"),
    ];
    keep(&outside, &process, &both).await;
    revoke(&world, &outside, "0b", 0);
    world.complete_with(2).await;
    process.stop().await;
    // Published just now, by the clock.
    assert_eq!(found_beside_a_page(&world, &outside).await, Vec::<String>::new());
}

async fn a_delta_that_a_cache_may_keep_is_not_said_to_lack_entries(mut world: World) {
    world.config.immediate = Some(false);
    let (outside, process) = outside(&mut world).await;
    world.ca.found(is_healthy).await;
    keep(&outside, &process, &[("/delta.crl", "/crl/issuing/delta.crl")]).await;
    outside.set_status("0a", Some(Reason::Superseded));
    world.ca.revoke("0a", "superseded", 0);
    while world.count("entries").await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    process.stop().await;
    world.clock.advance(Duration::minutes(61));
    let process = world.start().await;
    world
        .published(|list| list.kind == "delta" && list.entries == 1)
        .await;
    process.stop().await;
    assert_eq!(found_beside_a_page(&world, &outside).await, Vec::<String>::new());
}

async fn each_shard_is_looked_at(mut world: World) {
    world.ca.set_shards(2);
    let (outside, process) = outside(&mut world).await;
    world.ca.found(is_healthy).await;
    outside.page("/crl/issuing/2.crl", true);
    revoke(&world, &outside, "0a", 2);
    problem(&world, "/crl/issuing/2.crl").await;
    process.stop().await;
}

async fn ocsp_that_calls_a_listed_certificate_good_is_found(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    // OCSP does not hear of it.
    world.ca.revoke("0a", "key-compromise", 0);
    let found = problem(&world, "of certificate 0a").await;
    let expected = format!(
        "{}/ocsp says good of certificate 0a, and the CRL key-compromise",
        outside.url
    );
    assert_eq!(found, expected);
    outside.set_status("0a", Some(Reason::KeyCompromise));
    revoke(&world, &outside, "0c", 0);
    world.ca.found(is_healthy).await;
    // The other way round: of a certificate that ca calls valid.
    outside.set_status(VALID, Some(Reason::Superseded));
    revoke(&world, &outside, "0b", 0);
    problem(&world, "says superseded of certificate 77, and ca good").await;
    process.stop().await;
}

async fn ca_and_lists_that_differ_are_found(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    revoke(&world, &outside, "0a", 0);
    world.complete_with(1).await;
    world.ca.found(is_healthy).await;
    world.ca.amend("0a", "superseded");
    revoke(&world, &outside, "0b", 0);
    problem(
        &world,
        "ca says superseded of certificate 0a, and the CRL key-compromise",
    )
    .await;
    process.stop().await;
}

async fn what_ca_does_not_say_is_unknown(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    world.ca.found(is_healthy).await;
    world.ca.set_silent(true);
    revoke(&world, &outside, "0a", 0);
    let found = world.ca.found(|found| !found.unknown.is_empty()).await;
    assert!(found.problems.is_empty(), "{found:?}");
    assert!(
        found.unknown[0].contains("ca did not say which certificates there are"),
        "{found:?}"
    );
    world.ca.set_silent(false);
    revoke(&world, &outside, "0b", 0);
    world.ca.found(is_healthy).await;
    process.stop().await;
}

async fn the_certificate_of_the_ca_is_looked_at(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    world.ca.found(is_healthy).await;
    let other = world.certify_another("another");
    outside.serve_certificate(other.der());
    revoke(&world, &outside, "0a", 0);
    problem(&world, "/ca/issuing.crt has no certificate of").await;
    process.stop().await;
}

async fn addresses_of_this_machine_are_not_asked_because_a_certificate_names_them(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    let other = Outside::start(&world).await;
    for base in [other.url.as_str(), "http://169.254.169.254"] {
        let certificate = certificate(&world, "78", base, 0);
        world.ca.issued(certificate.der());
    }
    revoke(&world, &outside, "0a", 0);
    let not_asked = |found: &ReportHealthRequest, base: &str| {
        let is = |text: &&String| text.starts_with(base) && text.contains("is not asked");
        found.unknown.iter().filter(is).count()
    };
    let found = world
        .ca
        .found(|found| not_asked(found, &other.url) == 3 && not_asked(found, "http://169.254.169.254") == 3)
        .await;
    assert!(found.problems.is_empty(), "{found:?}");
    assert_eq!(other.asked(), 0);
    assert!(outside.asked() > 0);
    process.stop().await;
}

async fn a_directory_that_lost_an_entry_is_found(mut world: World) {
    let slapd = Slapd::start().await;
    world.config.directory = Some(settings(&slapd, "secret"));
    let (_outside, process) = outside(&mut world).await;
    crate::external::until_it_has_all(&world, &process, &slapd).await;
    world.ca.found(is_healthy).await;
    process.stop().await;
    // Everything is looked at after a start.
    slapd.delete("CN=Test issuing,dc=test");
    let (_outside, process) = outside(&mut world).await;
    let found = problem(&world, &slapd.url()).await;
    assert!(found.ends_with("CN=Test issuing,dc=test is not there"), "{found}");
    process.stop().await;
}

async fn an_entry_that_cannot_be_read_is_named_and_stops_no_other_look(mut world: World) {
    world.ca.set_shards(2);
    let (outside, process) = outside(&mut world).await;
    revoke(&world, &outside, "0a", 0);
    world.complete_with(1).await;
    world.ca.found(is_healthy).await;
    process.stop().await;
    // No certificate has such a serial number, and no list of the scope can be made.
    world
        .damage("UPDATE entries SET serial = $1 WHERE shard = 0", &[7; 21])
        .await;
    let process = world.start().await;
    outside.serve(process.crl.service().public);
    outside.page("/crl/issuing/2.crl", true);
    let names = |found: &ReportHealthRequest, text: &str| found.problems.iter().any(|one| one.contains(text));
    let entry = format!("the entry of {}", "07".repeat(21));
    let found = world
        .ca
        .found(|found| names(found, &entry) && names(found, "/crl/issuing/2.crl"))
        .await;
    let of_entry = found.problems.iter().filter(|one| one.contains(&entry));
    assert_eq!(of_entry.count(), 1, "{found:?}");
    process.stop().await;
}

async fn what_an_older_ca_lost_can_be_made_right(mut world: World) {
    let (outside, process) = outside(&mut world).await;
    for serial in ["0a", "0b"] {
        revoke(&world, &outside, serial, 0);
    }
    world.complete_with(2).await;
    world.ca.found(is_healthy).await;
    process.stop().await;
    // Of 0a the older database has the certificate, and not the revocation; 0b was issued after the backup.
    revoke(&world, &outside, "0d", 0);
    world.ca.prune();
    let known = crate::snapshots::entry(13, proto::ca::v1::Reason::KeyCompromise);
    world.ca.set_snapshot(vec![known]);
    world.ca.forget("0a", true);
    world.ca.forget("0b", false);
    outside.set_status("0a", None);
    outside.forget("0b");
    let process = world.start().await;
    outside.serve(process.crl.service().public);
    let fix = "the database of ca was restored from an older backup, revoke the certificate again";
    let names = |found: &ReportHealthRequest, text: &str| found.problems.iter().any(|one| one.contains(text));
    let found = world
        .ca
        .found(|found| {
            let told =
                |one: &&String| one.starts_with("ca says good of certificate 0a") && one.ends_with(fix);
            found.problems.iter().any(|one| told(&one)) && !names(found, "0b")
        })
        .await;
    assert!(
        names(&found, "/ocsp says good of certificate 0a, and the CRL"),
        "{found:?}"
    );
    let row = async || {
        let checks = process.crl.service().doctor;
        let mut row = checks
            .iter()
            .filter(|check| check.name == "published revocations");
        row.next().unwrap().look().await
    };
    let told = row().await;
    assert_eq!(told.verdict, Verdict::Failed);
    assert!(
        told.detail.ends_with("0a of issuing") && told.fix.contains("gigvault cert revoke"),
        "{told:?}"
    );
    // As it says.
    outside.set_status("0a", Some(Reason::Superseded));
    world.ca.revoke("0a", "superseded", 0);
    world.ca.found(is_healthy).await;
    let told = row().await;
    assert_eq!(told.verdict, Verdict::Ok, "{told:?}");
    assert!(told.detail.contains("0b of issuing"), "{told:?}");
    process.stop().await;
}
