//! What the issuing path allows: path lengths, purposes, name constraints, pointers.

use rules::profile::Kind;
use rules::{Issuer, Profile, PublicationUrls, approve, field};
use time::Duration;
use x509::{NameConstraints, SignatureAlgorithm};

use crate::world::{Ca, NOW, constraints, p256, p384, profile, publication_urls, request, serial};

const ECDSA: SignatureAlgorithm = SignatureAlgorithm::EcdsaSha256;

fn sub_ca(path_len: Option<u8>) -> Profile {
    Profile {
        certificate: Kind::SubCa { path_len },
        ..profile("sub-ca")
    }
}

#[test]
fn a_path_length_is_used_up_downwards() {
    let none = NameConstraints::default;
    let root = Ca::root();
    let top = root.sub("CN=Top", Some(1), none()).unwrap();
    let bottom = top.sub("CN=Bottom", None, none()).unwrap();
    assert_eq!(bottom.certificate.path_len(), Some(0), "as much as is left");
    let refused = bottom
        .approve(&sub_ca(Some(0)), request("CN=Too Deep", &[], p256()))
        .unwrap_err();
    assert_eq!(refused.field, field::PROFILE);
    assert!(refused.detail.contains("used up"), "{refused}");
    let refused = top
        .approve(&sub_ca(Some(1)), request("CN=Too Long", &[], p256()))
        .unwrap_err();
    assert!(refused.detail.contains("at most 0"), "{refused}");
}

#[test]
fn ancestors_bind_too() {
    let root = Ca::root();
    let top = root
        .sub("CN=Top", Some(1), constraints(&["dns:example.test"], &[]))
        .unwrap();
    // Built around the check, as a foreign tool would.
    let bottom = top.sub("CN=Bottom", None, NameConstraints::default()).unwrap();
    let chain = [top.certificate.clone(), root.certificate.clone()];
    let issuer = bottom.issuer().with_ancestors(&chain).unwrap();
    let ask = |name: &str| {
        approve(
            &profile("tls-server"),
            request("", &[name], p256()),
            &issuer,
            serial(),
            NOW,
        )
    };
    ask("dns:www.example.test").unwrap();
    let refused = ask("dns:www.example.org").unwrap_err();
    assert_eq!(refused.field, field::SAN);
    assert!(refused.detail.contains("www.example.org"), "{refused}");
    assert!(
        bottom
            .approve(
                &profile("tls-server"),
                request("", &["dns:www.example.org"], p256())
            )
            .is_ok(),
        "unknown without its ancestors"
    );

    let stranger = bottom
        .issuer()
        .with_ancestors(std::slice::from_ref(&root.certificate))
        .unwrap_err();
    assert_eq!(stranger.field, field::CA);
    let backwards = top.issuer().with_ancestors(&[bottom.certificate]).unwrap_err();
    assert_eq!(backwards.field, field::CA);
}

#[test]
fn names_stay_within_the_constraints() {
    let ca = Ca::root()
        .sub(
            "CN=Narrow",
            Some(0),
            constraints(
                &["dns:example.test", "ip:10.0.0.0/8", "email:example.test"],
                &["dns:secret.example.test"],
            ),
        )
        .unwrap();
    let ask = |profile_name: &str, subject: &str, names: &[&str]| {
        ca.approve(&profile(profile_name), request(subject, names, p256()))
            .map(|_| ())
            .map_err(|denied| denied.field)
    };
    assert_eq!(
        ask("tls-server", "", &["dns:a.example.test", "ip:10.1.2.3"]),
        Ok(())
    );
    assert_eq!(ask("tls-server", "", &["dns:a.example.org"]), Err(field::SAN));
    assert_eq!(
        ask("tls-server", "", &["dns:a.example.test", "ip:192.0.2.1"]),
        Err(field::SAN)
    );
    assert_eq!(
        ask("tls-server", "", &["dns:secret.example.test"]),
        Err(field::SAN)
    );
    assert_eq!(
        ask("tls-server", "", &["dns:*.example.test"]),
        Err(field::SAN),
        "matches the excluded name"
    );
    assert_eq!(ask("email", "CN=Alice", &["email:alice@example.test"]), Ok(()));
    assert_eq!(
        ask("email", "CN=Alice", &["email:alice@example.org"]),
        Err(field::SAN)
    );
    assert_eq!(
        ask("code-signing", "CN=code.example.org", &[]),
        Err(field::SUBJECT),
        "a common name that clients may believe"
    );
}

#[test]
fn purposes_stay_within_those_of_the_ca() {
    let root = Ca::root();
    let key = crate::world::Key::new();
    let asked = request("CN=Services", &[], key.public.clone());
    let certificate = root.issue(&profile("services-ca"), asked);
    let ca = Ca { key, certificate };
    let refused = ca
        .approve(&profile("code-signing"), request("CN=x", &[], p256()))
        .unwrap_err();
    assert_eq!(refused.field, field::PROFILE);
    assert!(refused.detail.contains("code-signing"), "{refused}");
    ca.approve(
        &profile("service-identity"),
        request("", &["uri:spiffe://a.test/b"], p256()),
    )
    .unwrap();
    ca.approve(&profile("ocsp-signer"), request("CN=OCSP", &[], p256()))
        .unwrap();
}

#[test]
fn roots_are_self_signed_and_nothing_else_is() {
    let ca = Ca::root();
    let refused = ca
        .approve(&profile("root"), request("CN=Root 2", &[], p256()))
        .unwrap_err();
    assert_eq!(refused.field, field::PROFILE);
    let key = p256();
    let itself = Issuer::self_signed(key.clone(), ECDSA).unwrap();
    let refused = approve(
        &profile("tls-server"),
        request("", &["dns:a.test"], key),
        &itself,
        serial(),
        NOW,
    )
    .unwrap_err();
    assert_eq!(refused.field, field::PROFILE);
    let refused = approve(
        &profile("root"),
        request("CN=R", &[], p256()),
        &itself,
        serial(),
        NOW,
    )
    .unwrap_err();
    assert_eq!(refused.field, field::PUBLIC_KEY, "a root certifies its own key");
}

#[test]
fn an_issuer_is_a_ca_whose_key_fits_its_algorithm() {
    let ca = Ca::issuing();
    let leaf = ca.issue(
        &profile("tls-server"),
        request("CN=a.test", &["dns:a.test"], p256()),
    );
    let no_ca = Issuer::from_certificate(leaf, publication_urls(), ECDSA).unwrap_err();
    assert_eq!(no_ca.field, field::CA);
    assert!(no_ca.detail.contains("not a CA"), "{no_ca}");
    let misfit = Issuer::from_certificate(
        ca.certificate,
        publication_urls(),
        SignatureAlgorithm::EcdsaSha384,
    )
    .unwrap_err();
    assert!(misfit.detail.contains("ecdsa-sha384"), "{misfit}");
    assert!(Issuer::self_signed(p384(), ECDSA).is_err());
}

#[test]
fn pointers_are_plain_addresses_and_complete() {
    let ca = Ca::issuing();
    for (crl, complaint) in [
        ("https://a.test/crl", "http:// or ldap://"),
        ("http://", "http://"),
        ("http://a b/", "not a URI"),
    ] {
        let urls = PublicationUrls {
            crl: vec![crl.into()],
            ..publication_urls()
        };
        let refused = Issuer::from_certificate(ca.certificate.clone(), urls, ECDSA).unwrap_err();
        assert!(refused.detail.contains(complaint), "{refused}");
    }
    let whole = Issuer::from_certificate(ca.certificate.clone(), publication_urls(), ECDSA).unwrap();
    let refused = whole
        .clone()
        .with_crl(vec!["https://a.test/1.crl".into()])
        .unwrap_err();
    assert!(refused.detail.contains("http://"), "{refused}");
    let shard = whole.with_crl(vec!["http://a.test/1.crl".into()]).unwrap();
    let others = PublicationUrls {
        crl: vec!["http://a.test/1.crl".into()],
        ..publication_urls()
    };
    assert_eq!(*shard.publication_urls(), others);
    let half = PublicationUrls {
        ocsp: Vec::new(),
        ..publication_urls()
    };
    let issuer = Issuer::from_certificate(ca.certificate, half, ECDSA).unwrap();
    let asked = || request("", &["dns:a.test"], p256());
    let refused = approve(&profile("tls-server"), asked(), &issuer, serial(), NOW).unwrap_err();
    assert_eq!(refused.field, field::CA);
    approve(&profile("short-lived"), asked(), &issuer, serial(), NOW).unwrap();
}

#[test]
fn an_expired_ca_certifies_nothing() {
    let ca = Ca::issuing();
    for moment in [NOW + Duration::days(3650), NOW - Duration::days(1)] {
        let refused = approve(
            &profile("tls-server"),
            request("", &["dns:a.test"], p256()),
            &ca.issuer(),
            serial(),
            moment,
        )
        .unwrap_err();
        assert_eq!(refused.field, field::CA);
        assert!(refused.detail.contains("clock"), "{refused}");
    }
}
