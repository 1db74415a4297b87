//! CRLs as text for people.

use std::fmt;

use super::CertificateList;
use crate::certificate::write_extensions;
use crate::extension::oids;
use crate::moment::rfc3339;

impl CertificateList {
    /// What the list says, in lines of `name: value`, for `inspect`. Made for reading: its form may change.
    #[must_use]
    pub fn describe(&self) -> String {
        Description(self).to_string()
    }
}

struct Description<'a>(&'a CertificateList);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.0;
        writeln!(f, "certificate revocation list")?;
        writeln!(f, "  issuer: {}", list.issuer())?;
        writeln!(f, "  this update: {}", rfc3339(list.this_update()))?;
        writeln!(
            f,
            "  next update: {}",
            list.next_update().map_or_else(|| "none".to_owned(), rfc3339)
        )?;
        if let Some(number) = list.extensions().crl_number() {
            writeln!(f, "  number: {number}")?;
        }
        if let Some(base) = list.extensions().base_crl_number() {
            writeln!(f, "  delta of: {base}")?;
        }
        let numbers = [oids::CRL_NUMBER, oids::DELTA_CRL_INDICATOR];
        let all = list.extensions().as_slice().iter();
        let others: Vec<_> = all.filter(|e| !numbers.contains(&e.oid())).cloned().collect();
        write_extensions(f, &others)?;
        writeln!(f, "  entries: {}", list.entries().len())?;
        for entry in list.entries() {
            write!(f, "    {} at {}", entry.serial, rfc3339(entry.time))?;
            if let Some(reason) = entry.reason {
                write!(f, ", {reason}")?;
            }
            if let Some(invalidity) = entry.invalidity {
                write!(f, ", invalid since {}", rfc3339(invalidity))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
