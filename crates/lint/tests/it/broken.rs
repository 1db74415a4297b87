//! A certificate, CRL or OCSP response for every lint that breaks it, and breaks nothing else but what is listed beside it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod algorithms;
mod encoding;
mod extensions;
mod lists;
mod names;
mod pointers;
mod responses;
mod sans;
mod usage;

use lint::Finding;

use crate::forge::{Base, Forge, LISTS, ListForge, Named, RESPONSES, ResponseForge};

/// One way to break a rule.
pub(crate) struct Case {
    /// The lint that must find it.
    pub(crate) id: &'static str,
    /// The base that is changed.
    base: &'static str,
    change: fn(&mut Forge),
    /// Other lints that the same change must touch.
    also: &'static [&'static str],
}

/// A change that breaks one rule.
const fn only(id: &'static str, base: &'static str, change: fn(&mut Forge)) -> Case {
    and(id, base, change, &[])
}

/// A change that cannot break the rule alone.
const fn and(
    id: &'static str,
    base: &'static str,
    change: fn(&mut Forge),
    also: &'static [&'static str],
) -> Case {
    Case {
        id,
        base,
        change,
        also,
    }
}

impl Case {
    /// The broken certificate.
    pub(crate) fn forge(&self) -> Forge {
        let mut forge = (Base::named(self.base).subject)();
        (self.change)(&mut forge);
        forge
    }
}

pub(crate) fn cases() -> impl Iterator<Item = &'static Case> {
    [
        encoding::CASES,
        algorithms::CASES,
        names::CASES,
        extensions::CASES,
        usage::CASES,
        sans::CASES,
        pointers::CASES,
    ]
    .into_iter()
    .flatten()
}

/// One way to break a rule of CRLs or OCSP responses.
pub(crate) struct Change<F: 'static> {
    /// The lint that must find it.
    pub(crate) id: &'static str,
    /// The base that is changed.
    base: &'static str,
    change: fn(&mut F),
    /// Other lints that the same change must touch.
    also: &'static [&'static str],
    bases: &'static [Named<F>],
}

const fn list(id: &'static str, base: &'static str, change: fn(&mut ListForge)) -> Change<ListForge> {
    and_list(id, base, change, &[])
}

const fn and_list(
    id: &'static str,
    base: &'static str,
    change: fn(&mut ListForge),
    also: &'static [&'static str],
) -> Change<ListForge> {
    Change {
        id,
        base,
        change,
        also,
        bases: &LISTS,
    }
}

const fn response(
    id: &'static str,
    base: &'static str,
    change: fn(&mut ResponseForge),
) -> Change<ResponseForge> {
    and_response(id, base, change, &[])
}

const fn and_response(
    id: &'static str,
    base: &'static str,
    change: fn(&mut ResponseForge),
    also: &'static [&'static str],
) -> Change<ResponseForge> {
    Change {
        id,
        base,
        change,
        also,
        bases: &RESPONSES,
    }
}

impl<F> Change<F> {
    /// What was changed.
    pub(crate) fn forge(&self) -> F {
        let (_, base) = self.bases.iter().find(|(name, _)| *name == self.base).unwrap();
        let mut forge = base();
        (self.change)(&mut forge);
        forge
    }

    fn expected(&self) -> Vec<&'static str> {
        std::iter::once(self.id)
            .chain(self.also.iter().copied())
            .collect()
    }
}

pub(crate) fn lists() -> impl Iterator<Item = &'static Change<ListForge>> {
    [lists::FRAME, lists::ENTRIES, lists::EXTENSIONS]
        .into_iter()
        .flatten()
}

pub(crate) fn responses() -> impl Iterator<Item = &'static Change<ResponseForge>> {
    [responses::WHOLE, responses::ANSWERS].into_iter().flatten()
}

/// Says where other lints than the expected ones found something.
fn differs(at: usize, mut expected: Vec<&str>, findings: &[Finding]) -> Option<String> {
    let mut found: Vec<&str> = findings.iter().map(|finding| finding.lint).collect();
    found.sort_unstable();
    expected.sort_unstable();
    (found != expected).then(|| format!("case {at}, {expected:?}: {findings:#?}"))
}

#[test]
fn every_change_of_a_crl_is_found_by_the_lints_that_it_breaks_and_by_no_other() {
    let wrong: Vec<_> = lists()
        .enumerate()
        .filter_map(|(at, case)| differs(at, case.expected(), &case.forge().findings()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_change_of_a_response_is_found_by_the_lints_that_it_breaks_and_by_no_other() {
    let wrong: Vec<_> = responses()
        .enumerate()
        .filter_map(|(at, case)| differs(at, case.expected(), &case.forge().findings()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_change_is_found_by_the_lints_that_it_breaks_and_by_no_other() {
    let mut wrong = Vec::new();
    for (at, case) in cases().enumerate() {
        let findings = Base::named(case.base).findings_after(case.change);
        let expected = std::iter::once(case.id)
            .chain(case.also.iter().copied())
            .collect();
        wrong.extend(differs(at, expected, &findings));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
