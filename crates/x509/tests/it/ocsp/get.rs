//! Requests in the path of a GET, as clients spell them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL};
use proptest::prelude::*;
use x509::ReceivedSerial;
use x509::ocsp::{CertId, ErrorStatus, HashAlgorithm, IssuerIds, Nonce, OcspRequest};

use super::World;

static IDS: LazyLock<IssuerIds> = LazyLock::new(|| IssuerIds::of(&World::any().ca().certificate));

/// A request whose base64 has every character that is special in a path.
fn request() -> OcspRequest {
    let serials = (1_u8..=255)
        .cycle()
        .zip(1_u8..)
        .map(|(a, b)| [a, b, 0xfb, 0xff, 0xbf]);
    let mut requests = serials.map(|octets| {
        let serial = ReceivedSerial::from(x509::Serial::from_bytes(&octets).unwrap());
        OcspRequest::build(vec![CertId::new(&IDS, HashAlgorithm::Sha256, &serial)], None).unwrap()
    });
    let special = |request: &OcspRequest| {
        let text = BASE64.encode(request.der());
        text.contains('+') && text.contains('/') && text.ends_with('=')
    };
    requests.find(special).unwrap()
}

#[test]
fn every_spelling_of_clients_is_the_same_request() {
    let request = request();
    let (padded, bare) = (BASE64.encode(request.der()), BASE64_NOPAD.encode(request.der()));
    let lower = request.to_get_path().replace("%2F", "%2f").replace("%3D", "%3d");
    let every_octet: String = padded.bytes().map(|octet| format!("%{octet:02X}")).collect();
    for path in [
        request.to_get_path(),
        lower,
        padded.clone(),
        bare.clone(),
        padded.replace('/', "%2F"),
        padded.replace('+', "%2B"),
        bare.replace('+', "%2b"),
        every_octet,
    ] {
        for slashes in ["", "/", "//", "///", "%2F", "/%2f/"] {
            let read = OcspRequest::from_get_path(&format!("{slashes}{path}"));
            assert_eq!(read.as_ref(), Ok(&request), "{slashes}{path}");
        }
    }
}

#[test]
fn other_spellings_are_refused_in_words() {
    let request = request();
    let (path, padded) = (request.to_get_path(), BASE64.encode(request.der()));
    for (path, word) in [
        (String::new(), "empty"),
        ("//".to_owned(), "empty"),
        (path.replace('%', "%25"), "more than once"),
        (BASE64URL.encode(request.der()), "URL-safe"),
        (format!("{}%0A", padded), "white space"),
        (padded.replace('+', "%20"), "white space"),
        (format!("{padded}?a=b"), "character"),
        (format!("{padded}/"), "padding"),
        (format!("{padded}="), "padding"),
        ("M".to_owned(), "padding"),
        ("MB".to_owned(), "padding"),
        (format!("{padded}%"), "two hexadecimal digits"),
        (format!("{padded}%4"), "two hexadecimal digits"),
        (format!("{padded}%zz"), "two hexadecimal digits"),
        ("favicon.ico".to_owned(), "character"),
    ] {
        let refused = OcspRequest::from_get_path(&path).unwrap_err();
        assert!(refused.to_string().contains(word), "{path}: {refused}");
        assert_eq!(refused.status(), ErrorStatus::MalformedRequest);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(serial in prop::collection::vec(1_u8.., 1..20), nonce in prop::collection::vec(any::<u8>(), 0..=128)) {
        let serial = ReceivedSerial::from(x509::Serial::from_bytes(&serial).unwrap());
        let id = CertId::new(&IDS, HashAlgorithm::Sha1, &serial);
        let request = OcspRequest::build(vec![id], Nonce::from_bytes(&nonce).ok()).unwrap();
        prop_assert_eq!(OcspRequest::from_get_path(&request.to_get_path()), Ok(request.clone()));
        prop_assert_eq!(OcspRequest::from_der(request.der()), Ok(request));
    }

    #[test]
    fn random_paths_never_panic(path in "[A-Za-z0-9+/=%_ -]{0,80}|\\PC{0,40}") {
        let _ = OcspRequest::from_get_path(&path);
    }
}
