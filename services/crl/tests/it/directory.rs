//! The LDAP listener: what is out, by a client that shares no code with it.

use std::collections::HashMap;

use kit::http::Limits;
use ldap3::{Ldap, LdapConnAsync, Scope, SearchEntry, drive};
use proto::ca::v1 as wire;
use testkit::on_both_databases;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::world::{Process, World};

on_both_databases!(
    the_directory_has_what_http_has,
    a_shard_has_an_entry_of_its_own,
    two_generations_of_one_subject_share_an_entry,
    what_is_too_large_for_the_memory_is_read_while_it_is_sent,
);

const ISSUING: &str = "cn=test issuing";
const COMPLETE: &str = "certificateRevocationList;binary";
const DELTA: &str = "deltaRevocationList;binary";
const CERTIFICATE: &str = "cACertificate;binary";

/// A client of the listener of a process, until it is dropped.
struct Client {
    ldap: Ldap,
    _stop: DropGuard,
}

impl Client {
    async fn of(process: &Process) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let protocol = process.crl.service().ldap.unwrap();
        let stop = CancellationToken::new();
        let told = stop.clone();
        tokio::spawn(async move { protocol.serve(listener, Limits::default(), told).await });
        let (connection, ldap) = LdapConnAsync::new(&url).await.unwrap();
        drive!(connection);
        Self {
            ldap,
            _stop: stop.drop_guard(),
        }
    }

    /// Entries by name.
    async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        attributes: Vec<&str>,
    ) -> HashMap<String, SearchEntry> {
        let found = self.ldap.search(base, scope, "(objectClass=*)", attributes).await;
        let (found, _) = found.unwrap().success().unwrap();
        let entries = found.into_iter().map(SearchEntry::construct);
        entries.map(|entry| (entry.dn.clone(), entry)).collect()
    }

    /// The values of an attribute of an entry.
    async fn values(&mut self, base: &str, attribute: &str) -> Vec<Vec<u8>> {
        let found = self.search(base, Scope::Base, vec![attribute]).await;
        let entry = found.into_values().next().unwrap();
        entry.bin_attrs.get(attribute).cloned().unwrap_or_default()
    }
}

async fn the_directory_has_what_http_has(world: World) {
    let process = world.start().await;
    let mut client = Client::of(&process).await;
    world.published(|list| list.kind == "delta").await;
    for entries in 0..2 {
        for (attribute, path) in [(COMPLETE, "/crl/issuing.crl"), (DELTA, "/crl/issuing/delta.crl")] {
            let over_http = process.get(path, &[]).await.2;
            assert_eq!(
                client.values(ISSUING, attribute).await,
                [over_http],
                "{entries} {path}"
            );
        }
        world.ca.revoke("0a", "key-compromise", 0);
        // The delta of the same moment was out before.
        world.complete_with(1).await;
    }
    assert_eq!(client.values(ISSUING, CERTIFICATE).await, [world.issuer.der()]);
    let found = client.search("", Scope::Subtree, vec!["1.1"]).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["CN=Test issuing"]);
    process.stop().await;
}

async fn a_shard_has_an_entry_of_its_own(world: World) {
    world.ca.set_shards(2);
    let process = world.start().await;
    world.ca.revoke("0a", "key-compromise", 2);
    for shard in 0..=2 {
        let entries = u64::from(shard == 2);
        world
            .published(|list| list.shard == shard && list.kind == "complete" && list.entries == entries)
            .await;
    }
    let mut client = Client::of(&process).await;
    let below = client.search(ISSUING, Scope::OneLevel, vec!["objectClass"]).await;
    let mut names: Vec<_> = below.keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        ["CN=issuing/1,CN=Test issuing", "CN=issuing/2,CN=Test issuing"]
    );
    assert_eq!(
        below[&names[0]].attrs["objectClass"],
        ["top", "cRLDistributionPoint"]
    );
    for shard in 1..=2 {
        let over_http = process.get(&format!("/crl/issuing/{shard}.crl"), &[]).await.2;
        let name = format!("cn=issuing/{shard},{ISSUING}");
        assert_eq!(client.values(&name, COMPLETE).await, [over_http]);
        assert_eq!(client.values(&name, CERTIFICATE).await, [[0_u8; 0]; 0]);
    }
    process.stop().await;
}

async fn two_generations_of_one_subject_share_an_entry(world: World) {
    let second = world.certify_another("ca-issuing-2");
    world.ca.add(wire::CaInfo {
        name: "issuing".to_owned(),
        issuer: "issuing.2".to_owned(),
        key_name: "ca-issuing-2".to_owned(),
        certificate: second.der().to_vec(),
        ..wire::CaInfo::default()
    });
    let process = world.start().await;
    // Two complete lists and their deltas.
    while world.all_published().await.len() < 4 {
        tokio::task::yield_now().await;
    }
    let mut client = Client::of(&process).await;
    for (attribute, paths) in [
        (COMPLETE, ["/crl/issuing.crl", "/crl/issuing.2.crl"]),
        (DELTA, ["/crl/issuing/delta.crl", "/crl/issuing.2/delta.crl"]),
    ] {
        let mut over_http = Vec::new();
        for path in paths {
            over_http.push(process.get(path, &[]).await.2);
        }
        assert_eq!(client.values(ISSUING, attribute).await, over_http);
    }
    let certificates = [world.issuer.der(), second.der()];
    assert_eq!(client.values(ISSUING, CERTIFICATE).await, certificates);
    process.stop().await;
}

async fn what_is_too_large_for_the_memory_is_read_while_it_is_sent(mut world: World) {
    let process = world.start().await;
    // More than the mebibyte that the other process has for lists.
    for serial in 0..40_000_u32 {
        world
            .ca
            .revoke(&format!("7f{serial:08x}0102030405060708"), "superseded", 0);
    }
    world.complete_with(40_000).await;
    let over_http = process.get("/crl/issuing.crl", &[]).await.2;
    assert!(over_http.len() > 1024 * 1024);
    process.stop().await;
    world.config.memory = 1;
    let small = world.idle().await;
    let mut client = Client::of(&small).await;
    assert_eq!(client.values(ISSUING, COMPLETE).await, [over_http]);
}
