//! What our own parsers take from users must pass the lints: else a request would be approved, and refused only then.

use lint::{Context, Finding, Severity, check_tbs};
use proptest::prelude::*;
use x509::san::free_text;
use x509::{DistinguishedName, Extension, NameConstraints, San};

use crate::der::seq;
use crate::forge::{CONSTRAINTS, Forge, SAN, ca, client};

fn errors(forge: &Forge) -> Vec<Finding> {
    let mut findings = check_tbs(&forge.tbs(), &Context::default());
    // Of URIs only rules knows which are SPIFFE IDs.
    findings.retain(|finding| finding.severity == Severity::Error && !finding.lint.starts_with("spiffe"));
    findings
}

/// Texts that come close to every kind of name, right and wrong.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "dns:(\\*\\.)?[a-zA-Z0-9_-]{1,4}(\\.[a-z0-9-]{1,4}){0,3}",
        "dns:[a-zäöüß1-9]{1,5}\\.(xn--)?[a-z0-9-]{1,6}",
        "dns:([0-9]{1,3}\\.){1,4}[0-9a-fx]{1,3}",
        "ip:[0-9]{1,3}(\\.[0-9]{1,3}){3}",
        "ip:[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}",
        "email:[a-zA-Zäß0-9.!'+*]{1,6}@[a-zü0-9]{1,6}(\\.[a-z0-9-]{1,6})?",
        "uri:[a-zA-Z]{1,6}:(//)?[a-zA-Z0-9@:._\\[\\]-]{0,10}([/?#][a-z%0-9/]{0,6})?",
        "uri:(http|ldap|SPIFFE|spiffe)://[a-z0-9._-]{0,6}(:[0-9]{0,3})?/[a-zA-Z0-9./_%-]{0,6}",
        "uri:https?://(\\[::1\\]|[a-z@]{1,4}|1\\.2\\.3\\.4)(:[0-9]{0,3})?",
        "rid:[0-2]\\.[0-9]{1,2}(\\.[0-9]{1,5}){0,4}",
        "upn:[a-zß .]{1,5}@[a-z]{0,4}",
        "othername:1\\.2\\.3=(0500|0c0161|3000|020100)",
        "dirname:(CN|O|C|DC)=[a-zA-Zü. -]{1,5}",
    ]
}

fn constraint() -> impl Strategy<Value = String> {
    prop_oneof![
        "(dns|uri|email):\\.?[a-zü0-9-]{1,4}(\\.[a-z0-9-]{1,4}){0,2}",
        "email:[a-z.]{1,4}@[a-z0-9.-]{1,6}",
        "ip:[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}",
        "ip:[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,5}/[0-9]{1,3}",
        "dirname:(CN|O|C|DC)=[a-zA-Zü. -]{1,5}",
    ]
}

fn attributes() -> impl Strategy<Value = Vec<String>> {
    let attribute = prop_oneof![
        "(CN|O|OU|L|ST|UID|title|STREET)=[a-zA-Zäß.*/: -]{1,8}",
        "(CN|postalCode|serialNumber|dnQualifier|organizationIdentifier)=[A-Z0-9 .:-]{1,70}",
        "C=[A-Za-z]{1,3}",
        "DC=[a-z0-9ü-]{1,6}",
    ];
    proptest::collection::vec(attribute, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn alternative_names_that_we_take_have_no_errors(text in name()) {
        if let Ok(san) = text.parse::<San>() {
            let mut forge = client();
            forge.subject = seq(&[]);
            forge.criticality(SAN, true);
            forge.put(SAN, x509::san::encode(&[san]).unwrap());
            prop_assert_eq!(errors(&forge), []);
        }
    }

    #[test]
    fn name_constraints_that_we_take_have_no_errors(text in constraint()) {
        if let Ok(subtree) = text.parse() {
            let constraints = NameConstraints { permitted: vec![], excluded: vec![subtree] };
            let mut forge = ca();
            let extension = Extension::name_constraints(&constraints).unwrap();
            forge.add(CONSTRAINTS, true, extension.value_der().to_vec());
            prop_assert_eq!(errors(&forge), []);
        }
    }

    #[test]
    fn subjects_that_we_take_have_no_errors(attributes in attributes()) {
        if let Ok(subject) = attributes.join(",").parse::<DistinguishedName>()
            // Policy judges what a common name looks like, not the type.
            && subject.common_names().iter().all(|name| free_text::read(name).is_ok())
        {
            let mut forge = client();
            forge.subject = subject.der().to_vec();
            prop_assert_eq!(errors(&forge), []);
        }
    }
}
