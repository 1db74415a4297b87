//! Attributes of the subject, other than the common name, that somebody could take for the name of a host, a mailbox or an
//! account: they repeat what was checked as an alternative name, or were allowed by name.

use const_oid::ObjectIdentifier;
use x509::San;
use x509::name::oids;
use x509::san::free_text::{self, Claim};

use crate::denied::Denied;
use crate::limits::NameLimits;
use crate::profile::{CommonName, Profile};
use crate::reserved::{DECODINGS, percent_decoded};
use crate::text::attributes::label;

/// What an organization or a place is called: an organization may be called by its domain.
const ORGANIZATIONS: [ObjectIdentifier; 5] = [
    oids::ORGANIZATION,
    oids::LOCALITY,
    oids::STATE,
    oids::STREET,
    oids::BUSINESS_CATEGORY,
];

pub(super) fn check(
    profile: &Profile,
    limits: &NameLimits,
    attributes: &[(ObjectIdentifier, String)],
    sans: &[San],
) -> Result<(), Denied> {
    let others = attributes
        .iter()
        .filter(|(oid, _)| *oid != oids::EMAIL_ADDRESS && !free_text::ATTRIBUTES.contains(oid));
    for (oid, value) in others {
        let Some(claim) = claim_of(*oid, value) else {
            continue;
        };
        // As its common name: such a profile is for what has no alternative name, a CA or a publisher.
        let is_free = profile.subject.common_name == CommonName::Free && !claim.names.is_empty();
        if is_free || limits.name_attribute(*oid, value) || is_backed(*oid, &claim, sans) {
            continue;
        }
        return Err(Denied::subject(format!(
            "{}={value:?} looks like {} and is not one of the alternative names; add it there{}, or leave it out",
            label(*oid),
            claim.shape,
            claim
                .names
                .first()
                .map(|name| format!(" as {name}"))
                .unwrap_or_default()
        )));
    }
    Ok(())
}

/// Percent-encoding hides no name, and no encoded text repeats one.
fn claim_of(oid: ObjectIdentifier, value: &str) -> Option<Claim> {
    let mut text = value.to_owned();
    for _ in 0..DECODINGS {
        if let Some(claim) = free_text::claim(oid, &text) {
            let names = if text == value { claim.names } else { Vec::new() };
            return Some(Claim { names, ..claim });
        }
        if !text.contains('%') {
            return None;
        }
        text = percent_decoded(&text);
    }
    free_text::claim(oid, &text).map(|claim| Claim {
        names: Vec::new(),
        ..claim
    })
}

fn is_backed(oid: ObjectIdentifier, claim: &Claim, sans: &[San]) -> bool {
    claim.names.iter().any(|name| {
        sans.contains(name)
            || match name {
                San::Dns(domain) if ORGANIZATIONS.contains(&oid) => sans
                    .iter()
                    .any(|san| domain_of(san).is_some_and(|host| is_below(host, domain.as_str()))),
                _ => false,
            }
    })
}

fn domain_of(san: &San) -> Option<&str> {
    match san {
        San::Dns(name) => Some(name.base()),
        San::Email(address) => Some(address.domain()),
        San::SmtpUtf8(address) => Some(address.domain()),
        San::Uri(uri) => uri.host(),
        _ => None,
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
