//! Which host a certificate is for: its DNS names, wildcards, and when the common name counts.

use x509::extension::oids;
use x509::path::{is_for_host, validate};
use x509::{Extension, NameConstraints, San};

use super::{Party, any, ca, judged, names};
use crate::csr::forge::tlv;

#[test]
fn a_common_name_is_a_host_only_with_a_dot_in_a_leaf_without_dns_names() {
    let constraints = NameConstraints {
        permitted: vec!["dns:example.test".parse().unwrap()],
        excluded: vec![],
    };
    let constrained = || vec![Extension::name_constraints(&constraints).unwrap()];
    let verdict = |subject: &str, extensions| judged(subject, extensions, constrained(), &any()).is_ok();
    assert!(verdict("CN=jdoe", vec![]));
    assert!(verdict(
        "CN=billing",
        vec![names(&["uri:spiffe://example.test/billing"])]
    ));
    assert!(verdict("CN=web.example.test", vec![]));
    assert!(verdict(
        "CN=old.other.test",
        vec![names(&["dns:web.example.test"])]
    ));
    assert!(!verdict("CN=web.other.test", vec![]));
    assert!(!verdict("CN=my_web.other.test", vec![]));
    // A CA below the constrained one, whose common name looks like a host.
    let parties = ["CN=root", "CN=issuing", "CN=ca.other.test", "CN=leaf"].map(Party::new);
    let [root, issuing, below, leaf] = &parties;
    let path = [
        below.by(issuing, vec![ca()]),
        issuing.by(root, [vec![ca()], constrained()].concat()),
    ];
    validate(
        &leaf.by(below, vec![]),
        &path,
        &[root.by(root, vec![ca()])],
        &any(),
    )
    .unwrap();
}

#[test]
fn hosts_match_as_they_stand_in_the_certificate() {
    let raw = [
        (0x82, &b"my_host.example.test"[..]),
        (0x82, b"r3---sn-apo3.video.example"),
        (0x82, b"xn--a.example"),
        (0x82, b"host.123"),
        (0x82, b"*.under_score.test"),
        (0x82, b"bad name.test"),
        (0x82, b"*.*.test"),
        (0x87, &[0, 0, 0, 0]),
        (0x87, &[255, 255, 255, 255]),
        (0x87, &[224, 0, 0, 1]),
        (0x87, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1]),
    ];
    let entries: Vec<Vec<u8>> = raw.iter().map(|(kind, content)| tlv(*kind, &[content])).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let party = Party::new("CN=leaf");
    let san = Extension::other(oids::SUBJECT_ALT_NAME, false, tlv(0x30, &entries));
    let certificate = party.by(&party, vec![san]);
    assert!(certificate.sans().iter().all(|san| matches!(san, San::Opaque(_))));
    for host in [
        "my_host.example.test",
        "MY_HOST.example.test.",
        "r3---sn-apo3.video.example",
        "xn--a.example",
        "web.under_score.test",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::ffff:192.0.2.1",
    ] {
        assert_eq!(is_for_host(&certificate, host), Some(true), "{host}");
    }
    for host in [
        "under_score.test",
        "a.b.under_score.test",
        "192.0.2.1",
        "a.b.test",
        "224.0.0.2",
    ] {
        assert_eq!(is_for_host(&certificate, host), Some(false), "{host}");
    }
    for host in [
        "bad name.test",
        "*.*.test",
        "*.under_score.test",
        "host.123",
        "host.0x7f",
        "123",
        "a..test",
        "",
        ".",
    ] {
        assert_eq!(is_for_host(&certificate, host), None, "{host}");
    }
}

#[test]
fn a_wildcard_below_a_single_label_matches_nothing() {
    let entries = [tlv(0x82, &[b"*.com"]), tlv(0x82, &[b"*.a.test"])];
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let party = Party::new("CN=leaf");
    let san = Extension::other(oids::SUBJECT_ALT_NAME, false, tlv(0x30, &entries));
    let certificate = party.by(&party, vec![san]);
    assert_eq!(is_for_host(&certificate, "example.com"), Some(false));
    assert_eq!(is_for_host(&certificate, "com"), Some(false));
    assert_eq!(is_for_host(&certificate, "b.a.test"), Some(true));
}
