//! Reasons for revocation (RFC 5280 section 5.3.1).

use std::fmt;
use std::str::FromStr;

/// Why a certificate was revoked. `Display` and `FromStr` use the kebab-case names of the REST interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No reason is given; never encoded.
    Unspecified,
    /// The subject's key is known to others.
    KeyCompromise,
    /// The key of the CA that the certificate is for is known to others.
    CaCompromise,
    /// The subject's name or belonging changed.
    AffiliationChanged,
    /// Another certificate takes its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// Revoked for the time being; the only reason that can be taken back.
    CertificateHold,
    /// In a delta CRL: no longer on hold, or expired.
    RemoveFromCrl,
    /// The subject lost a privilege that the certificate states.
    PrivilegeWithdrawn,
    /// The key of the attribute authority is known to others.
    AaCompromise,
}

/// No reason has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a reason to revoke; reasons are {final_reasons}", final_reasons = final_reasons())]
pub struct UnknownReason(String);

/// Those that a certificate is revoked for, for good: a hold and its release are not revocations, and attribute authorities
/// have no certificates of ours.
fn final_reasons() -> String {
    let is_final = |reason: &Reason| {
        !matches!(
            reason,
            Reason::CertificateHold | Reason::RemoveFromCrl | Reason::AaCompromise
        )
    };
    let names: Vec<&str> = Reason::ALL
        .into_iter()
        .filter(is_final)
        .map(Reason::as_str)
        .collect();
    names.join(", ")
}

impl Reason {
    /// All reasons in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The CRLReason number. There is no 7.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason with this CRLReason number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The name in kebab case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::CertificateHold => "certificate-hold",
            Self::RemoveFromCrl => "remove-from-crl",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
            Self::AaCompromise => "aa-compromise",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == text);
        found.ok_or_else(|| UnknownReason(text.chars().take(40).flat_map(char::escape_debug).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_one() {
        for reason in Reason::ALL {
            assert_eq!(reason.to_string().parse(), Ok(reason));
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(Reason::from_code(7), None);
        assert!(
            "keyCompromise"
                .parse::<Reason>()
                .unwrap_err()
                .to_string()
                .contains("key-compromise")
        );
    }
}
