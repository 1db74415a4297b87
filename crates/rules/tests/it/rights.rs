//! What the right to a profile does not include: authorities, reserved names, names outside a credential's limits.

use std::sync::Arc;

use rules::{
    Denied, Grant, NameLimits, Profile, Request, ReservedNames, Revocation, approve, builtin, field,
};
use x509::extension::KeyUsageFlags;
use x509::{Eku, San};

use crate::world::{Ca, NOW, p256, profile, sans, serial, subject};

/// What an ordinary caller asks for, on a CA of the trust domain `gigvault.internal` whose API is pki.example.test.
fn ask(profile: &Profile, name: &str, names: &[&str], grant: Grant) -> Result<(), Denied> {
    let hosts: Vec<San> = sans(&["dns:pki.example.test", "dns:localhost", "ip:127.0.0.1"]);
    let ca = if profile.certificate.is_ca() {
        Ca::root()
    } else {
        Ca::issuing()
    };
    let issuer = ca
        .issuer()
        .with_reserved_names(Arc::new(ReservedNames::new("gigvault.internal", &hosts)));
    let request = Request::new(subject(name), sans(names), p256()).granted(grant);
    approve(profile, request, &issuer, serial(), NOW).map(drop)
}

fn ordinary(name: &str, subject: &str, names: &[&str]) -> Result<(), Denied> {
    ask(&profile(name), subject, names, Grant::default())
}

#[test]
fn an_authority_is_told_by_what_its_certificate_says() {
    let harmless = |name: &str| Profile {
        name: name.into(),
        ..profile("code-signing")
    };
    let crl = Profile {
        key_usage: KeyUsageFlags::DIGITAL_SIGNATURE | KeyUsageFlags::CRL_SIGN,
        ..harmless("crl")
    };
    let ocsp = Profile {
        extended_key_usage: vec![Eku::OcspSigning],
        revocation: Revocation::Nocheck,
        ..harmless("harmless")
    };
    let sub_ca = Profile {
        name: "printer".into(),
        ..profile("sub-ca")
    };
    for profile in [profile("sub-ca"), profile("ocsp-signer"), crl, ocsp, sub_ca] {
        let refused = ask(&profile, "CN=Example", &[], Grant::default()).unwrap_err();
        assert_eq!(refused.field, field::PROFILE);
        assert!(
            refused.detail.contains("authority-certificates:issue"),
            "{refused}"
        );
        ask(&profile, "CN=Example", &[], Grant::default().with_authority()).unwrap();
    }
    let authorities: Vec<String> = builtin()
        .into_iter()
        .filter(Profile::is_authority)
        .map(|profile| profile.name)
        .collect();
    assert_eq!(authorities, ["ocsp-signer", "sub-ca", "services-ca", "root"]);
}

#[test]
fn profiles_of_the_services_are_for_the_services() {
    let redefined = Profile {
        name: "service-identity".into(),
        ..profile("tls-server")
    };
    let everything = Grant::default().with_authority().with_reserved_hosts();
    for (profile, subject, names) in [
        (
            profile("service-identity"),
            "",
            &["uri:spiffe://other.test/svc/a"][..],
        ),
        (profile("services-ca"), "CN=Mine", &[]),
        (redefined, "", &["dns:a.test"]),
    ] {
        let refused = ask(&profile, subject, names, everything.clone()).unwrap_err();
        assert!(refused.detail.contains("own services"), "{refused}");
        ask(&profile, subject, names, Grant::service().with_authority()).unwrap();
    }
}

#[test]
fn the_trust_domain_is_refused_in_every_field_and_spelling() {
    let wide = Profile {
        san: rules::profile::SanRule {
            uri_schemes: vec!["spiffe".into(), "https".into(), "urn".into()],
            ..rules::profile::SanRule::allowing(&[
                x509::san::SanKind::Dns,
                x509::san::SanKind::Uri,
                x509::san::SanKind::Upn,
                x509::san::SanKind::OtherName,
                x509::san::SanKind::DirName,
            ])
        },
        ..profile("device")
    };
    let der = "0c22".to_owned()
        + &"spiffe://gigvault.internal/svc/api"
            .bytes()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>();
    let other = format!("othername:1.3.6.1.4.1.99999.1={der}");
    for name in [
        "uri:spiffe://gigvault.internal/svc/api",
        "uri:spiffe://gigvault.internal/x",
        "uri:SPIFFE://GIGVAULT.INTERNAL/svc/api",
        "uri:spiffe://gigvault.internal./svc/api",
        "uri:spiffe://gigvault%2einternal/svc/api",
        "uri:spiffe:/gigvault.internal/svc/api",
        "uri:urn:xy:spiffe://gigvault.internal/svc/api",
        "dirname:CN=spiffe://gigvault.internal/svc/api",
        &other,
    ] {
        let Ok(_) = name.parse::<San>() else { continue };
        for grant in [
            Grant::default(),
            Grant::default().with_authority().with_reserved_hosts(),
        ] {
            let refused = ask(&wide, "CN=thing", &[name], grant).unwrap_err();
            assert_eq!(refused.field, field::SAN, "{name}: {refused}");
        }
    }
    for value in [
        "O=spiffe://gigvault.internal/svc/api",
        "UID=SPIFFE://gigvault.internal/a",
        "OU=x spiffe:gigvault.internal",
    ] {
        let refused = ask(&wide, value, &["dns:a.test"], Grant::default()).unwrap_err();
        assert_eq!(refused.field, field::SUBJECT, "{value}: {refused}");
    }
    ask(
        &wide,
        "CN=thing",
        &["uri:spiffe://other.test/svc/api"],
        Grant::default(),
    )
    .unwrap();
}

#[test]
fn development_profiles_name_no_account_of_somebody_elses_system() {
    for profile in builtin().into_iter().filter(|profile| profile.development) {
        for name in [
            "upn:administrator@corp.example",
            "uri:spiffe://other.test/svc/api",
            "uri:spiffe://gigvault.internal/svc/api",
            SID,
            "uri:mailto:ceo@bank.example",
            "uri:sip:ceo@bank.example",
            "uri:acct:ceo@bank.example",
            "uri:ldap://dc.bank.example/CN=ceo",
            "othername:1.3.6.1.4.1.311.25.2.1=040131",
        ] {
            let refused = ask(&profile, "", &["dns:a.test", name], Grant::default()).unwrap_err();
            assert_eq!(refused.field, field::SAN, "{} {name}: {refused}", profile.name);
        }
        for value in [
            "O=system:masters",
            "OU=System:Masters",
            "O=\\ system:masters",
            "O=ｓystem:masters",
            "O=system：masters",
            "O=ſystem:masters",
            "O=kubeadm:cluster-admins",
            "OU=KUBEADM:x",
            "O=system:masters+OU=x",
            "O=Example,O=system:masters",
        ] {
            let refused = ask(&profile, value, &["dns:a.test"], Grant::default()).unwrap_err();
            assert_eq!(
                refused.field,
                field::SUBJECT,
                "{} {value}: {refused}",
                profile.name
            );
        }
        for local in ["dns:localhost", "ip:127.0.0.1", "ip:::1"] {
            ask(&profile, "", &[local], Grant::default()).unwrap();
        }
    }
    let refused = ordinary("tls-client", "CN=system:admin", &[]).unwrap_err();
    assert!(refused.detail.contains("system:"), "{refused}");
}

/// How Windows takes the identifier of an account from a certificate.
const SID: &str = "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500";

#[test]
fn only_a_profile_of_principal_names_names_windows_accounts() {
    let spelled = [
        SID,
        "uri:TAG:Microsoft.com,2022-09-14:SID:S-1-5-21-1-2-3-500",
        "uri:tag:microsoft.com,2022-09-14%3asid%3aS-1-5-21-1-2-3-500",
    ];
    for profile in builtin()
        .iter()
        .filter(|profile| !["user-logon", "service-identity", "services-ca"].contains(&&*profile.name))
    {
        for name in spelled.iter().chain(&["othername:1.3.6.1.4.1.311.25.2.1=040131"]) {
            let grant = Grant::default().with_authority();
            let asked = if profile.certificate == rules::profile::Kind::Root {
                continue;
            } else {
                ask(profile, "CN=thing", &[name], grant)
            };
            let refused = asked.unwrap_err();
            assert_eq!(refused.field, field::SAN, "{} {name}: {refused}", profile.name);
        }
    }
    for name in spelled {
        ordinary("user-logon", "CN=Ada", &["upn:ada@corp.example", name]).unwrap();
    }
    for phone in ["uri:sip:17@example.test", "uri:urn:example:17"] {
        ordinary("device", "CN=phone", &[phone]).unwrap();
    }
}

#[test]
fn a_profile_can_allow_what_the_built_in_ones_deny() {
    let kubelet = Profile {
        subject: rules::profile::SubjectRule {
            denied_prefixes: Vec::new(),
            ..profile("tls-client").subject
        },
        ..profile("tls-client")
    };
    ask(&kubelet, "CN=system:node:a,O=system:nodes", &[], Grant::default()).unwrap();
    let blank = Profile {
        subject: rules::profile::SubjectRule {
            denied_prefixes: vec![" ".into()],
            ..kubelet.subject
        },
        ..profile("tls-client")
    };
    assert!(blank.validate().is_err());
    ordinary("user-logon", "CN=Ada", &["upn:ada@corp.example"]).unwrap();
    ordinary("workload", "", &["uri:spiffe://other.test/ns/a"]).unwrap();
}

#[test]
fn hosts_of_the_api_take_a_right_of_their_own() {
    for names in [
        &["dns:pki.example.test"][..],
        &["dns:PKI.example.test"],
        &["dns:*.example.test"],
    ] {
        let refused = ordinary("tls-server", "", names).unwrap_err();
        assert!(refused.detail.contains("reserved-names:issue"), "{refused}");
        ask(
            &profile("tls-server"),
            "",
            names,
            Grant::default().with_reserved_hosts(),
        )
        .unwrap();
    }
    ordinary("tls-server", "CN=localhost", &["dns:localhost", "ip:127.0.0.1"]).unwrap();
}

#[test]
fn limits_of_a_credential_hold_for_every_name() {
    let limits = NameLimits::parse(&["dns:*.dev.example.test"]).unwrap();
    let limited = |subject: &str, names: &[&str]| {
        ask(
            &profile("tls-server"),
            subject,
            names,
            Grant::default().within(limits.clone()),
        )
    };
    limited("CN=a.dev.example.test", &["dns:a.dev.example.test"]).unwrap();
    assert_eq!(
        limited("", &["dns:a.dev.example.test", "dns:b.test"])
            .unwrap_err()
            .field,
        field::SAN
    );
    assert_eq!(
        limited("O=Example", &["dns:a.dev.example.test"])
            .unwrap_err()
            .field,
        field::SUBJECT
    );
}

#[test]
fn limits_of_a_profile_hold_whoever_asks() {
    let mut limited = profile("tls-server");
    limited.allowed_names = NameLimits::parse(&["dns:*.dev.example.test"]).unwrap();
    ask(&limited, "", &["dns:a.dev.example.test"], Grant::default()).unwrap();
    for grant in [
        Grant::default(),
        Grant::default().with_reserved_hosts(),
        Grant::default().within(NameLimits::parse(&["dns:*.test"]).unwrap()),
    ] {
        let refused = ask(&limited, "", &["dns:b.test"], grant).unwrap_err();
        assert_eq!(refused.field, field::SAN);
        assert!(
            refused
                .to_string()
                .contains("profile tls-server is limited to dns:*.dev.example.test"),
            "{refused}"
        );
    }
    // What the profile lets pass, the credential may still not have.
    let narrow = Grant::default().within(NameLimits::parse(&["dns:b.dev.example.test"]).unwrap());
    assert!(ask(&limited, "", &["dns:a.dev.example.test"], narrow).is_err());
}

#[test]
fn limits_of_a_profile_come_from_configuration() {
    let mut written = serde_json::to_value(profile("tls-server")).unwrap();
    assert_eq!(written["allowed_names"], serde_json::json!([]));
    written["allowed_names"] = serde_json::json!(["dns:*.Dev.example.test", "ip:10.0.0.0/8"]);
    let read: Profile = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(
        read.allowed_names.patterns(),
        ["dns:*.dev.example.test", "ip:10.0.0.0/8"]
    );
    written["allowed_names"] = serde_json::json!(["*.example.test"]);
    assert!(serde_json::from_value::<Profile>(written).is_err());
}
