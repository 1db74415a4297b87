//! The catalogue: complete, tested row by row, and readable.

use std::collections::BTreeSet;

use lint::{Severity, catalogue, reference_markdown};

use crate::broken::{cases, lists, responses};
use crate::forge::{BASES, LISTS, RESPONSES};
use crate::links::LINKS;

#[test]
fn nothing_is_found_in_certificates_beyond_reproach() {
    for base in &BASES {
        let findings = base.findings_after(|_| {});
        assert_eq!(findings, [], "{}", base.name);
    }
    for (name, list) in &LISTS {
        assert_eq!(list().findings(), [], "{name}");
    }
    for (name, response) in &RESPONSES {
        assert_eq!(response().findings(), [], "{name}");
    }
}

#[test]
fn every_lint_is_broken_by_a_test() {
    let broken: BTreeSet<&str> = cases()
        .map(|case| case.id)
        .chain(LINKS.iter().map(|link| link.id))
        .chain(lists().map(|case| case.id))
        .chain(responses().map(|case| case.id))
        .collect();
    let listed: BTreeSet<&str> = catalogue().iter().map(|lint| lint.id).collect();
    assert_eq!(broken, listed);
}

#[test]
fn ids_are_distinct_and_say_where_the_rule_comes_from() {
    let ids: BTreeSet<&str> = catalogue().iter().map(|lint| lint.id).collect();
    assert_eq!(ids.len(), catalogue().len());
    for id in ids {
        let (origin, _) = id.split_once('_').unwrap_or_else(|| panic!("{id}"));
        let known = ["cabf", "gigvault", "spiffe", "x501", "x520", "x680", "x690"].contains(&origin);
        let rfc = origin
            .strip_prefix("rfc")
            .is_some_and(|number| number.parse::<u16>().is_ok());
        assert!(known || rfc, "{id}");
        assert!(
            id.bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_'),
            "{id}"
        );
    }
}

#[test]
fn every_row_can_be_read_by_people() {
    for lint in catalogue() {
        assert!(
            !lint.source.is_empty() && lint.about.ends_with('.'),
            "{}",
            lint.id
        );
        assert!(
            lint.about.len() < 130 && !lint.about.contains('\n'),
            "{}",
            lint.id
        );
    }
}

#[test]
fn every_severity_is_used() {
    for severity in [Severity::Error, Severity::Warn, Severity::Notice] {
        assert!(catalogue().iter().any(|lint| lint.severity == severity));
    }
}

#[test]
fn the_reference_lists_every_lint_once() {
    let page = reference_markdown();
    assert!(page.starts_with("# Lints\n"));
    for lint in catalogue() {
        let row = format!(
            "| `{}` | {} | {} | {} |\n",
            lint.id, lint.about, lint.scope, lint.source
        );
        assert_eq!(page.matches(&row).count(), 1, "{}", lint.id);
    }
}
