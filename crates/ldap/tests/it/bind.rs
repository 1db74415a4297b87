//! Requests other than searches.

use crate::client::{Client, Search, all, int, text, tlv};
use crate::world::Server;

/// The connection can still be used.
async fn usable(client: &mut Client) {
    let (found, done) = client.search(&Search::at("", 0)).await;
    assert_eq!((found.len(), done.code()), (1, 0));
}

#[tokio::test]
async fn only_anonymous_binds_of_version_3_succeed() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    // Before any bind.
    usable(&mut client).await;
    for (version, name, credentials, code) in [
        (3, "", tlv(0x80, b""), 0),
        (2, "", tlv(0x80, b""), 2),
        (4, "", tlv(0x80, b""), 2),
        (3, "cn=admin", tlv(0x80, b"secret"), 49),
        (3, "", tlv(0x80, b"secret"), 49),
        (3, "cn=admin", tlv(0x80, b""), 53),
        (3, "", all(0xa3, &[text("EXTERNAL")]), 7),
        (3, "", tlv(0x89, b""), 7),
    ] {
        let answer = client.bind(version, name, credentials).await;
        assert_eq!((answer.tag, answer.code()), (0x61, code), "{version} {name}");
        usable(&mut client).await;
    }
}

#[tokio::test]
async fn requests_that_would_change_something_are_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let entry = text("cn=x");
    for (operation, tag) in [
        (all(0x66, &[entry.clone(), tlv(0x30, b"")]), 0x67),
        (all(0x68, &[entry.clone(), tlv(0x30, b"")]), 0x69),
        (tlv(0x4a, b"cn=x"), 0x6b),
        (all(0x6c, &[entry.clone(), text("cn=y"), tlv(1, &[0])]), 0x6d),
        (all(0x6e, &[entry, all(0x30, &[text("cn"), text("x")])]), 0x6f),
    ] {
        let answer = client.ask(&operation).await;
        assert_eq!((answer.tag, answer.code()), (tag, 53));
        usable(&mut client).await;
    }
}

#[tokio::test]
async fn extended_operations_are_refused_but_for_who_am_i() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    // StartTLS.
    let answer = client
        .ask(&tlv(0x77, &tlv(0x80, b"1.3.6.1.4.1.1466.20037")))
        .await;
    assert_eq!((answer.tag, answer.code()), (0x78, 2));
    let answer = client
        .ask(&tlv(0x77, &tlv(0x80, b"1.3.6.1.4.1.4203.1.11.3")))
        .await;
    assert_eq!(
        (answer.tag, answer.code(), answer.field(3)),
        (0x78, 0, Vec::new())
    );
    usable(&mut client).await;
}

#[tokio::test]
async fn abandon_has_no_answer_and_unbind_ends() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send(&tlv(0x50, &[1]), &[]).await;
    usable(&mut client).await;
    client.send(&tlv(0x42, b""), &[]).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn critical_controls_that_are_not_supported_are_refused() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let control = |oid: &str, critical| all(0xa0, &[all(0x30, &[text(oid), tlv(1, &[critical])])]);
    for (oid, critical, code) in [
        // Paged results.
        ("1.2.840.113556.1.4.319", 0xff, 12),
        ("1.2.840.113556.1.4.319", 0, 0),
        // ManageDsaIT.
        ("2.16.840.1.113730.3.4.2", 0xff, 0),
    ] {
        let search = Search::at("cn=Issuing CA,o=Example Org,c=DE", 0);
        let search = Search {
            attributes: &["1.1"],
            ..search
        };
        client.send(&search.operation(), &control(oid, critical)).await;
        let mut answer = client.receive().await.unwrap();
        if answer.tag == 0x64 {
            answer = client.receive().await.unwrap();
        }
        assert_eq!((answer.tag, answer.code()), (0x65, code), "{oid} {critical}");
    }
    let many: Vec<_> = (0..17).map(|_| all(0x30, &[text("1.2.3")])).collect();
    client
        .send(&Search::at("", 0).operation(), &all(0xa0, &many))
        .await;
    assert_eq!(client.receive().await.unwrap().code(), 11);
    usable(&mut client).await;
}

#[tokio::test]
async fn clients_are_told_that_the_server_ends() {
    let server = Server::start().await;
    let mut idle = Client::connect(server.address).await;
    usable(&mut idle).await;
    server.ended().await;
    assert_eq!(idle.notice().await, Some(52));
}

#[tokio::test]
async fn a_malformed_bind_is_a_protocol_error() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let answer = client.ask(&all(0x60, &[int(3)])).await;
    assert_eq!((answer.tag, answer.code()), (0x61, 2));
    usable(&mut client).await;
}
