//! The parts of a TBSCertList in their order, and the values in them.

use super::MAX_VALUE;
use crate::asn1::{DerError, Reader, Tlv, head, tag};
use crate::crl::{CrlError, CrlExtensions};
use crate::extension::{Extension, ExtensionValue, oids};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    Version,
    Algorithm,
    Issuer,
    ThisUpdate,
    NextUpdate,
    Revoked,
    Entries,
    Extensions,
    End,
}

impl Part {
    /// The field, as RFC 5280 names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Start | Self::End => "tbsCertList",
            Self::Version => "version",
            Self::Algorithm => "signature",
            Self::Issuer => "issuer",
            Self::ThisUpdate => "thisUpdate",
            Self::NextUpdate => "nextUpdate",
            Self::Revoked | Self::Entries => "revokedCertificates",
            Self::Extensions => "crlExtensions",
        }
    }
}

/// The value that begins here, within `bound` octets; `None` if it is not complete yet.
pub(super) fn whole(octets: &[u8], bound: u64) -> Result<Option<Tlv<'_>>, DerError> {
    // What comes after the bound is not of this value: the answer must not depend on whether it is here already.
    let within = usize::try_from(bound).map_or(octets, |bound| octets.get(..bound).unwrap_or(octets));
    let (_, taken, length) = match head(within) {
        Err(DerError::Truncated) if (within.len() as u64) < bound => return Ok(None),
        other => other?,
    };
    let size = taken.saturating_add(length);
    if size as u64 > bound {
        return Err(DerError::Truncated);
    }
    if size > MAX_VALUE {
        return Err(DerError::Value("value: it has more than 64 KiB"));
    }
    match within.get(..size) {
        Some(value) => Reader::new(value).any().map(Some),
        None => Ok(None),
    }
}

/// What comes after serial number and time of an entry.
pub(super) fn entry_extensions(entry: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(entry);
    fields.any().and_then(|_| fields.any()).ok()?;
    fields.any().ok().map(|list| list.whole)
}

/// Extensions are left out where there is none (sections 5.1.2.7 and 5.3). Others write an empty list.
pub(super) fn check_list(list: &[u8], ours: bool) -> Result<(), DerError> {
    match Reader::within(list, tag::SEQUENCE)?.is_empty() && ours {
        true => Err(DerError::Value("Extensions: the list is empty")),
        false => Ok(()),
    }
}

/// Whether the extensions that say which list it is can be read. Numbers that are counted here have at most 64 bits.
pub(super) fn check_extensions(extensions: &CrlExtensions, ours: bool) -> Result<(), CrlError> {
    let within = |part| move |source| CrlError::Der { part, source };
    let malformed = DerError::Value("extension");
    let authority = extensions.find(oids::AUTHORITY_KEY_IDENTIFIER);
    let is_read = match authority.map(Extension::value) {
        None => true,
        // Others name the issuer's certificate by its issuer and serial number, or not at all.
        Some(Ok(ExtensionValue::AuthorityKeyIdentifier { key_identifier, .. })) => {
            key_identifier.is_some() || !ours
        }
        Some(_) => false,
    };
    if !is_read {
        return Err(within("authorityKeyIdentifier")(malformed));
    }
    for (oid, part) in [
        (oids::CRL_NUMBER, "cRLNumber"),
        (oids::DELTA_CRL_INDICATOR, "deltaCRLIndicator"),
    ] {
        let number = extensions.read_number(oid).transpose().map_err(within(part))?;
        if ours && number.is_some_and(|number| number.as_u64().is_none()) {
            return Err(within(part)(DerError::Value(
                "CRL number: it has more than 64 bits",
            )));
        }
    }
    Ok(())
}
