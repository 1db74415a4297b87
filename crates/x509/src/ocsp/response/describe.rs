//! Responses as text for people.

use std::fmt;

use data_encoding::HEXLOWER;

use super::{OcspResponse, SingleResponse};
use crate::certificate::write_extensions;
use crate::moment::rfc3339;
use crate::ocsp::CertStatus;
use crate::signature::Identified;

impl OcspResponse {
    /// What the response says, in lines of `name: value`, for `inspect`. Made for reading: its form may change. Nothing in it was
    /// verified.
    #[must_use]
    pub fn describe(&self) -> String {
        Description(self).to_string()
    }
}

impl fmt::Display for CertStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Unknown => f.write_str("unknown"),
            Self::Revoked { time, reason } => {
                write!(f, "revoked at {}", rfc3339(*time))?;
                reason.map_or(Ok(()), |reason| write!(f, ", {reason}"))
            }
        }
    }
}

struct Description<'a>(&'a OcspResponse);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let response = self.0;
        writeln!(f, "OCSP response")?;
        writeln!(f, "  responder: {}", response.responder)?;
        writeln!(f, "  produced at: {}", rfc3339(response.produced_at))?;
        match Identified::from_der(response.part(&response.algorithm)) {
            Ok(identified) => writeln!(f, "  signature: {}", identified.algorithm())?,
            Err(problem) => writeln!(f, "  signature: {problem}")?,
        }
        write_extensions(f, &response.extensions)?;
        writeln!(f, "  answers: {}", response.responses.len())?;
        response
            .responses
            .iter()
            .try_for_each(|single| write_single(f, single))?;
        writeln!(f, "  certificates: {}", response.certificates.len())?;
        let mut certificates = response.certificates.iter();
        certificates.try_for_each(|certificate| {
            let (serial, subject) = (certificate.serial(), certificate.subject());
            writeln!(f, "    {serial}, {subject}")
        })
    }
}

fn write_single(f: &mut fmt::Formatter<'_>, single: &SingleResponse) -> fmt::Result {
    let next = single.next_update.map_or_else(|| "none".to_owned(), rfc3339);
    let (id, this) = (&single.cert_id, rfc3339(single.this_update));
    writeln!(f, "    {}: {}", id.serial(), single.status)?;
    writeln!(f, "      this update: {this}, next update: {next}")?;
    let hash = id
        .hash_algorithm()
        .map_or_else(|| id.hash_oid().to_string(), |hash| hash.to_string());
    let (name, key) = (
        HEXLOWER.encode(id.issuer_name_hash()),
        HEXLOWER.encode(id.issuer_key_hash()),
    );
    writeln!(f, "      issuer: name {name}, key {key} ({hash})")?;
    match single.archive_cutoff() {
        Some(cutoff) => writeln!(f, "      archive cutoff: {}", rfc3339(cutoff)),
        None => Ok(()),
    }
}
