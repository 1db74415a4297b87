//! What the use cases say of themselves in a dry run: their consequences, and what these rest on.

mod crls;
mod many;

use kit::clock::rfc3339;
use kit::dry_run::{Consequence, Plan, Severity, counted};
use vocabulary::EventType;
use x509::crl::Reason;
use x509::digest::sha256;
use x509::serial::Serial;

use super::changes::Done;
use super::revoke::{SameKey, UNCONFIRMED};
use crate::authorities::ActiveAuthority;
use crate::domain::lifecycle::Change;
use crate::domain::{Authority, Descendants, Issued, Revocation};
use crate::issuance::IssuanceJob;

pub(super) use crls::{crl_imported, crls_published};
pub(super) use many::revoke_many;

/// `3f…9a (CN=web.example.test)`.
fn named(serial: &Serial, subject: &str) -> String {
    match subject.is_empty() {
        true => serial.to_string(),
        false => format!("{serial} ({subject})"),
    }
}

/// A revocation as a fact: everything of it counts.
fn state(revocation: Option<&Revocation>) -> String {
    let Some(there) = revocation else {
        return "not revoked".to_owned();
    };
    let invalidity = there
        .invalidity
        .map(|at| format!(", invalid since {}", rfc3339(at)));
    format!(
        "{} since {}, decided {}{}",
        there.reason,
        rfc3339(there.time),
        rfc3339(there.decided),
        invalidity.unwrap_or_default()
    )
}

fn rests_on_certificate(plan: Plan, serial: &Serial, before: Option<&Revocation>) -> Plan {
    plan.rests_on(format!("certificate {serial}"), state(before))
}

/// Certificates that change; most often one.
pub(super) fn changes(done: &[Done]) -> Plan {
    let mut plan = Plan::new();
    for change in [Change::Revoked, Change::Amended, Change::Held, Change::Released] {
        // By reason, in the order in which they come.
        let mut alike: Vec<Vec<&Issued>> = Vec::new();
        for one in done.iter().filter(|done| done.change == change) {
            let same = |others: &&mut Vec<&Issued>| {
                others
                    .first()
                    .is_some_and(|other| reason_of(other) == reason_of(&one.certificate))
            };
            match alike.iter_mut().find(same) {
                Some(others) => others.push(&one.certificate),
                None => alike.push(vec![&one.certificate]),
            }
        }
        for certificates in alike {
            let Some(text) = text_of(change, &certificates) else {
                continue;
            };
            let objects = certificates.iter().map(|one| one.serial.to_string());
            plan = plan.causes(Consequence::new(change.event().name(), severity(change), text).of(objects));
        }
    }
    done.iter().fold(plan, |plan, done| {
        rests_on_certificate(plan, &done.certificate.serial, done.before.as_ref())
    })
}

fn reason_of(certificate: &Issued) -> Option<Reason> {
    certificate.revocation.map(|there| there.reason)
}

fn severity(change: Change) -> Severity {
    match change {
        Change::Revoked => Severity::Danger,
        Change::Held | Change::Amended => Severity::Warning,
        Change::Released => Severity::Info,
    }
}

fn text_of(change: Change, certificates: &[&Issued]) -> Option<String> {
    let first = certificates.first()?;
    let which = match certificates.len() {
        1 => format!("certificate {}", named(&first.serial, &first.subject)),
        more => format!("{more} certificates"),
    };
    let reason = reason_of(first)
        .map(|reason| reason.to_string())
        .unwrap_or_default();
    let (is, it) = match certificates.len() {
        1 => ("is", "it"),
        _ => ("are", "they"),
    };
    Some(match change {
        Change::Revoked => {
            format!("{which} {is} revoked with reason {reason}; this cannot be undone, a hold can be")
        }
        Change::Amended => format!("the revocation of {which} gets the reason {reason}; its date stays"),
        Change::Held => format!("{which} {is} not to be trusted until {it} {is} released"),
        Change::Released => format!("{which} {is} valid again, as if {it} had never been on hold"),
    })
}

/// What a compromised key means beside the certificate that was named.
pub(super) fn compromise(plan: Plan, others: &SameKey, records_key: bool) -> Plan {
    let serials = |issued: &[Issued]| {
        issued
            .iter()
            .map(|one| one.serial.to_string())
            .collect::<Vec<_>>()
    };
    let mut plan = plan
        .rests_on("your other certificates of this key", {
            let mut all = serials(&others.revoked);
            all.extend(serials(&others.remaining));
            all.extend(others.damaged.iter().map(|one| one.object.clone()));
            all.join(" ")
        })
        .rests_on("certificates of others of this key", others.of_others.to_string())
        .rests_on(
            "the key is to be recorded as compromised",
            records_key.to_string(),
        );
    if records_key {
        let text =
            "the public key is recorded as compromised: no certificate is issued or renewed for it any more";
        plan = plan.causes(Consequence::new("key.compromised", Severity::Danger, text));
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    if !others.remaining.is_empty() {
        let number = counted(count(others.remaining.len()), "other certificate");
        let text = format!(
            "still valid or on hold over the compromised key: {number}; `same_key` revokes these too"
        );
        let left = Consequence::new("certificate.remaining", Severity::Warning, text);
        plan = plan.causes(left.of(serials(&others.remaining)));
    }
    if !others.damaged.is_empty() {
        let number = counted(count(others.damaged.len()), "other certificate");
        let text = format!(
            "not revoked over the compromised key, because what is stored of them cannot be read: {number}"
        );
        let left = Consequence::new("certificate.remaining", Severity::Warning, text);
        plan = plan.causes(left.of(others.damaged.iter().map(|one| one.object.clone())));
    }
    if others.of_others > 0 {
        let number = counted(count(others.of_others), "certificate");
        let text = format!("still valid over the compromised key, of others: {number}; tell an operator");
        let left = Consequence::new("certificate.remaining", Severity::Warning, text);
        plan = plan.causes(left.counting(count(others.of_others)));
    }
    if others.unconfirmed {
        plan = plan.causes(Consequence::new(
            "key.unconfirmed",
            Severity::Warning,
            UNCONFIRMED,
        ));
    }
    plan
}

/// What was issued to who showed an identity that is revoked.
pub(super) fn descendants(plan: Plan, descendants: &Descendants) -> Plan {
    issued_to_who_showed(plan, descendants, "`descendants` revokes these too")
}

/// The same of one that is put on hold.
pub(super) fn descendants_beside_hold(plan: Plan, descendants: &Descendants) -> Plan {
    let way_out = "a hold leaves them as they are; put each on hold, or revoke this one for key-compromise or with `descendants`";
    issued_to_who_showed(plan, descendants, way_out)
}

fn issued_to_who_showed(plan: Plan, descendants: &Descendants, way_out: &str) -> Plan {
    let left = descendants
        .remaining
        .iter()
        .map(|one| one.serial.to_string())
        .chain(descendants.damaged.iter().map(|one| one.object.clone()));
    let left: Vec<String> = left.collect();
    let revoked = descendants.revoked.iter().map(|one| one.serial.to_string());
    let all: Vec<String> = revoked.chain(left.iter().cloned()).collect();
    let plan = plan.rests_on("certificates issued to who showed this identity", all.join(" "));
    if left.is_empty() && !descendants.more {
        return plan;
    }
    let number = counted(u64::try_from(left.len()).unwrap_or(u64::MAX), "certificate");
    let more = if descendants.more { ", and more" } else { "" };
    let text =
        format!("still valid or on hold, issued to who showed this identity: {number}{more}; {way_out}");
    plan.causes(Consequence::new("certificate.remaining", Severity::Warning, text).of(left))
}

/// A job that the same Idempotency-Key was accepted as.
pub(super) fn accepted_before(job: String) -> Plan {
    let text = format!("nothing new is accepted: this Idempotency-Key stands for job {job}");
    Plan::new().causes(Consequence::new("job.repeated", Severity::Info, text).of([job]))
}

/// A certificate that would be signed.
pub(super) fn issue(job: &IssuanceJob, active: &ActiveAuthority, profile: &rules::Profile) -> Plan {
    let approved = job.certificate.get();
    let validity = approved.validity();
    let sans: Vec<String> = approved.sans().iter().map(ToString::to_string).collect();
    let kind = match job.record.replaces {
        Some(_) => EventType::CertificateRenewed.name(),
        None => EventType::CertificateIssued.name(),
    };
    let text = format!(
        "CA {} signs a certificate for {} on profile {}, good from {} to {}",
        active.authority.name,
        match approved.subject().is_empty() {
            true => sans.join(", "),
            false => approved.subject().to_string(),
        },
        profile.name,
        rfc3339(validity.not_before),
        rfc3339(validity.not_after),
    );
    let mut plan = Plan::new().causes(Consequence::new(kind, Severity::Info, text).of(sans));
    if let Some(predecessor) = job.record.replaces {
        let serial = predecessor.serial;
        let text = format!("certificate {serial} stays valid until it ends; revoke it once it is replaced");
        plan = plan
            .causes(Consequence::new("certificate.remaining", Severity::Info, text).of([serial.to_string()]));
        plan = rests_on_certificate(plan, &serial, None);
    }
    for finding in job.certificate.warnings() {
        let text = format!("lint {}: {}", finding.lint, finding.detail);
        plan = plan.causes(Consequence::new("lint.warning", Severity::Warning, text));
    }
    let definition = serde_json::to_vec(profile).unwrap_or_default();
    plan.rests_on(
        format!("profile {}", profile.name),
        data_encoding::HEXLOWER.encode(&sha256(&definition)),
    )
    .rests_on(
        format!("CA {}", active.authority.name),
        data_encoding::HEXLOWER.encode(&sha256(active.authority.certificate.der())),
    )
}

/// What was issued before under the same Idempotency-Key.
pub(super) fn repetition(earlier: &Issued) -> Plan {
    let which = named(&earlier.serial, &earlier.subject);
    let text = format!("nothing new is signed: this Idempotency-Key stands for certificate {which}");
    Plan::new().causes(
        Consequence::new("certificate.repeated", Severity::Info, text).of([earlier.serial.to_string()]),
    )
}

/// A CA that stops or goes on, if it changes at all.
pub(super) fn suspension(authority: &Authority, suspends: bool, changed: bool) -> Plan {
    let name = &authority.name;
    let was_suspended = suspends != changed;
    let fact = if was_suspended { "suspended" } else { "issuing" };
    let plan = Plan::new().rests_on(format!("CA {name}"), fact);
    if !changed {
        return plan;
    }
    let profiles = authority.profiles.join(", ");
    plan.causes(match suspends {
        true => {
            let text = format!(
                "CA {name} issues and renews nothing until it is resumed (profiles: {profiles}); what it issued stays valid"
            );
            Consequence::new(EventType::CaSuspended.name(), Severity::Danger, text).of([name.clone()])
        }
        false => {
            let text = format!("CA {name} issues and renews again (profiles: {profiles})");
            Consequence::new(EventType::CaResumed.name(), Severity::Info, text).of([name.clone()])
        }
    })
}
