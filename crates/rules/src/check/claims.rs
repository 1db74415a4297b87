//! Attributes of the subject, other than the common name, that a reader could take for the name of a host, a mailbox or an
//! account: they repeat what was checked as an alternative name, or were allowed by name.

use x509::name::oids;
use x509::san::free_text::{self, Claim};
use x509::{Oid, San};

use crate::denied::Denied;
use crate::limits::NameLimits;
use crate::profile::{CommonName, Profile};
use crate::reserved::{DECODINGS, percent_decoded};
use crate::text::attributes::label;

pub(super) fn check(
    profile: &Profile,
    limits: &NameLimits,
    attributes: &[(Oid, String)],
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
        if is_free || limits.name_attribute(*oid, value) || is_backed(&claim, sans) {
            continue;
        }
        let label = label(*oid);
        return Err(Denied::subject(format!(
            "{label}={value:?} looks like {} and is not one of the alternative names; leave it out, or ask for an API key that is \
             limited to names with subject:{label}= among them",
            claim.shape,
        )));
    }
    Ok(())
}

/// Percent-encoding hides no name, and no encoded text repeats one.
pub(super) fn claim_of(oid: Oid, value: &str) -> Option<Claim> {
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

fn is_backed(claim: &Claim, sans: &[San]) -> bool {
    claim.names.iter().any(|name| sans.contains(name))
}
