//! Filters: true, false, undefined.

use crate::client::{Client, Search, all, equality, present, text, tlv};
use crate::world::Server;

/// `(attribute=initial*any*final)`.
fn substrings(attribute: &str, parts: &[(u8, &str)]) -> Vec<u8> {
    let parts: Vec<_> = parts
        .iter()
        .map(|(tag, part)| tlv(*tag, part.as_bytes()))
        .collect();
    all(0xa4, &[text(attribute), all(0x30, &parts)])
}

fn and(parts: &[Vec<u8>]) -> Vec<u8> {
    all(0xa0, parts)
}

fn or(parts: &[Vec<u8>]) -> Vec<u8> {
    all(0xa1, parts)
}

fn not(part: Vec<u8>) -> Vec<u8> {
    all(0xa2, &[part])
}

/// How many of the four entries match.
async fn matching(client: &mut Client, filter: Vec<u8>) -> usize {
    let search = Search {
        filter,
        attributes: &["1.1"],
        ..Search::at("", 2)
    };
    let (found, done) = client.search(&search).await;
    assert_eq!(done.code(), 0);
    found.len()
}

#[tokio::test]
async fn filters_choose_entries() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let everything = || present("objectClass");
    let unknown = || present("noSuchAttribute");
    for (at, (filter, expected)) in [
        (everything(), 4),
        (present("OBJECTCLASS"), 4),
        (present("2.5.4.0"), 4),
        (present("cn"), 3),
        (present("certificateRevocationList"), 4),
        (present("certificateRevocationList;binary"), 4),
        (present("crossCertificatePair"), 0),
        (not(present("crossCertificatePair")), 4),
        (unknown(), 0),
        (not(unknown()), 0),
        (equality("cn", b"issuing  CA "), 1),
        (equality("commonName", b"ISSUING CA"), 1),
        (equality("cn", b"other"), 0),
        (equality("cn", &[0xff]), 0),
        (not(equality("cn", b"issuing ca")), 3),
        (equality("objectClass", b"PKICA"), 4),
        (equality("objectClass", b"2.5.6.22"), 4),
        (equality("objectClass", b"organization"), 1),
        (equality("objectClass", b"person"), 0),
        // No rule compares them.
        (equality("certificateRevocationList", &[0x30, 0, 0xff]), 0),
        (not(equality("certificateRevocationList", &[0x30])), 0),
        (all(0xa8, &[text("cn"), text("issuing ca")]), 1),
        (substrings("cn", &[(0x80, "ISS"), (0x81, "ng"), (0x82, "ca")]), 1),
        (substrings("cn", &[(0x82, "ca")]), 3),
        (substrings("cn", &[(0x81, "c"), (0x81, "c")]), 2),
        (substrings("cn", &[(0x80, "issuing ca"), (0x82, "ca")]), 0),
        (substrings("objectClass", &[(0x80, "pki")]), 0),
        (and(&[]), 4),
        (or(&[]), 0),
        (and(&[everything(), equality("cn", b"second ca")]), 1),
        (
            or(&[equality("cn", b"second ca"), equality("cn", b"issuing ca")]),
            2,
        ),
        (and(&[everything(), unknown()]), 0),
        (or(&[everything(), unknown()]), 4),
        (not(and(&[equality("cn", b"issuing ca"), unknown()])), 3),
        // greaterOrEqual, lessOrEqual, extensibleMatch, and a kind that does not exist.
        (all(0xa5, &[text("cn"), text("a")]), 0),
        (not(all(0xa6, &[text("cn"), text("a")])), 0),
        (
            all(
                0xa9,
                &[tlv(0x81, b"2.5.13.2"), tlv(0x82, b"cn"), tlv(0x83, b"issuing ca")],
            ),
            0,
        ),
        (tlv(0xaf, b""), 0),
        (or(&[tlv(0xaf, b"whatever"), everything()]), 4),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(matching(&mut client, filter).await, expected, "filter {at}");
    }
}

#[tokio::test]
async fn filters_that_cannot_be_read_are_refused_and_the_connection_goes_on() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let deep = (0..16).fold(present("cn"), |inner, _| not(inner));
    let many: Vec<_> = (0..256).map(|_| present("cn")).collect();
    let pieces = vec![(0x81, "a"); 256];
    for (filter, code) in [
        (deep, 11),
        (or(&many), 11),
        (substrings("cn", &pieces), 11),
        (all(0xa2, &[]), 2),
        (all(0xa3, &[text("cn")]), 2),
        (equality("cn", b"a")[..4].to_vec(), 2),
        (substrings("cn", &[]), 2),
        (substrings("cn", &[(0x82, "a"), (0x80, "a")]), 2),
        (tlv(0x87, &[0xff]), 2),
    ] {
        let search = Search {
            filter,
            ..Search::at("", 2)
        };
        let (found, done) = client.search(&search).await;
        assert_eq!((found.len(), done.code()), (0, code));
    }
    let almost = (0..15).fold(present("cn"), |inner, _| and(&[inner]));
    assert_eq!(matching(&mut client, almost).await, 3);
}
