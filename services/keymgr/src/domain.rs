//! What a key is: a name, a purpose for good, a public half; and what it signed.

// A new variant is decided on here, rather than falling under what was right for the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod caller;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use x509::kind::SignedStructure;

use crate::error::Error;
pub use caller::Caller;

/// Name of a key: 1 to 64 letters, digits, `.`, `_`, `-`, of which the first is a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of those kept for OCSP responders: `ocsp.…`.
    pub(crate) fn is_reserved(&self) -> bool {
        self.0.starts_with("ocsp.")
    }

    /// Whether it is that of a responder: `ocsp.<issuer>.<number>`. The name of an issuer may have a dot itself.
    pub(crate) fn is_of_responder(&self) -> bool {
        let parts = self
            .0
            .strip_prefix("ocsp.")
            .and_then(|rest| rest.rsplit_once('.'));
        parts.is_some_and(|(issuer, number)| {
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            !issuer.is_empty() && digits && !number.is_empty() && !number.starts_with('0')
        })
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "name",
            "takes 1 to 64 letters, digits, `.`, `_` and `-`, the first a letter or digit",
        ))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key was made for, and so the only structures that it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Certificates and CRLs of a CA, and requests for that CA's own certificate.
    CertificateAuthority,
    /// OCSP responses (RFC 6960 section 4.2.2.2: a delegated responder).
    OcspSigner,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::CertificateAuthority, Self::OcspSigner];

    /// The name in the database, in REST and in the seal of the private key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateAuthority => "certificate-authority",
            Self::OcspSigner => "ocsp-signer",
        }
    }

    /// The binding itself. A structure that is not recognized is signed by no key.
    #[must_use]
    pub const fn signs(self, structure: SignedStructure) -> bool {
        match self {
            Self::CertificateAuthority => matches!(
                structure,
                SignedStructure::Certificate | SignedStructure::Crl | SignedStructure::CertificateRequest
            ),
            Self::OcspSigner => matches!(structure, SignedStructure::OcspResponse),
        }
    }
}

impl FromStr for Purpose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| Error::invalid("purpose", "takes certificate-authority or ocsp-signer"))
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The public side of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Unique.
    pub name: KeyName,
    /// What it signs.
    pub purpose: Purpose,
    /// The public half; tells the algorithm too.
    pub public_key: x509::key::PublicKey,
    /// Where the private half lives: `software`.
    pub backend: String,
    /// When it was made.
    pub created: OffsetDateTime,
}

/// Signatures of one key over one kind of structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// `certificate`, `crl`, `certificate-request` or `ocsp-response`.
    pub structure: String,
    /// How many.
    pub count: i64,
    /// When the last one was counted.
    pub last: OffsetDateTime,
}

/// Signatures by key and kind of structure (a [`Signatures::structure`]) that the database does not know of yet.
pub(crate) type Counts = HashMap<(KeyName, &'static str), i64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_confuse_paths_or_flags_are_refused() {
        for good in ["issuing", "a", "ca-1.key_2", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            "-x",
            "_x",
            "a/b",
            "a b",
            "ä",
            "a\0",
            &"x".repeat(65),
        ] {
            let refused = bad.parse::<KeyName>().unwrap_err();
            assert!(refused.to_string().contains("1 to 64"), "{bad:?}");
        }
    }

    #[test]
    fn names_of_responders_have_an_issuer_and_a_number() {
        let is = |name: &str| {
            let name: KeyName = name.parse().unwrap();
            (name.is_reserved(), name.is_of_responder())
        };
        for good in ["ocsp.issuing.1", "ocsp.issuing.2.17", "ocsp.a-b.999"] {
            assert_eq!(is(good), (true, true), "{good}");
        }
        for odd in [
            "ocsp.",
            "ocsp.issuing",
            "ocsp..1",
            "ocsp.issuing.",
            "ocsp.issuing.0",
            "ocsp.issuing.01",
            "ocsp.issuing.1a",
            "ocsp.1",
        ] {
            assert_eq!(is(odd), (true, false), "{odd}");
        }
        for other in ["ocsp", "ocspx.issuing.1", "OCSP.issuing.1", "ca-ocsp.issuing.1"] {
            assert_eq!(is(other), (false, false), "{other}");
        }
    }

    #[test]
    fn no_structure_is_signed_by_keys_of_two_purposes() {
        for structure in [
            SignedStructure::Certificate,
            SignedStructure::Crl,
            SignedStructure::CertificateRequest,
            SignedStructure::OcspResponse,
        ] {
            let able = Purpose::ALL
                .into_iter()
                .filter(|purpose| purpose.signs(structure))
                .count();
            assert_eq!(able, 1, "{structure:?}");
        }
    }

    #[test]
    fn a_purpose_is_found_by_its_name() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse::<Purpose>().unwrap(), purpose);
        }
        assert!("tls".parse::<Purpose>().is_err());
    }
}
