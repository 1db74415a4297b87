//! Purposes in extKeyUsage (RFC 5280 section 4.2.1.12).

use std::fmt;
use std::str::FromStr;

use super::ExtensionError;
use crate::Oid;

/// An extended key usage. `Display` and `FromStr` use the kebab-case name, or the dotted OID of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Eku {
    /// TLS servers.
    ServerAuth,
    /// TLS clients.
    ClientAuth,
    /// Signing of code.
    CodeSigning,
    /// S/MIME.
    EmailProtection,
    /// Time stamps (RFC 3161).
    TimeStamping,
    /// OCSP responses on behalf of a CA (RFC 6960).
    OcspSigning,
    /// Any other purpose.
    Other(Oid),
}

const SERVER_AUTH: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.2");
const CODE_SIGNING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.3");
const EMAIL_PROTECTION: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.4");
const TIME_STAMPING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.8");
const OCSP_SIGNING: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.9");

const TABLE: [(Eku, &str, Oid); 6] = [
    (Eku::ServerAuth, "server-auth", SERVER_AUTH),
    (Eku::ClientAuth, "client-auth", CLIENT_AUTH),
    (Eku::CodeSigning, "code-signing", CODE_SIGNING),
    (Eku::EmailProtection, "email-protection", EMAIL_PROTECTION),
    (Eku::TimeStamping, "time-stamping", TIME_STAMPING),
    (Eku::OcspSigning, "ocsp-signing", OCSP_SIGNING),
];

impl Eku {
    /// anyExtendedKeyUsage, which is never issued.
    pub const ANY: Self = Self::Other(Oid::new_unwrap("2.5.29.37.0"));

    /// The object identifier.
    #[must_use]
    pub fn oid(self) -> Oid {
        match self {
            Self::ServerAuth => SERVER_AUTH,
            Self::ClientAuth => CLIENT_AUTH,
            Self::CodeSigning => CODE_SIGNING,
            Self::EmailProtection => EMAIL_PROTECTION,
            Self::TimeStamping => TIME_STAMPING,
            Self::OcspSigning => OCSP_SIGNING,
            Self::Other(oid) => oid,
        }
    }
}

impl From<Oid> for Eku {
    fn from(oid: Oid) -> Self {
        TABLE
            .iter()
            .find(|(.., known)| *known == oid)
            .map_or(Self::Other(oid), |(purpose, ..)| *purpose)
    }
}

impl fmt::Display for Eku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TABLE.iter().find(|(purpose, ..)| purpose == self) {
            Some((_, name, _)) => f.write_str(name),
            None => write!(f, "{}", self.oid()),
        }
    }
}

impl FromStr for Eku {
    type Err = ExtensionError;

    fn from_str(text: &str) -> Result<Self, ExtensionError> {
        if let Some((purpose, ..)) = TABLE.iter().find(|(_, name, _)| *name == text) {
            return Ok(*purpose);
        }
        let oid = text
            .parse::<Oid>()
            .map_err(|_| ExtensionError::UnknownPurpose(text.to_owned()))?;
        Ok(oid.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_oids_are_one() {
        for (purpose, name, oid) in TABLE {
            assert_eq!(purpose.oid(), oid);
            assert_eq!(Eku::from(oid), purpose);
            assert_eq!(name.parse::<Eku>(), Ok(purpose));
            assert_eq!(oid.to_string().parse::<Eku>(), Ok(purpose));
            assert_eq!(purpose.to_string(), name);
        }
        for other in ["1.2.3", "1.3.6.1.4.1.311.21.8.8734598734.18446744073709551616.1"] {
            assert_eq!(other.parse::<Eku>().unwrap().to_string(), other);
        }
        assert!("tls".parse::<Eku>().is_err());
    }
}
