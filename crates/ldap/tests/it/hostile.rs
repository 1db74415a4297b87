//! Clients that mean harm.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kit::http::{Limits as ConnectionLimits, Pace};
use ldap::{Content, Limits, MAX_MESSAGE, Published, inspect};
use proptest::prelude::*;
use testkit::hostile::{Abuse, Attack, Target};
use tokio::io::Interest;

use crate::client::{Client, Search, all, int, present, text, tlv};
use crate::world::{Fixed, Server, issuers};

#[tokio::test]
async fn octets_that_are_no_message_end_the_connection_with_a_notice() {
    let server = Server::start().await;
    let search = Search::at("", 0).operation();
    for octets in [
        // Lengths of 4 GiB, without an end, of five octets.
        vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        vec![0x30, 0x80],
        vec![0x30, 0x85, 0, 0, 0, 0, 1],
        tlv(0x30, &vec![0; MAX_MESSAGE]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 0, 5],
        vec![0x3f, 1],
        // Not a request, no id, negative and long ids, something after it.
        all(0x30, &[int(1), tlv(0x64, b"")]),
        all(0x30, &[int(1)]),
        all(0x30, std::slice::from_ref(&search)),
        all(0x30, &[int(0x80), search.clone()]),
        all(0x30, &[tlv(2, &[1; 6]), search.clone()]),
        all(0x30, &[int(1), search.clone(), tlv(4, b"")]),
        // A length within the message that goes beyond it.
        vec![0x30, 5, 2, 1, 1, 0x63, 0x7f],
    ] {
        let mut client = Client::connect(server.address).await;
        client.write(&octets).await;
        assert_eq!(
            client.notice().await,
            Some(2),
            "{:02x?}",
            &octets[..octets.len().min(20)]
        );
    }
}

#[tokio::test]
async fn many_attributes_are_refused() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let search = Search {
        attributes: &["cn"; 257],
        ..Search::at("", 0)
    };
    let (found, done) = client.search(&search).await;
    assert_eq!((found.len(), done.code()), (0, 11));
}

fn impatient() -> Limits {
    Limits {
        idle: Duration::from_millis(50),
        message: Duration::from_millis(50),
        ..Limits::default()
    }
}

#[tokio::test]
async fn clients_that_say_nothing_or_not_enough_are_let_go() {
    let server = Server::of(Fixed(issuers()), impatient()).await;
    let mut silent = Client::connect(server.address).await;
    assert_eq!(silent.receive().await, None);
    let mut slow = Client::connect(server.address).await;
    slow.write(&[0x30, 0x40, 2]).await;
    assert_eq!(slow.receive().await, None);
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let mut large = Published::new(&"CN=Large".parse().unwrap());
    large.complete.push(Content::from(Bytes::from(vec![7; 32 << 20])));
    let limits = Limits {
        connections: ConnectionLimits {
            answer: Pace {
                grace: Duration::from_millis(100),
                rate: 8 * 1024,
            },
            ..Limits::default().connections
        },
        ..Limits::default()
    };
    let server = Server::of(Fixed(vec![Arc::new(large)]), limits).await;
    let mut client = Client::connect(server.address).await;
    client.send(&Search::at("cn=large", 0).operation(), &[]).await;
    let ready = client.stream.ready(Interest::ERROR).await.unwrap();
    assert!(ready.is_error());
}

#[tokio::test]
async fn one_client_has_so_many_connections_and_no_more() {
    let limits = Limits {
        connections: ConnectionLimits {
            connections_per_peer: 2,
            ..Limits::default().connections
        },
        ..Limits::default()
    };
    let server = Server::of(Fixed(issuers()), limits).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(server.address).await;
        assert_eq!(client.search(&Search::at("", 0)).await.1.code(), 0);
        clients.push(client);
    }
    let mut third = Client::connect(server.address).await;
    assert_eq!(third.receive().await, None);
    for client in &mut clients {
        assert_eq!(client.search(&Search::at("", 0)).await.1.code(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_served_while_one_client_misbehaves() {
    let server = Server::start().await;
    let target = Target::ldap(server.address);
    for abuse in Abuse::ANYWHERE {
        assert!(abuse.fits(&target));
        let attack = Attack::begin(&target, abuse, Ipv4Addr::new(127, 0, 0, 66));
        attack.stands(4).await.unwrap();
        for _ in 0..3 {
            let mut client = Client::connect(server.address).await;
            let (found, done) = client.search(&Search::at("", 2)).await;
            assert_eq!((found.len(), done.code()), (4, 0), "{abuse:?}");
        }
    }
}

#[tokio::test]
async fn a_request_in_single_octets_is_answered() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let message = all(0x30, &[int(1), Search::at("", 0).operation()]);
    for octet in message {
        client.write(&[octet]).await;
    }
    assert_eq!(client.receive().await.map(|answer| answer.tag), Some(0x64));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = inspect(&octets);
        let _ = inspect(&tlv(0x30, &[int(1), tlv(0x63, &octets)].concat()));
    }

    #[test]
    fn changed_requests_never_panic(at in any::<proptest::sample::Index>(), octet in any::<u8>(), cut in any::<bool>()) {
        let filter = all(0xa0, &[present("cn"), all(0xa4, &[text("cn"), all(0x30, &[tlv(0x80, b"a")])])]);
        let search = Search { filter, ..Search::at("cn=a,o=b", 2) };
        let mut message = all(0x30, &[int(1), search.operation()]);
        prop_assert!(inspect(&message));
        let at = at.index(message.len());
        if cut { message.truncate(at) } else { message[at] = octet }
        let _ = inspect(&message);
    }
}
