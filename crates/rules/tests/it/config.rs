//! Profiles as configuration writes them.

use rules::profile::{CommonName, Profiles};
use rules::{Kind, Profile, ProfileError, Revocation, builtin};
use serde_json::{Value, json};

use crate::world::profile;

fn printer() -> Value {
    json!({
        "name": "printer",
        "subject": { "common_name": "names-repeat-san" },
        "san": { "allowed": ["dns", "ip"], "required": ["dns"] },
        "keys": ["p256", "rsa2048"],
        "default_validity": "180d",
        "max_validity": "397d",
        "key_usage": ["digital-signature", "key-encipherment"],
        "extended_key_usage": ["server-auth", "1.3.6.1.5.5.7.3.2"],
    })
}

fn with(changes: &[(&str, Value)]) -> Result<Profile, String> {
    let mut value = printer();
    let fields = value.as_object_mut().unwrap();
    fields.extend(
        changes
            .iter()
            .map(|(field, new)| ((*field).to_owned(), new.clone())),
    );
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn problem(changes: &[(&str, Value)]) -> ProfileError {
    with(changes).unwrap().validate().unwrap_err()
}

#[test]
fn every_built_in_profile_reads_back_as_written() {
    for profile in builtin() {
        let written = serde_json::to_string(&profile).unwrap();
        assert_eq!(
            serde_json::from_str::<Profile>(&written).unwrap(),
            profile,
            "{written}"
        );
    }
}

#[test]
fn a_configured_profile_gets_the_documented_defaults() {
    let profile = with(&[]).unwrap();
    profile.validate().unwrap();
    assert_eq!(profile.certificate, Kind::EndEntity);
    assert_eq!(profile.subject.common_name, CommonName::NamesRepeatSan);
    assert_eq!(
        profile.subject.attributes,
        crate::world::profile("tls-server").subject.attributes
    );
    assert_eq!(profile.san.max, 100);
    assert_eq!(profile.backdate, rules::duration::hours(1));
    assert_eq!(profile.revocation, Revocation::Published);
    assert_eq!(
        profile.extended_key_usage,
        [x509::Eku::ServerAuth, x509::Eku::ClientAuth]
    );
    assert!(!profile.development && !profile.must_staple && !profile.san.wildcards);
}

#[test]
fn unknown_fields_and_words_are_refused_by_name() {
    for (field, value, says) in [
        ("max_valdity", json!("1d"), "max_valdity"),
        ("san", json!({ "allowd": ["dns"] }), "allowd"),
        (
            "subject",
            json!({ "attributes": ["CN", "shoe size"] }),
            "shoe size",
        ),
        ("keys", json!(["p257"]), "p257"),
        ("max_validity", json!("a while"), "a while"),
        ("key_usage", json!(["sign"]), "sign"),
        ("extended_key_usage", json!(["server"]), "server"),
        ("policies", json!(["a.b"]), "a.b"),
        ("revocation", json!("sometimes"), "sometimes"),
        (
            "certificate",
            json!({ "sub-ca": { "path_length": 1 } }),
            "path_length",
        ),
        ("name_constraints", json!({ "permit": [] }), "permit"),
    ] {
        let refused = with(&[(field, value)]).unwrap_err();
        assert!(refused.contains(says), "{field}: {refused}");
    }
}

fn check_problems(cases: Vec<(Vec<(&str, Value)>, &str)>) {
    for (changes, says) in cases {
        let found = problem(&changes).to_string();
        assert!(
            found.contains(says) && found.contains("profile"),
            "{changes:?}: {found}"
        );
    }
}

#[test]
fn contradictions_in_names_keys_and_lifetimes_are_found() {
    let one = |field, value| vec![(field, value)];
    check_problems(vec![
        (one("name", json!("../etc")), "`name`"),
        (one("name", json!("")), "`name`"),
        (one("keys", json!([])), "`keys`"),
        (one("default_validity", json!("398d")), "`default_validity`"),
        (one("backdate", json!("49h")), "`backdate`"),
        (
            one("subject", json!({ "attributes": ["O"], "required": ["CN"] })),
            "CN",
        ),
        (
            vec![
                ("subject", json!({ "common_name": "free" })),
                ("development", json!(true)),
            ],
            "`subject.common_name`",
        ),
        (
            one("san", json!({ "allowed": ["dns"], "required": ["ip"] })),
            "ip",
        ),
        (one("san", json!({ "allowed": ["dns"], "max": 0 })), "`max`"),
        (one("san", json!({ "allowed": ["dns"], "max": 101 })), "`max`"),
        (
            one("san", json!({ "allowed": ["ip"], "wildcards": true })),
            "`wildcards`",
        ),
        (
            one("san", json!({ "allowed": ["dns"], "uri_schemes": ["spiffe"] })),
            "`uri_schemes`",
        ),
        (
            one("san", json!({ "allowed": ["uri"], "uri_schemes": ["SPIFFE"] })),
            "SPIFFE",
        ),
        (
            vec![
                (
                    "san",
                    json!({ "allowed": ["othername", "upn"], "required": ["upn"] }),
                ),
                ("allowed_names", json!(["dns:a.example.test"])),
            ],
            "`allowed_names` has no pattern for upn",
        ),
        (
            vec![
                (
                    "subject",
                    json!({ "attributes": ["CN", "O"], "required": ["CN", "O"] }),
                ),
                ("allowed_names", json!(["dns:a.example.test", "subject:OU=a"])),
            ],
            "`allowed_names` has no pattern for O",
        ),
    ]);
}

#[test]
fn contradictions_in_usages_and_revocation_are_found() {
    let one = |field, value| vec![(field, value)];
    check_problems(vec![
        (one("key_usage", json!(["key-cert-sign"])), "end entity"),
        (one("key_usage", json!(["key-encipherment"])), "digital-signature"),
        (one("key_usage", json!([])), "digital-signature"),
        (one("extended_key_usage", json!([])), "`extended_key_usage`"),
        (
            one("extended_key_usage", json!(["2.5.29.37.0"])),
            "anyExtendedKeyUsage",
        ),
        (
            one("extended_key_usage", json!(["ocsp-signing", "server-auth"])),
            "only purpose",
        ),
        (one("extended_key_usage", json!(["ocsp-signing"])), "nocheck"),
        (
            vec![
                ("extended_key_usage", json!(["client-auth"])),
                ("must_staple", json!(true)),
            ],
            "`must_staple`",
        ),
        (one("revocation", json!("nocheck")), "responders"),
        (one("revocation", json!("not-available")), "at most 7d"),
        (
            one("name_constraints", json!({ "permitted": ["dns:a.test"] })),
            "`name_constraints`",
        ),
    ]);
}

#[test]
fn contradictions_in_cas_are_found() {
    let ca = |field, value| {
        vec![
            ("certificate", json!({ "sub-ca": { "path_len": 0 } })),
            ("key_usage", json!(["key-cert-sign"])),
            ("extended_key_usage", json!([])),
            (field, value),
        ]
    };
    check_problems(vec![
        (ca("key_usage", json!(["digital-signature"])), "key-cert-sign"),
        (
            ca("key_usage", json!(["key-cert-sign", "key-encipherment"])),
            "key-encipherment",
        ),
        (ca("revocation", json!("not-available")), "published"),
        (
            vec![
                ("certificate", json!("root")),
                ("key_usage", json!(["key-cert-sign"])),
            ],
            "root",
        ),
    ]);
    with(&ca("description", json!("A good one.")))
        .unwrap()
        .validate()
        .unwrap();
}

#[test]
fn configured_profiles_join_the_built_in_ones_and_may_replace_them() {
    let mut stricter = profile("tls-server");
    stricter.max_validity = rules::duration::days(90);
    let set = Profiles::with_configured(vec![with(&[]).unwrap(), stricter.clone()]).unwrap();
    assert_eq!(set.named("tls-server").map(AsRef::as_ref), Some(&stricter));
    assert!(set.named("printer").is_some());
    assert!(set.named("no-such").is_none());
    assert_eq!(set.iter().count(), builtin().len() + 1);
    assert!(set.names().is_sorted());
    assert_eq!(Profiles::default().iter().count(), builtin().len());

    let twice = Profiles::with_configured(vec![with(&[]).unwrap(), with(&[]).unwrap()]).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
    assert!(Profiles::with_configured(vec![with(&[("keys", json!([]))]).unwrap()]).is_err());
}
