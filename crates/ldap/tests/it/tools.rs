//! The tools of OpenLDAP.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool that cannot run fails the test"
)]

use std::net::SocketAddr;

use data_encoding::BASE64;
use tokio::process::Command;

use crate::world::{Server, issuers, octets};

/// What the program prints, and whether it succeeded.
async fn run(program: &str, address: SocketAddr, words: &[&str]) -> (String, bool) {
    let output = Command::new(program)
        .args(["-x", "-H", &format!("ldap://{address}")])
        .args(words)
        .output()
        .await
        .unwrap_or_else(|error| {
            panic!("{program} cannot run ({error}): install ldap-utils, or run through make test")
        });
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.success())
}

async fn search(server: &Server, words: &[&str]) -> (String, bool) {
    let words = [&["-LLL", "-o", "ldif-wrap=no"], words].concat();
    run("ldapsearch", server.address, &words).await
}

#[tokio::test]
async fn ldapsearch_reads_what_is_published() {
    let server = Server::start().await;
    let issuer = &issuers()[0];
    for (attribute, contents) in [
        ("certificateRevocationList", &issuer.complete),
        ("deltaRevocationList", &issuer.deltas),
        ("cACertificate", &issuer.certificates),
    ] {
        for spelling in [attribute.to_owned(), format!("{attribute};binary")] {
            let base = "cn=issuing ca,o=example org,c=de";
            let (printed, ok) = search(
                &server,
                &["-b", base, "-s", "base", "(objectClass=pkiCA)", &spelling],
            )
            .await;
            assert!(ok, "{printed}");
            let line = format!("{attribute};binary:: {}\n", BASE64.encode(&octets(&contents[0])));
            assert!(printed.contains(&line), "{spelling}: {printed}");
        }
    }
}

#[tokio::test]
async fn ldapsearch_sees_scopes_limits_and_missing_entries() {
    let server = Server::start().await;
    for (words, dns, told, succeeds) in [
        (&["-b", "c=DE", "-s", "sub", "(cn=*)", "1.1"][..], 2, "", true),
        (&["-b", "c=DE", "-s", "one", "1.1"], 1, "", true),
        (&["-b", "", "-s", "base", "+"], 1, "supportedLDAPVersion: 3", true),
        (
            &["-b", "cn=Subschema", "-s", "base", "objectClasses"],
            1,
            "pkiCA",
            true,
        ),
        (
            &["-b", "c=DE", "-z", "1", "1.1"],
            1,
            "Size limit exceeded (4)",
            false,
        ),
        (
            &["-b", "cn=x,o=example org,c=de"],
            0,
            "No such object (32)",
            false,
        ),
        (&["-b", "cn"], 0, "Invalid DN syntax (34)", false),
        (
            &["-b", "c=DE", "-E", "!pr=1/noprompt"],
            0,
            "Critical extension is unavailable",
            false,
        ),
        (&["-b", "c=DE", "(&(cn=issuing*)(!(cn=*x*)))", "1.1"], 1, "", true),
    ] {
        let (printed, ok) = search(&server, words).await;
        assert_eq!(
            (printed.matches("dn:").count(), ok),
            (dns, succeeds),
            "{words:?}: {printed}"
        );
        assert!(printed.contains(told), "{words:?}: {printed}");
    }
}

#[tokio::test]
async fn other_tools_are_told_what_is_not_possible() {
    let server = Server::start().await;
    let (printed, ok) = run("ldapwhoami", server.address, &[]).await;
    assert!(ok && printed.contains("anonymous"), "{printed}");
    let (printed, ok) = run("ldapwhoami", server.address, &["-D", "cn=admin", "-w", "secret"]).await;
    assert!(!ok && printed.contains("Invalid credentials (49)"), "{printed}");
    let (printed, ok) = run(
        "ldapdelete",
        server.address,
        &["cn=Issuing CA,o=Example Org,c=DE"],
    )
    .await;
    assert!(!ok && printed.contains("unwilling to perform (53)"), "{printed}");
    let (printed, ok) = run("ldapcompare", server.address, &["c=DE", "c:DE"]).await;
    assert!(!ok && printed.contains("unwilling to perform (53)"), "{printed}");
    let (printed, ok) = run("ldapsearch", server.address, &["-ZZ", "-b", ""]).await;
    assert!(!ok && printed.contains("Protocol error (2)"), "{printed}");
}
