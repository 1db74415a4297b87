//! What is said where the answer was lost can be typed as it is, and is said once.

use std::os::unix::fs::PermissionsExt;

use crate::destinations::old;
use crate::harness::{Desk, Server, openssl};

/// What is said when the answer to the request after these is lost.
fn lost(desk: &Desk, before: &[(u16, &str)], arguments: &[&str]) -> String {
    let server = Server::answering(before);
    let said = desk.ask(&server, arguments).failed(1);
    assert!(said.contains("is not known"), "{said}");
    assert!(!said.contains("hint:"), "{said}");
    said
}

#[test]
fn a_renewal_for_the_same_key_is_told_from_its_predecessor() {
    let said = lost(&Desk::new(), &[(200, &old())], &["cert", "renew", "00ab"]);
    assert!(
        said.contains("shows it if it was, as one newer than 00ab"),
        "{said}"
    );
    assert!(
        said.contains("run this command again") && !said.contains("--key "),
        "{said}"
    );
}

#[test]
fn a_kept_key_goes_in_the_place_of_what_asked_for_it() {
    let renew = ["cert", "renew", "00ab", "--new-key", "--key-type", "p384"];
    let said = lost(&Desk::new(), &[(200, &old())], &renew);
    assert!(said.contains("` in place of --new-key and --key-type"), "{said}");
    assert!(!said.contains("newer than"), "{said}");
    let said = lost(
        &Desk::new(),
        &[],
        &["cert", "create", "a.test", "--key-type", "p384"],
    );
    assert!(said.contains("` in place of --key-type"), "{said}");
}

#[test]
fn a_pkcs12_file_of_ones_own_key_is_made_by_the_command_that_is_named() {
    let desk = Desk::new();
    desk.write("my.key", &openssl(&["genpkey", "-algorithm", "ED25519"]));
    desk.write("phrase", "five random words are best\n");
    std::fs::set_permissions(desk.path("phrase"), PermissionsExt::from_mode(0o600)).unwrap();
    let create = [
        "cert", "create", "a.test", "--key", "my.key", "--format", "pkcs12",
    ];
    let said = lost(
        &desk,
        &[],
        &[&create[..], &["--out-passphrase-file", "phrase"]].concat(),
    );
    let download = "gigvault cert download SERIAL --format pkcs12 --key my.key --out-passphrase-file phrase --out ./a.test.p12";
    assert!(said.contains(&format!("`{download}` writes it")), "{said}");
    assert!(said.contains("as one that was not there before"), "{said}");
    assert_eq!(desk.files(), ["my.key", "phrase"]);
}

#[test]
fn an_api_key_that_may_have_been_made_is_named_with_the_way_to_revoke_it() {
    let said = lost(
        &Desk::new(),
        &[],
        &["apikey", "create", "ci", "--role", "developer"],
    );
    for part in ["API key \"ci\"", "gigvault apikey list", "apikey revoke PREFIX"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
