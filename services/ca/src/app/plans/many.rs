//! What a job would do to many certificates, as it was foreseen.

use kit::dry_run::{Consequence, Plan, Severity, counted};
use x509::crl::Reason;
use x509::serial::Serial;

use super::super::foresee::{Foreseen, Keys, Outcome};
use super::super::revoke_many::MOST_COUNTED;
use super::{rests_on_certificate, severity};
use crate::domain::Brief;
use crate::domain::lifecycle::Change;

/// Certificates that a job would revoke, as they are now. There may be more than were looked at.
pub(in super::super) fn revoke_many(foreseen: &Foreseen, reason: Reason) -> Plan {
    let mut plan = Plan::new();
    for change in [Change::Revoked, Change::Amended] {
        plan = changed(plan, foreseen, change, reason);
    }
    if foreseen.more {
        let text = format!(
            "more match than a preview counts ({MOST_COUNTED}): its token holds the acceptance to these, and the job revokes \
             all that match when it looks"
        );
        plan = plan.causes(Consequence::new("certificate.uncounted", Severity::Warning, text));
    }
    plan = untouched(plan, foreseen);
    if let Some(known) = &foreseen.keys {
        plan = keys(plan, known);
    }
    let all = foreseen.outcomes.iter();
    all.fold(plan, |plan, (one, _)| {
        rests_on_certificate(plan, &one.serial, one.revocation.as_ref())
    })
}

fn changed(plan: Plan, foreseen: &Foreseen, change: Change, reason: Reason) -> Plan {
    let serials = serials(
        foreseen,
        |outcome| matches!(outcome, Outcome::Becomes(becomes) if *becomes == change),
    );
    if serials.is_empty() {
        return plan;
    }
    let at_least = if foreseen.more { "at least " } else { "" };
    let number = number(&serials, "certificate");
    let text = match change {
        Change::Amended => {
            format!("revoked before, and gets the reason {reason}, its date stays: {at_least}{number}")
        }
        Change::Revoked | Change::Held | Change::Released => {
            format!("revokes {at_least}{number} with reason {reason}; this cannot be undone")
        }
    };
    plan.causes(Consequence::new(change.event().name(), severity(change), text).of(serials))
}

/// What the job skips, fails on, and does not find.
fn untouched(mut plan: Plan, foreseen: &Foreseen) -> Plan {
    let stay = serials(foreseen, |outcome| matches!(outcome, Outcome::Stays));
    if !stay.is_empty() {
        let text = format!(
            "revoked before, and left as it is: {}",
            number(&stay, "certificate")
        );
        plan = plan.causes(Consequence::new("certificate.skipped", Severity::Info, text).of(stay));
    }
    let mut refused = serials(foreseen, |outcome| matches!(outcome, Outcome::Refused(_)));
    refused.extend(foreseen.damaged.keys().cloned());
    let mut damaged = foreseen
        .damaged
        .iter()
        .map(|(object, why)| format!("{object}: {why}"));
    let mut refusals = foreseen.outcomes.iter();
    let why = refusals.find_map(|(one, outcome)| match outcome {
        Outcome::Refused(why) => Some(format!("{}: {why}", one.serial)),
        Outcome::Becomes(_) | Outcome::Stays => None,
    });
    if let Some(why) = why.or_else(|| damaged.next()) {
        let text = format!(
            "not revoked, because it is refused: {}; the first is {why}",
            number(&refused, "certificate")
        );
        plan = plan.causes(Consequence::new("certificate.refused", Severity::Warning, text).of(refused));
    }
    let missing: Vec<String> = foreseen.missing.iter().map(Serial::to_string).collect();
    if !missing.is_empty() {
        let number = number(&missing, "serial number");
        let text = format!("not found among the certificates that you may revoke: {number}");
        plan = plan.causes(Consequence::new("certificate.missing", Severity::Warning, text).of(missing));
    }
    plan
}

/// What a compromise means beside the certificates that the job takes.
fn keys(plan: Plan, keys: &Keys) -> Plan {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (recorded, unconfirmed) = (count(keys.recorded.len()), count(keys.unconfirmed.len()));
    let consequences = [
        (
            "key.compromised",
            Severity::Danger,
            recorded,
            format!(
                "recorded as compromised: {}; no certificate is issued or renewed for it any more",
                counted(recorded, "public key")
            ),
        ),
        (
            "key.unconfirmed",
            Severity::Warning,
            unconfirmed,
            format!(
                "not recorded as compromised, because others have unexpired certificates over it: {}; an operator confirms by \
                 revoking one of them for compromise",
                counted(unconfirmed, "public key")
            ),
        ),
        (
            "certificate.remaining",
            Severity::Warning,
            keys.remaining,
            format!(
                "still valid or on hold over the compromised keys: {} that you may revoke",
                counted(keys.remaining, "certificate")
            ),
        ),
        (
            "certificate.remaining",
            Severity::Warning,
            keys.of_others,
            format!(
                "still valid or on hold over the compromised keys, of others: {}; tell an operator",
                counted(keys.of_others, "certificate")
            ),
        ),
    ];
    let plan = plan
        .rests_on(
            "keys that are to be recorded as compromised",
            recorded.to_string(),
        )
        .rests_on(
            "keys that are not confirmed as compromised",
            unconfirmed.to_string(),
        )
        .rests_on(
            "your other certificates of these keys",
            keys.remaining.to_string(),
        )
        .rests_on("certificates of others of these keys", keys.of_others.to_string());
    let caused = consequences.into_iter().filter(|(_, _, count, _)| *count > 0);
    caused.fold(plan, |plan, (kind, severity, count, text)| {
        plan.causes(Consequence::new(kind, severity, text).counting(count))
    })
}

fn serials(foreseen: &Foreseen, wanted: impl Fn(&Outcome) -> bool) -> Vec<String> {
    let all = foreseen.outcomes.iter();
    let wanted = all.filter(|(_, outcome)| wanted(outcome));
    wanted
        .map(|(one, _): &(Brief, _)| one.serial.to_string())
        .collect()
}

fn number(serials: &[String], what: &str) -> String {
    counted(u64::try_from(serials.len()).unwrap_or(u64::MAX), what).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use time::OffsetDateTime;

    use super::*;

    fn brief(number: u8) -> Brief {
        Brief {
            serial: Serial::from_bytes(&[number]).unwrap(),
            requester: "a".to_owned(),
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH,
            spki_sha256: [number; 32],
            revocation: None,
        }
    }

    fn texts(foreseen: &Foreseen) -> Vec<String> {
        let plan = revoke_many(foreseen, Reason::KeyCompromise);
        plan.consequences().iter().map(|one| one.text.clone()).collect()
    }

    #[test]
    fn many_revocations_are_counted_in_words_and_say_where_the_count_ends() {
        let one_of_each = Foreseen {
            outcomes: vec![
                (brief(1), Outcome::Becomes(Change::Revoked)),
                (brief(2), Outcome::Becomes(Change::Amended)),
                (brief(3), Outcome::Stays),
                (brief(4), Outcome::Refused("it is not yours".to_owned())),
            ],
            keys: Some(Keys {
                recorded: [[1; 32]].into(),
                unconfirmed: [[2; 32]].into(),
                remaining: 1,
                of_others: 2,
            }),
            damaged: [("06".to_owned(), "sans cannot be read".to_owned())].into(),
            missing: vec![Serial::from_bytes(&[5]).unwrap()],
            more: false,
        };
        assert_eq!(
            texts(&one_of_each),
            [
                "revokes 1 certificate with reason key-compromise; this cannot be undone",
                "revoked before, and gets the reason key-compromise, its date stays: 1 certificate",
                "revoked before, and left as it is: 1 certificate",
                "not revoked, because it is refused: 2 certificates; the first is 04: it is not yours",
                "not found among the certificates that you may revoke: 1 serial number",
                "recorded as compromised: 1 public key; no certificate is issued or renewed for it any more",
                "not recorded as compromised, because others have unexpired certificates over it: 1 public key; an operator \
                 confirms by revoking one of them for compromise",
                "still valid or on hold over the compromised keys: 1 certificate that you may revoke",
                "still valid or on hold over the compromised keys, of others: 2 certificates; tell an operator",
            ]
        );
        let more = Foreseen {
            outcomes: vec![
                (brief(1), Outcome::Becomes(Change::Revoked)),
                (brief(2), Outcome::Becomes(Change::Revoked)),
            ],
            keys: None,
            damaged: BTreeMap::new(),
            missing: Vec::new(),
            more: true,
        };
        let texts = texts(&more);
        assert!(texts[0].contains("at least 2 certificates"), "{texts:?}");
        assert!(texts[1].contains("holds the acceptance to these"), "{texts:?}");
    }
}
