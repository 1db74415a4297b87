//! Whatever is asked for, what comes out keeps the rules.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rules::profile::CommonName;
use rules::{Kind, Request, Revocation, approve, builtin};
use x509::extension::oids;
use x509::{Certificate, San};

use crate::world::{Ca, NOW, constraints, p256, request, serial};

const NAMES: [&str; 16] = [
    "dns:a.example.test",
    "dns:*.example.test",
    "dns:secret.example.test",
    "dns:a.example.org",
    "dns:localhost",
    "ip:10.0.0.1",
    "ip:192.0.2.1",
    "ip:::1",
    "email:alice@example.test",
    "email:älice@example.test",
    "email:bob@example.org",
    "uri:spiffe://example.test/svc/ca",
    "uri:https://example.test/",
    "dirname:CN=a",
    "upn:alice@example.test",
    "rid:1.2.3",
];

const SUBJECTS: [&str; 10] = [
    "",
    "CN=a.example.test",
    "CN=A.EXAMPLE.TEST,O=Example",
    "CN=Alice Adams,O=Example,C=DE",
    "CN=alice@example.test",
    "CN=10.0.0.1",
    "O=Example",
    "CN=a.example.org",
    "CN=a.example.test,emailAddress=alice@example.test",
    "CN=x+serialNumber=1,DC=example,DC=test",
];

fn any_request() -> impl Strategy<Value = (usize, &'static str, Vec<&'static str>)> {
    (
        0..builtin().len(),
        select(&SUBJECTS[..]),
        subsequence(NAMES.to_vec(), 0..5),
    )
}

/// The rules that hold for every certificate, restated without looking at the code that enforces them.
fn check(
    certificate: &Certificate,
    asked: &Request,
    profile: &rules::Profile,
    ca: &Certificate,
) -> Result<(), TestCaseError> {
    let sans = certificate.sans();
    let mailboxes = certificate.subject().values_of(x509::name::oids::EMAIL_ADDRESS);
    prop_assert!(
        sans.iter()
            .all(|san| asked.sans.contains(san) || mailboxes.iter().any(|address| san.value() == *address)),
        "no name appears that was not asked for, there or as an emailAddress"
    );
    prop_assert!(
        asked.sans.iter().all(|san| sans.contains(san)),
        "and none is dropped"
    );
    prop_assert!(sans.iter().all(|san| profile.san.allowed.contains(&san.kind())));
    prop_assert!(!certificate.subject().is_empty() || !sans.is_empty());
    prop_assert_eq!(certificate.is_ca(), profile.certificate.is_ca());
    if profile.subject.common_name == CommonName::RepeatsSan {
        for name in certificate.subject().common_names() {
            prop_assert!(
                sans.iter().any(|san| san.value() == name),
                "{name} is among {sans:?}"
            );
        }
    }
    for address in certificate.subject().values_of(x509::name::oids::EMAIL_ADDRESS) {
        prop_assert!(
            sans.iter()
                .any(|san| matches!(san, San::Email(email) if email.as_str() == address))
        );
    }
    if let Some(constraints) = ca.name_constraints() {
        prop_assert_eq!(constraints.permits(certificate.subject(), sans), Ok(()));
    }
    prop_assert!(certificate.validity().is_within(&ca.validity()));
    let has = |oid| certificate.extension(oid).is_some();
    if profile.certificate == Kind::EndEntity {
        prop_assert_eq!(
            has(oids::CRL_DISTRIBUTION_POINTS),
            profile.revocation == Revocation::Published
        );
        prop_assert_eq!(
            has(oids::NO_REV_AVAIL),
            profile.revocation == Revocation::NotAvailable
        );
    }
    prop_assert_eq!(certificate.issuer().der(), ca.subject().der());
    prop_assert!(certificate.verify_signed_by(ca).is_ok());
    Ok(())
}

proptest! {
    #[test]
    fn what_is_approved_keeps_the_rules((at, subject, names) in any_request(), narrow in any::<bool>()) {
        thread_local!(static CAS: (Ca, Ca) = {
            let root = Ca::root();
            let narrow = constraints(&["dns:example.test", "ip:10.0.0.0/8", "email:example.test"], &["dns:secret.example.test"]);
            let narrow = root.sub("CN=Narrow CA,O=Example", Some(1), narrow).unwrap();
            (root, narrow)
        });
        CAS.with(|(root, constrained)| {
            let ca = if narrow { constrained } else { root };
            let profile = &builtin()[at];
            let asked = request(subject, &names, p256());
            match approve(profile, asked.clone(), &ca.issuer(), serial(), NOW) {
                Ok(approved) => check(&ca.key.certify(&approved), &asked, profile, &ca.certificate),
                Err(denied) => {
                    prop_assert!(!denied.detail.is_empty());
                    Ok(())
                }
            }
        })?;
    }
}
