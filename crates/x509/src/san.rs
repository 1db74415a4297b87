//! Subject alternative names (RFC 5280 section 4.2.1.6, RFC 9549, RFC 9598).
//!
//! A [`San`] is a checked name: the newtypes [`DnsName`], [`HostAddress`], [`EmailAddress`], [`SmtpUtf8Mailbox`] and [`Uri`] can hold
//! nothing that an issued certificate may not. The text form is `kind:value` (`dns:web.example.test`), canonical and
//! the same in REST, CLI and inventory.
//! [`decode`] is strict and made for requests; [`decode_lenient`] keeps what it cannot accept as [`San::Opaque`] and
//! is made for viewing certificates of others.

pub mod address;
mod codec;
mod dns;
pub mod free_text;
mod mailbox;
mod other_name;
mod service;
mod text;
mod uri;

use crate::Oid;
use crate::asn1::DerError;
use crate::name::{DistinguishedName, NameError};

pub use address::HostAddress;
pub(crate) use codec::address as read_address;
pub use codec::{MAX_SANS, decode, decode_lenient, encode};
pub use dns::DnsName;
pub(crate) use dns::{host_a_labels, is_lax_host, printable as shown, to_a_labels as a_labels};
pub use mailbox::{EmailAddress, SmtpUtf8Mailbox};
pub use service::ID_ON_DNS_SRV;
pub use uri::Uri;

/// `id-on-SmtpUTF8Mailbox` (RFC 9598 section 3).
pub const ID_ON_SMTP_UTF8_MAILBOX: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.8.9");
/// User principal name, the otherName of Windows logon.
pub const ID_ON_UPN: Oid = Oid::new_unwrap("1.3.6.1.4.1.311.20.2.3");

/// Longest name as text, kind included, in bytes: it is a key of the inventory, and an index of PostgreSQL holds at
/// most 2704 bytes per row. Longer text is refused before anything is read of it.
pub const MAX_TEXT: usize = 2048;

/// Why a subject alternative name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SanError {
    /// The text has no known kind before its colon.
    #[error("`{0}`: begin with dns:, ip:, email:, uri:, dirname:, rid:, upn: or othername:")]
    Kind(String),
    /// The text is longer than any name that is certified.
    #[error("a name has {length} bytes as text; at most {MAX_TEXT} are accepted")]
    TooLong {
        /// Bytes of the refused text.
        length: usize,
    },
    /// Not a host name that a certificate may carry.
    #[error("DNS name `{name}`: {problem}")]
    Dns {
        /// The refused name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not an IP address of a host.
    #[error("IP address `{address}`: {problem}")]
    Ip {
        /// The refused address.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not a mail address.
    #[error("mail address `{address}`: {problem}")]
    Mailbox {
        /// The refused address.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not an absolute URI.
    #[error("URI `{uri}`: {problem}")]
    Uri {
        /// The refused URI.
        uri: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A directory name that is not a name.
    #[error(transparent)]
    DirName(#[from] NameError),
    /// A registered identifier or type of otherName that is not an OID.
    #[error("`{0}` is not an object identifier such as 1.2.3.4")]
    Oid(String),
    /// An otherName whose value is missing or not DER.
    #[error("otherName: {0}")]
    OtherName(&'static str),
    /// A kind that is never issued: x400Address or ediPartyName.
    #[error("general names with tag 0x{0:02x} are not supported")]
    Unsupported(u8),
    /// The octets are not the DER of GeneralNames.
    #[error("not a list of general names: {0}")]
    Der(#[from] DerError),
    /// There is no name at all.
    #[error("a list of subject alternative names must not be empty")]
    Empty,
    /// There are too many names.
    #[error("more than {MAX_SANS} subject alternative names")]
    TooMany,
}

/// One subject alternative name.
///
/// `FromStr` and `Display` use the canonical text form. The order is that of the kinds, then of the values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum San {
    /// `dns:web.example.test`, `dns:*.example.test`: a dNSName.
    Dns(DnsName),
    /// `ip:192.0.2.1`, `ip:2001:db8::1`: an iPAddress of 4 or 16 octets.
    Ip(HostAddress),
    /// `email:user@example.test`: an rfc822Name.
    Email(EmailAddress),
    /// `email:üser@example.test`: an address whose local part is not ASCII (RFC 9598).
    SmtpUtf8(SmtpUtf8Mailbox),
    /// `uri:spiffe://example.test/svc/ca`: a uniformResourceIdentifier.
    Uri(Uri),
    /// `dirname:CN=web,O=Example`: a directoryName.
    DirName(DistinguishedName),
    /// `rid:1.2.3.4`: a registeredID.
    RegisteredId(Oid),
    /// `upn:user@example.test` for a user principal name, else `othername:1.2.3.4=0c0161`.
    OtherName {
        /// The type of the name.
        oid: Oid,
        /// DER of the value, without its explicit tag 0.
        value_der: Vec<u8>,
    },
    /// A GeneralName of a received certificate that none of the above accepts, as DER: an unsupported kind, or a
    /// name that breaks the rules of its kind. Never issued; the text form `opaque:…` is only written.
    Opaque(Vec<u8>),
}

/// The kind of a subject alternative name, as profiles allow or refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SanKind {
    /// Host names.
    Dns,
    /// IP addresses.
    Ip,
    /// Mail addresses, with or without an internationalised local part.
    Email,
    /// URIs.
    Uri,
    /// Directory names.
    DirName,
    /// Registered identifiers.
    RegisteredId,
    /// User principal names.
    Upn,
    /// All other otherNames.
    OtherName,
    /// What only foreign certificates hold.
    Opaque,
}

impl San {
    /// The kind of this name.
    #[must_use]
    pub fn kind(&self) -> SanKind {
        match self {
            Self::Dns(_) => SanKind::Dns,
            Self::Ip(_) => SanKind::Ip,
            Self::Email(_) | Self::SmtpUtf8(_) => SanKind::Email,
            Self::Uri(_) => SanKind::Uri,
            Self::DirName(_) => SanKind::DirName,
            Self::RegisteredId(_) => SanKind::RegisteredId,
            Self::OtherName { oid, .. } if *oid == ID_ON_UPN => SanKind::Upn,
            Self::OtherName { .. } => SanKind::OtherName,
            Self::Opaque(_) => SanKind::Opaque,
        }
    }

    /// A user principal name.
    ///
    /// # Errors
    /// If it is not of the form `user@domain` or holds control characters or spaces.
    pub fn upn(name: &str) -> Result<Self, SanError> {
        mailbox::check_upn(name)?;
        let value_der = crate::asn1::Writer::primitive_of(crate::asn1::tag::UTF8_STRING, name.as_bytes());
        Ok(Self::OtherName {
            oid: ID_ON_UPN,
            value_der,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_kind() {
        for (text, kind) in [
            ("dns:a.test", SanKind::Dns),
            ("ip:::1", SanKind::Ip),
            ("email:a@b.test", SanKind::Email),
            ("email:ü@b.test", SanKind::Email),
            ("uri:urn:ab:b", SanKind::Uri),
            ("dirname:CN=a", SanKind::DirName),
            ("rid:1.2.3", SanKind::RegisteredId),
            ("upn:a@b.test", SanKind::Upn),
            ("othername:1.2.3=0500", SanKind::OtherName),
        ] {
            let san: San = text.parse().unwrap();
            assert_eq!(san.kind(), kind, "{text}");
        }
    }
}
