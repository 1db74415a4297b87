//! Searches: which entries, which attributes, which limits.

use std::sync::Arc;

use futures::future::BoxFuture;
use ldap::{Directory, Limits, Published, Unavailable};

use crate::client::{Client, Search};
use crate::world::{Server, issuers, octets};

const ISSUING: &str = "CN=Issuing CA,O=Example Org,C=DE";

async fn names(client: &mut Client, base: &str, scope: u8) -> (Vec<String>, u8) {
    let search = Search {
        attributes: &["1.1"],
        ..Search::at(base, scope)
    };
    let (found, done) = client.search(&search).await;
    for entry in &found {
        assert_eq!(entry.attributes, []);
    }
    (found.into_iter().map(|entry| entry.name).collect(), done.code())
}

#[tokio::test]
async fn values_are_found_with_and_without_binary_and_answered_with_it() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let issuers = issuers();
    let (first, second) = (&issuers[0], &issuers[1]);
    let kinds = [
        (
            "certificateRevocationList",
            "2.5.4.39",
            &first.complete,
            &second.complete,
        ),
        ("deltaRevocationList", "2.5.4.53", &first.deltas, &second.deltas),
        (
            "cACertificate",
            "2.5.4.37",
            &first.certificates,
            &second.certificates,
        ),
    ];
    for (name, oid, one, two) in kinds {
        let binary = format!("{name};binary");
        let spellings = [
            name,
            &binary,
            &binary.to_uppercase(),
            oid,
            &format!("{oid};binary"),
        ]
        .map(str::to_owned);
        for spelling in spellings {
            let search = Search {
                attributes: &[&spelling],
                ..Search::at(ISSUING, 0)
            };
            let (found, done) = client.search(&search).await;
            assert_eq!((found.len(), done.code()), (1, 0), "{spelling}");
            // Two generations of one name have one entry with two values.
            let values = [one, two].map(|contents| octets(&contents[0]));
            assert_eq!(
                found[0].attributes,
                [(binary.clone(), values.to_vec())],
                "{spelling}"
            );
        }
    }
    for nothing in [
        "certificateRevocationList;lang-en",
        "cn;binary",
        "1.1",
        "authorityRevocationList",
        "nothing",
    ] {
        let search = Search {
            attributes: &[nothing],
            ..Search::at(ISSUING, 0)
        };
        let (found, done) = client.search(&search).await;
        assert_eq!((found[0].attributes.len(), done.code()), (0, 0), "{nothing}");
    }
}

#[tokio::test]
async fn an_entry_has_what_it_is_named_by_and_its_classes() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let (found, _) = client.search(&Search::at(ISSUING, 0)).await;
    assert_eq!(
        found[0].names(),
        [
            "objectClass",
            "cn",
            "cACertificate;binary",
            "certificateRevocationList;binary",
            "deltaRevocationList;binary"
        ]
    );
    assert_eq!(
        found[0].texts("objectClass"),
        ["top", "cRLDistributionPoint", "pkiCA", "deltaCRL"]
    );
    assert_eq!(found[0].texts("cn"), ["Issuing CA"]);
    let all = Search {
        attributes: &["*", "+"],
        types_only: true,
        ..Search::at(ISSUING, 0)
    };
    let (found, _) = client.search(&all).await;
    assert!(found[0].names().contains(&"subschemaSubentry"));
    assert!(found[0].attributes.iter().all(|(_, values)| values.is_empty()));
    let (found, _) = client.search(&Search::at("o=example org,c=de", 0)).await;
    assert_eq!(found[0].texts("objectClass")[1], "organization");
}

#[tokio::test]
async fn names_match_without_case_and_spaces() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for same in [
        "cn=issuing ca,o=example org,c=de",
        "CN = Issuing  CA , O=Example Org ; C=DE",
        "2.5.4.3=Issuing CA,2.5.4.10=Example Org,2.5.4.6=DE",
        "cn=\"Issuing CA\",o=Example\\20Org,c=DE",
    ] {
        let found = names(&mut client, same, 0).await;
        assert_eq!(found, (vec![ISSUING.to_owned()], 0), "{same}");
    }
    let found = names(&mut client, "cn=ÜNÏCODE CA,dc=EXAMPLE,dc=test", 0).await;
    assert_eq!(found, (vec!["CN=Ünïcode CA,DC=example,DC=test".to_owned()], 0));
    let found = names(&mut client, "cn=second ca,o=example org+ou=dept,c=de", 0).await;
    assert_eq!(found.0.len(), 1);
    for invalid in ["cn", "cn=a,", "cn=\"", "no such attribute=1"] {
        assert_eq!(names(&mut client, invalid, 0).await, (vec![], 34), "{invalid}");
    }
}

#[tokio::test]
async fn scopes_are_those_of_the_tree() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for (base, scope, expected) in [
        ("", 2, 4),
        ("", 1, 0),
        ("c=DE", 2, 3),
        ("c=DE", 1, 1),
        ("o=Example Org,c=DE", 0, 1),
        ("o=Example Org,c=DE", 1, 1),
        ("o=Example Org,c=DE", 2, 2),
        ("dc=test", 2, 1),
        (ISSUING, 1, 0),
        (ISSUING, 2, 1),
        ("cn=Subschema", 0, 1),
        ("cn=Subschema", 1, 0),
    ] {
        let (found, code) = names(&mut client, base, scope).await;
        assert_eq!((found.len(), code), (expected, 0), "{base} {scope}: {found:?}");
    }
}

#[tokio::test]
async fn a_missing_entry_is_told_with_the_nearest_one_above() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for (base, scope, matched) in [
        ("cn=x", 0, ""),
        ("c=DE", 0, ""),
        ("c=FR", 2, ""),
        ("cn=x,cn=Issuing CA,o=Example Org,c=DE", 0, ISSUING),
        ("cn=x,o=Example Org,c=DE", 2, "O=Example Org,C=DE"),
        ("cn=-,o=Example Org,c=de", 0, "O=Example Org,C=DE"),
    ] {
        let (found, done) = client.search(&Search::at(base, scope)).await;
        assert_eq!((found.len(), done.code()), (0, 32), "{base}");
        assert_eq!(done.matched(), matched, "{base}");
    }
}

#[tokio::test]
async fn the_server_describes_itself() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let search = Search {
        attributes: &["+"],
        ..Search::at("", 0)
    };
    let (found, _) = client.search(&search).await;
    assert_eq!(
        found[0].texts("namingContexts"),
        [
            "CN=Second CA,OU=Dept+O=Example Org,C=DE",
            "CN=Ünïcode CA,DC=example,DC=test",
            "O=Example Org,C=DE"
        ]
    );
    assert_eq!(found[0].texts("supportedLDAPVersion"), ["3"]);
    assert_eq!(found[0].texts("subschemaSubentry"), ["cn=Subschema"]);
    let search = Search {
        attributes: &["objectClasses", "attributeTypes"],
        ..Search::at("cn=subschema", 0)
    };
    let (found, _) = client.search(&search).await;
    let classes = found[0].texts("objectClasses").join("\n");
    for class in ["pkiCA", "deltaCRL", "cRLDistributionPoint"] {
        assert!(classes.contains(&format!("NAME '{class}'")), "{classes}");
    }
    let types = found[0].texts("attributeTypes").join("\n");
    assert!(
        types.contains("( 2.5.4.39 NAME 'certificateRevocationList'"),
        "{types}"
    );
}

#[tokio::test]
async fn more_entries_than_the_client_wants_are_size_limit_exceeded() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for (size_limit, found, code) in [(1, 1, 4), (3, 3, 4), (4, 4, 0), (0, 4, 0)] {
        let search = Search {
            size_limit,
            ..Search::at("", 2)
        };
        let (entries, done) = client.search(&search).await;
        assert_eq!((entries.len(), done.code()), (found, code), "{size_limit}");
    }
}

/// One that does not answer, or not yet.
struct Down(bool);

impl Directory for Down {
    fn published(&self) -> BoxFuture<'_, Result<Vec<Arc<Published>>, Unavailable>> {
        match self.0 {
            true => Box::pin(std::future::pending()),
            false => Box::pin(async { Err(Unavailable) }),
        }
    }
}

#[tokio::test]
async fn a_search_that_takes_too_long_or_has_nothing_to_read_from_says_so() {
    for (hangs, code) in [(true, 3), (false, 52)] {
        let server = Server::of(Down(hangs), Limits::default()).await;
        let mut client = Client::connect(server.address).await;
        let search = Search {
            time_limit: 1,
            ..Search::at("", 2)
        };
        let (found, done) = client.search(&search).await;
        assert_eq!((found.len(), done.code()), (0, code));
    }
}

#[tokio::test]
async fn requests_that_are_sent_at_once_are_answered_in_their_order() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    for _ in 0..20 {
        client.send(&Search::at("cn=x", 0).operation(), &[]).await;
    }
    for id in 1..=20 {
        assert_eq!(client.receive().await.map(|answer| answer.id), Some(id));
    }
}
