//! What each built-in profile certifies.

use rules::duration::days;
use rules::{Profile, approve, builtin};
use time::Duration;
use x509::extension::{DistributionPoint, oids};
use x509::{Certificate, Eku, ExtensionValue, KeyUsageFlags, NameConstraints};

use crate::world::{Ca, NOW, SECOND, ed25519, p256, profile, publication_urls, request, rsa2048, serial};

/// A request that the profile takes.
pub(crate) const GOOD: [(&str, &str, &[&str]); 14] = [
    (
        "tls-server",
        "CN=web.example.test",
        &["dns:web.example.test", "ip:192.0.2.1"],
    ),
    (
        "tls-client",
        "CN=Alice Adams,UID=alice",
        &["email:alice@example.test"],
    ),
    ("mtls", "CN=web.example.test,O=Example", &["dns:web.example.test"]),
    ("short-lived", "", &["dns:web.example.test"]),
    ("user-logon", "CN=Alice Adams", &["upn:alice@example.test"]),
    ("workload", "", &["uri:spiffe://example.test/ns/a/sa/b"]),
    (
        "service-identity",
        "",
        &["uri:spiffe://example.test/svc/ca", "dns:ca.example.test"],
    ),
    ("code-signing", "CN=Example Ltd.,O=Example Ltd.", &[]),
    ("email", "CN=Alice Adams", &["email:alice@example.test"]),
    ("device", "CN=sensor-17,serialNumber=0017", &[]),
    (
        "opc-ua",
        "CN=Plant Server,O=Example",
        &["uri:urn:plc.example.test:server", "dns:plc.example.test"],
    ),
    ("ocsp-signer", "CN=Test CA OCSP", &[]),
    ("sub-ca", "CN=Sub CA,O=Example", &[]),
    ("services-ca", "CN=Services CA,O=Example", &[]),
];

fn good(name: &str) -> (Profile, &'static str, &'static [&'static str]) {
    let (_, subject, names) = GOOD.into_iter().find(|(known, ..)| *known == name).unwrap();
    (profile(name), subject, names)
}

fn certificate(name: &str) -> Certificate {
    let (profile, subject, names) = good(name);
    let ca = if profile.certificate.is_ca() {
        Ca::root()
    } else {
        Ca::issuing()
    };
    ca.issue(&profile, request(subject, names, p256()))
}

#[test]
fn every_profile_is_valid_and_certifies_something() {
    for profile in builtin() {
        profile.validate().unwrap();
        assert!(
            !profile.description.is_empty(),
            "{} has no description",
            profile.name
        );
        if profile.name != "root" {
            certificate(&profile.name);
        }
    }
    assert_eq!(
        builtin().len(),
        GOOD.len() + 1,
        "every profile but root has a good request here"
    );
}

#[test]
fn default_lifetimes_are_exact_to_the_second() {
    for (name, ..) in GOOD {
        let certificate = certificate(name);
        let life = Duration::try_from(profile(name).default_validity).unwrap();
        let Some(not_before) = SECOND.checked_sub(Duration::HOUR) else {
            unreachable!()
        };
        if !profile(name).certificate.is_ca() {
            assert_eq!(certificate.not_before(), not_before, "{name} starts an hour back");
        }
        assert_eq!(
            certificate.validity().duration(),
            life,
            "{name}, last second included"
        );
    }
}

#[test]
fn usages_and_purposes_are_those_of_the_profile() {
    let signature = KeyUsageFlags::DIGITAL_SIGNATURE;
    let authority = KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN;
    let expected: [(&str, KeyUsageFlags, &[Eku]); 14] = [
        ("tls-server", signature, &[Eku::ServerAuth]),
        ("tls-client", signature, &[Eku::ClientAuth]),
        ("mtls", signature, &[Eku::ServerAuth, Eku::ClientAuth]),
        ("short-lived", signature, &[Eku::ServerAuth, Eku::ClientAuth]),
        ("user-logon", signature, &[Eku::ClientAuth]),
        ("workload", signature, &[Eku::ServerAuth, Eku::ClientAuth]),
        ("service-identity", signature, &[Eku::ServerAuth, Eku::ClientAuth]),
        ("code-signing", signature, &[Eku::CodeSigning]),
        (
            "email",
            signature | KeyUsageFlags::KEY_AGREEMENT,
            &[Eku::EmailProtection],
        ),
        ("device", signature, &[Eku::ClientAuth]),
        (
            "opc-ua",
            signature | KeyUsageFlags::NON_REPUDIATION,
            &[Eku::ServerAuth, Eku::ClientAuth],
        ),
        ("ocsp-signer", signature, &[Eku::OcspSigning]),
        ("sub-ca", authority, &[]),
        ("services-ca", authority, &[Eku::ServerAuth, Eku::ClientAuth]),
    ];
    for (name, usage, purposes) in expected {
        let certificate = certificate(name);
        assert_eq!(certificate.key_usage(), Some(usage), "{name}");
        assert_eq!(certificate.eku().unwrap_or_default(), purposes, "{name}");
        assert_eq!(certificate.is_ca(), name.ends_with("-ca"), "{name}");
    }
}

#[test]
fn key_encipherment_is_for_rsa_and_key_agreement_for_curves() {
    let ca = Ca::issuing();
    let usage = |name: &str, key| {
        let (profile, subject, names) = good(name);
        ca.issue(&profile, request(subject, names, key))
            .key_usage()
            .unwrap()
    };
    let signature = KeyUsageFlags::DIGITAL_SIGNATURE;
    assert_eq!(
        usage("tls-server", rsa2048()),
        signature | KeyUsageFlags::KEY_ENCIPHERMENT
    );
    assert_eq!(
        usage("email", rsa2048()),
        signature | KeyUsageFlags::KEY_ENCIPHERMENT
    );
    assert_eq!(usage("email", ed25519()), signature);
    assert_eq!(usage("tls-client", rsa2048()), signature);
}

#[test]
fn revocation_pointers_are_both_there_or_their_absence_is_explained() {
    for (name, ..) in GOOD {
        let certificate = certificate(name);
        let value = |oid| {
            certificate
                .extension(oid)
                .map(|extension| extension.value().unwrap())
        };
        let crl = value(oids::CRL_DISTRIBUTION_POINTS);
        let access = value(oids::AUTHORITY_INFO_ACCESS);
        let silent = matches!(name, "short-lived" | "ocsp-signer");
        let ocsp = if silent {
            Vec::new()
        } else {
            publication_urls().ocsp
        };
        assert_eq!(
            access,
            Some(ExtensionValue::AuthorityInformationAccess {
                ocsp,
                ca_issuers: publication_urls().ca_issuers,
                has_other_ocsp: false,
            }),
            "{name}"
        );
        assert_eq!(
            crl,
            (!silent).then(|| {
                let mut point = DistributionPoint::default();
                point.names.uris = publication_urls().crl;
                ExtensionValue::CrlDistributionPoints(vec![point])
            }),
            "{name}"
        );
        assert_eq!(
            value(oids::NO_REV_AVAIL).is_some(),
            name == "short-lived",
            "{name}"
        );
        assert_eq!(
            value(oids::OCSP_NO_CHECK).is_some(),
            name == "ocsp-signer",
            "{name}"
        );
    }
}

#[test]
fn alternative_names_are_critical_exactly_without_a_subject() {
    for (name, subject, names) in GOOD {
        let critical = certificate(name)
            .extension(oids::SUBJECT_ALT_NAME)
            .map(x509::Extension::critical);
        assert_eq!(
            critical,
            (!names.is_empty()).then_some(subject.is_empty()),
            "{name}"
        );
    }
}

#[test]
fn issuer_name_and_key_identifier_are_the_octets_of_the_issuer() {
    let ca = Ca::issuing();
    let (profile, subject, names) = good("tls-server");
    let certificate = ca.issue(&profile, request(subject, names, p256()));
    assert_eq!(certificate.issuer().der(), ca.certificate.subject().der());
    assert_eq!(
        certificate.authority_key_identifier(),
        ca.certificate.subject_key_identifier()
    );
    certificate.verify_signed_by(&ca.certificate).unwrap();
}

#[test]
fn a_root_certifies_itself_without_pointers() {
    let root = Ca::root().certificate;
    root.verify_signed_by(&root).unwrap();
    assert_eq!(root.issuer(), root.subject());
    assert_eq!(root.path_len(), None);
    assert_eq!(root.eku(), None);
    assert_eq!(
        root.validity().duration(),
        Duration::try_from(days(7305)).unwrap()
    );
    for oid in [
        oids::CRL_DISTRIBUTION_POINTS,
        oids::AUTHORITY_INFO_ACCESS,
        oids::NO_REV_AVAIL,
    ] {
        assert!(root.extension(oid).is_none(), "{oid}");
    }
}

#[test]
fn policies_and_must_staple_come_from_the_profile() {
    let profile = Profile {
        policies: vec![oids::OCSP],
        must_staple: true,
        ..profile("tls-server")
    };
    let certificate = Ca::issuing().issue(&profile, request("", &["dns:a.test"], p256()));
    let value = |oid| certificate.extension(oid).unwrap().value().unwrap();
    assert_eq!(
        value(oids::CERTIFICATE_POLICIES),
        ExtensionValue::CertificatePolicies(vec![oids::OCSP])
    );
    assert_eq!(value(oids::TLS_FEATURE), ExtensionValue::TlsFeature(vec![5]));
}

#[test]
fn what_was_approved_is_what_the_octets_say() {
    let ca = Ca::issuing();
    let (profile, subject, _) = good("tls-server");
    let key = p256();
    let twice = ["dns:web.example.test", "ip:192.0.2.1", "dns:WEB.example.test"];
    let serial = serial();
    let approved = approve(
        &profile,
        request(subject, &twice, key.clone()),
        &ca.issuer(),
        serial,
        NOW,
    )
    .unwrap();
    let certificate = ca.key.certify(&approved);
    assert_eq!(*certificate.serial(), serial);
    assert_eq!(approved.serial(), serial);
    assert_eq!(certificate.subject(), approved.subject());
    assert_eq!(certificate.sans(), approved.sans());
    assert_eq!(approved.sans().len(), 2, "each name once");
    assert_eq!(certificate.validity(), approved.validity());
    assert_eq!(certificate.public_key().unwrap(), &key);
    assert_eq!(approved.public_key(), &key);
    assert_eq!(approved.profile(), "tls-server");
    assert_eq!(approved.issuer_key(), &ca.key.public);
    assert_eq!(
        certificate.signature_algorithm().unwrap(),
        approved.signature_algorithm()
    );
}

#[test]
fn a_common_name_is_spelled_as_the_alternative_name() {
    let ca = Ca::issuing();
    for (asked, names, certified) in [
        (
            "CN=WEB.Example.Test",
            &["dns:web.example.test"][..],
            "CN=web.example.test",
        ),
        (
            "CN=bücher.example,O=Ex",
            &["dns:bücher.example"],
            "CN=xn--bcher-kva.example,O=Ex",
        ),
        ("CN=2001:DB8:0::1", &["ip:2001:db8::1"], "CN=2001:db8::1"),
        ("CN=*.example.test", &["dns:*.example.test"], "CN=*.example.test"),
    ] {
        let approved = ca
            .approve(&profile("tls-server"), request(asked, names, p256()))
            .unwrap();
        assert_eq!(approved.subject().to_string(), certified);
    }
}

#[test]
fn a_constrained_ca_carries_its_constraints() {
    let wanted = crate::world::constraints(
        &["dns:example.test", "ip:10.0.0.0/8"],
        &["dns:secret.example.test"],
    );
    let ca = Ca::root().sub("CN=Narrow CA", None, wanted.clone()).unwrap();
    assert_eq!(ca.certificate.name_constraints(), Some(&wanted));
    assert_eq!(ca.certificate.path_len(), None);
    let free = Ca::root()
        .sub("CN=Free CA", Some(3), NameConstraints::default())
        .unwrap();
    assert_eq!(free.certificate.path_len(), Some(3));
    assert_eq!(free.certificate.name_constraints(), None);
}
