//! The crate ldap3, a client that shares no code with the server.
#![expect(clippy::unwrap_used, reason = "tests")]

use ldap3::{Ldap, LdapConnAsync, Scope, SearchEntry, drive};

use crate::world::{Server, issuers, octets};

async fn connect(server: &Server) -> Ldap {
    let (connection, ldap) = LdapConnAsync::new(&format!("ldap://{}", server.address))
        .await
        .unwrap();
    drive!(connection);
    ldap
}

#[tokio::test]
async fn another_client_reads_what_is_published() {
    let server = Server::start().await;
    let mut ldap = connect(&server).await;
    ldap.simple_bind("", "").await.unwrap().success().unwrap();
    let search = ldap.search(
        "c=de",
        Scope::Subtree,
        "(&(objectClass=pkiCA)(|(cn=issuing ca)(cn=sec*)))",
        vec!["certificateRevocationList"],
    );
    let (entries, _) = search.await.unwrap().success().unwrap();
    let entries: Vec<_> = entries.into_iter().map(SearchEntry::construct).collect();
    let names: Vec<_> = entries.iter().map(|entry| entry.dn.as_str()).collect();
    assert_eq!(
        names,
        [
            "CN=Issuing CA,O=Example Org,C=DE",
            "CN=Second CA,OU=Dept+O=Example Org,C=DE"
        ]
    );
    let expected: Vec<_> = issuers()[..2]
        .iter()
        .map(|issuer| octets(&issuer.complete[0]))
        .collect();
    assert_eq!(entries[0].bin_attrs["certificateRevocationList;binary"], expected);
    ldap.unbind().await.unwrap();
}

#[tokio::test]
async fn another_client_understands_refusals() {
    let server = Server::start().await;
    let mut ldap = connect(&server).await;
    let refused = ldap.delete("cn=Issuing CA,o=Example Org,c=DE").await.unwrap();
    assert_eq!(refused.rc, 53, "{refused}");
    let refused = ldap.simple_bind("cn=admin", "secret").await.unwrap();
    assert_eq!(refused.rc, 49, "{refused}");
    let missing = ldap.search("cn=x", Scope::Base, "(objectClass=*)", vec!["*"]);
    assert_eq!(missing.await.unwrap().1.rc, 32);
}
