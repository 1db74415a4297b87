//! A certificate for every lint that breaks it, and breaks nothing else but what is listed beside it.

mod algorithms;
mod encoding;
mod extensions;
mod names;
mod pointers;
mod sans;
mod usage;

use crate::forge::{Base, Forge};

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

#[test]
fn every_change_is_found_by_the_lints_that_it_breaks_and_by_no_other() {
    let mut wrong = Vec::new();
    for (at, case) in cases().enumerate() {
        let findings = Base::named(case.base).findings_after(case.change);
        let mut found: Vec<&str> = findings.iter().map(|finding| finding.lint).collect();
        let mut expected = vec![case.id];
        expected.extend(case.also);
        found.sort_unstable();
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("case {at}, {}: {findings:#?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
