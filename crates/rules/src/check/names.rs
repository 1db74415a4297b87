//! The name constraints of the whole issuing path (RFC 5280 section 4.2.1.10), over all names: alternative names, the
//! subject, and what of it reads like a host name or a mailbox.

use x509::{DistinguishedName, San};

use crate::denied::{Denied, field};
use crate::issuer::Issuer;

pub(crate) fn check(issuer: &Issuer, subject: &DistinguishedName, sans: &[San]) -> Result<(), Denied> {
    for constraints in issuer.name_constraints() {
        // Twice, so that the refusal points to the right part.
        constraints
            .permits(&DistinguishedName::default(), sans)
            .map_err(|violation| Denied::new(field::SAN, violation.to_string()))?;
        constraints
            .permits(subject, &[])
            .map_err(|violation| Denied::new(field::SUBJECT, violation.to_string()))?;
    }
    Ok(())
}
