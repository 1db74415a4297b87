//! Another directory that lists are published to: OpenLDAP's slapd.

use std::collections::HashMap;

use crl::Directory;
use kit::config::Secret;
use kit::service::Verdict;
use testkit::database::TestDatabase;
use testkit::on_both_databases;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::slapd::Slapd;
use crate::world::{Process, World};

on_both_databases!(
    what_is_out_is_written_to_another_directory,
    a_directory_that_was_down_gets_what_it_missed,
    a_wrong_password_is_told_and_holds_nothing_up,
    a_directory_that_is_not_trusted_is_told_nothing,
    an_entry_that_was_removed_or_is_another_s_is_written_again,
    a_process_that_is_killed_leaves_what_the_next_one_finishes,
);

const COMPLETE: &str = "certificateRevocationList;binary";
const DELTA: &str = "deltaRevocationList;binary";
const CERTIFICATE: &str = "cACertificate;binary";
/// The subject is not below the base: the entry is, by the first part of the subject.
const ENTRY: &str = "CN=Test issuing,dc=test";

pub(crate) fn settings(slapd: &Slapd, password: &str) -> Directory {
    Directory {
        url: slapd.url(),
        bind_dn: "cn=admin,dc=test".to_owned(),
        password: Secret::resolve(password).unwrap(),
        base_dn: "dc=test".to_owned(),
        ca_file: Some(slapd.ca_file()),
        timeout: std::time::Duration::from_secs(5),
    }
}

async fn started(world: &mut World, slapd: &Slapd) -> Process {
    world.config.directory = Some(settings(slapd, "secret"));
    world.start().await
}

/// What HTTP serves, by attribute.
async fn over_http(world: &World, process: &Process) -> HashMap<String, Vec<Vec<u8>>> {
    let mut values = HashMap::from([(CERTIFICATE.to_owned(), vec![world.issuer.der().to_vec()])]);
    for (attribute, path) in [(COMPLETE, "/crl/issuing.crl"), (DELTA, "/crl/issuing/delta.crl")] {
        values.insert(attribute.to_owned(), vec![process.get(path, &[]).await.2]);
    }
    values
}

/// Waits until the directory has what is out: a client is not told.
pub(crate) async fn until_it_has_all(world: &World, process: &Process, slapd: &Slapd) {
    for _ in 0..600 {
        if slapd.values(ENTRY).await == Some(over_http(world, process).await) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!(
        "{:?} is not {:?}",
        slapd.values(ENTRY).await,
        over_http(world, process).await
    );
}

/// What doctor says of the directory.
async fn verdict(process: &Process) -> (Verdict, String) {
    let finding = process.doctor().await.pop().unwrap();
    (finding.verdict, finding.detail)
}

async fn until_it_is_told(process: &Process) -> String {
    loop {
        if let (Verdict::Warning, detail) = verdict(process).await {
            return detail;
        }
        tokio::task::yield_now().await;
    }
}

async fn what_is_out_is_written_to_another_directory(mut world: World) {
    let slapd = Slapd::start().await;
    world.ca.set_shards(1);
    // The other tests have StartTLS.
    world.config.directory = Some(Directory {
        url: slapd.tls_url(),
        ..settings(&slapd, "secret")
    });
    let process = world.start().await;
    until_it_has_all(&world, &process, &slapd).await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    until_it_has_all(&world, &process, &slapd).await;
    let shard = slapd.values(&format!("cn=issuing/1,{ENTRY}")).await.unwrap();
    assert_eq!(shard[COMPLETE], [process.get("/crl/issuing/1.crl", &[]).await.2]);
    assert_eq!(verdict(&process).await.0, Verdict::Ok);
    process.stop().await;
}

async fn a_directory_that_was_down_gets_what_it_missed(mut world: World) {
    let mut slapd = Slapd::start().await;
    slapd.stop();
    let process = started(&mut world, &slapd).await;
    // Lists wait for nothing.
    world.complete_with(0).await;
    assert!(until_it_is_told(&process).await.starts_with(ENTRY));
    slapd.run().await;
    until_it_has_all(&world, &process, &slapd).await;
    slapd.stop();
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    until_it_is_told(&process).await;
    slapd.run().await;
    until_it_has_all(&world, &process, &slapd).await;
    while verdict(&process).await.0 != Verdict::Ok {
        tokio::task::yield_now().await;
    }
    process.stop().await;
}

async fn a_wrong_password_is_told_and_holds_nothing_up(mut world: World) {
    let slapd = Slapd::start().await;
    world.config.directory = Some(settings(&slapd, "wrong"));
    let process = world.start().await;
    world.complete_with(0).await;
    until_it_is_told(&process).await;
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    assert_eq!(slapd.values(ENTRY).await, None);
    process.stop().await;
}

async fn a_directory_that_is_not_trusted_is_told_nothing(mut world: World) {
    let (slapd, other) = (Slapd::start().await, Slapd::start().await);
    for url in [slapd.url(), slapd.tls_url()] {
        world.config.directory = Some(Directory {
            url,
            ca_file: Some(other.ca_file()),
            ..settings(&slapd, "secret")
        });
        let process = world.start().await;
        until_it_is_told(&process).await;
        assert_eq!(slapd.values(ENTRY).await, None);
        process.stop().await;
    }
}

async fn an_entry_that_was_removed_or_is_another_s_is_written_again(mut world: World) {
    let slapd = Slapd::start().await;
    // Made by an operator, with classes of their own.
    slapd.add(&format!("dn: {ENTRY}\nobjectClass: applicationProcess\nobjectClass: pkiCA\nobjectClass: deltaCRL\ncn: Test issuing\n"));
    let process = started(&mut world, &slapd).await;
    until_it_has_all(&world, &process, &slapd).await;
    slapd.delete(ENTRY);
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    until_it_has_all(&world, &process, &slapd).await;
    process.stop().await;
}

async fn a_process_that_is_killed_leaves_what_the_next_one_finishes(mut world: World) {
    let slapd = Slapd::start().await;
    let process = started(&mut world, &slapd).await;
    until_it_has_all(&world, &process, &slapd).await;
    // It takes connections and answers nothing: the process waits for it in the middle.
    slapd.pause();
    world.ca.revoke("0a", "key-compromise", 0);
    world.complete_with(1).await;
    process.kill();
    slapd.resume();
    let process = world.start().await;
    until_it_has_all(&world, &process, &slapd).await;
    process.stop().await;
}

/// On one thread, where what is logged can be collected.
#[tokio::test]
async fn a_directory_that_stays_away_is_logged_once() {
    let (log, _logging) = testkit::logs::begin();
    let mut world = World::on(TestDatabase::sqlite().unwrap()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    world.config.directory = Some(Directory {
        url: format!("ldap://{address}"),
        bind_dn: "cn=admin,dc=test".to_owned(),
        password: Secret::resolve("secret").unwrap(),
        base_dn: "dc=test".to_owned(),
        ca_file: None,
        timeout: std::time::Duration::from_secs(5),
    });
    let process = world.start().await;
    for _ in 0..3 {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Read, so that the end of the connection looks the same each time.
        assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
    }
    process.stop().await;
    let told = log.of("publication to another directory");
    assert!(
        told.len() == 1 && told[0].starts_with("WARN") && told[0].contains(&address.to_string()),
        "{told:?}"
    );
}
