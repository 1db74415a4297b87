//! Mail addresses: rfc822Name for ASCII local parts, SmtpUTF8Mailbox (RFC 9598) for all others. The domain is
//! in A-labels in both, as name constraints need it. Local parts keep their case: only their host may fold it.

use std::fmt;
use std::str::FromStr;

use super::SanError;
use super::dns::{host_a_labels, printable};
use crate::unicode;

/// Octets of a local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Octets of an address (RFC 5321 section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;

/// `local@domain` with an ASCII dot-atom as local part and an A-label domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

/// `local@domain` with at least one non-ASCII character in the local part and an A-label domain.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmtpUtf8Mailbox(String);

/// A mail address of either form.
pub(super) enum Mailbox {
    Ascii(EmailAddress),
    Utf8(SmtpUtf8Mailbox),
}

impl FromStr for Mailbox {
    type Err = SanError;

    fn from_str(text: &str) -> Result<Self, SanError> {
        let refuse = |problem| SanError::Mailbox {
            address: printable(text),
            problem,
        };
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| refuse("it has no `@`"))?;
        check_local_part(local).map_err(refuse)?;
        let domain = host_a_labels(domain).map_err(|_| refuse("its domain is not a host name"))?;
        let address = format!("{local}@{domain}");
        if address.len() > MAX_ADDRESS {
            return Err(refuse("addresses have at most 254 octets"));
        }
        Ok(if local.is_ascii() {
            Self::Ascii(EmailAddress(address))
        } else {
            Self::Utf8(SmtpUtf8Mailbox(address))
        })
    }
}

/// A dot-atom (RFC 5322 section 3.2.3), extended by all of Unicode but spaces and what is not seen (RFC 6531
/// section 3.3), in one of its spellings (RFC 6532 section 3.1: normalization form C).
/// Quoted strings are refused: no mail host that matters needs them and they have several spellings.
fn check_local_part(local: &str) -> Result<(), &'static str> {
    if local.len() > MAX_LOCAL_PART {
        return Err("local parts have at most 64 octets");
    }
    if local.split('.').any(str::is_empty) {
        return Err("the local part is empty or has an empty part between dots");
    }
    if !unicode::is_nfc(local) {
        return Err("write the local part in Unicode normalization form C");
    }
    let fits = |c: char| match c {
        '.' => true,
        _ if c.is_ascii() => c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c),
        _ => is_visible(c),
    };
    if local.chars().all(fits) {
        Ok(())
    } else {
        Err("the local part holds a character that is not allowed")
    }
}

fn is_visible(c: char) -> bool {
    !unicode::is_unfit(c) && !c.is_whitespace()
}

/// What encloses, quotes or lists mail addresses, and no account is called by.
const QUOTING: [char; 12] = ['"', '\\', '<', '>', '(', ')', '[', ']', ',', ';', ':', '|'];

/// Realms may be other than host names, but have no second spelling by a dot at their end or a port.
fn is_realm_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || unicode::is_mark(c) || "-_".contains(c))
}

/// The form `user@domain` of a user principal name; any visible user, in normalization form KC, so that
/// a full-width `@` or letter is not a second spelling.
pub(super) fn check_upn(name: &str) -> Result<(), SanError> {
    let refuse = |problem| {
        Err(SanError::Mailbox {
            address: printable(name),
            problem,
        })
    };
    match name.split_once('@') {
        Some((user, domain))
            if !user.is_empty() && !user.contains(QUOTING) && domain.split('.').all(is_realm_label) => {}
        _ => return refuse("a user principal name has the form user@domain"),
    }
    if name.len() > 1024 || !name.chars().all(is_visible) {
        return refuse(
            "a user principal name has no spaces, control or invisible characters and at most 1024 octets",
        );
    }
    if unicode::nfkc(name) != name {
        return refuse(
            "write the user principal name in Unicode normalization form KC, such as `@` for a full-width one",
        );
    }
    Ok(())
}

macro_rules! mailbox {
    ($kind:ident, $variant:ident, $problem:literal) => {
        impl $kind {
            /// The address as the certificate carries it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The part after the `@`: a host name of lower-case A-labels.
            #[must_use]
            pub fn domain(&self) -> &str {
                self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
            }

            /// The part before the `@`.
            #[must_use]
            pub fn local_part(&self) -> &str {
                self.0.rsplit_once('@').map_or("", |(local, _)| local)
            }
        }

        impl FromStr for $kind {
            type Err = SanError;

            fn from_str(text: &str) -> Result<Self, SanError> {
                match text.parse()? {
                    Mailbox::$variant(address) => Ok(address),
                    _ => Err(SanError::Mailbox {
                        address: printable(text),
                        problem: $problem,
                    }),
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($kind), "({})"), self.0)
            }
        }
    };
}

mailbox!(
    EmailAddress,
    Ascii,
    "its local part is not ASCII: it belongs in an SmtpUTF8Mailbox"
);
mailbox!(
    SmtpUtf8Mailbox,
    Utf8,
    "its local part is ASCII: it belongs in an rfc822Name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_fold_and_local_parts_do_not() {
        let address: EmailAddress = "First.Last+tag@Bücher.EXAMPLE".parse().unwrap();
        assert_eq!(address.as_str(), "First.Last+tag@xn--bcher-kva.example");
        assert_eq!(
            (address.local_part(), address.domain()),
            ("First.Last+tag", "xn--bcher-kva.example")
        );
        let address: SmtpUtf8Mailbox = "Üser@BÜCHER.example".parse().unwrap();
        assert_eq!(address.as_str(), "Üser@xn--bcher-kva.example");
    }

    #[test]
    fn each_form_takes_only_its_own() {
        assert!("a@b.test".parse::<SmtpUtf8Mailbox>().is_err());
        assert!("ü@b.test".parse::<EmailAddress>().is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "a",
            "@b.test",
            "a@",
            ".a@b.test",
            "a.@b.test",
            "a..b@c.test",
            "a b@c.test",
            "\"a\"@b.test",
            "a@b@c.test",
            "a@b_c.test",
            "a@b.test.",
            "a\0@b.test",
            "ü\u{202e}@b.test",
            "ü\u{85}@b.test",
            "a@1.2.3.4.",
            "a@1.2.3.4",
            "a@0x7f.1",
            "a@[10.0.0.1]",
            "\u{61c}ü@b.test",
            "u\u{308}@b.test",
            "ü\u{ad}@b.test",
            "a@*.test",
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
        assert!(format!("{}@b.test", "a".repeat(65)).parse::<Mailbox>().is_err());
    }

    #[test]
    fn principal_names_have_two_sides() {
        assert!(check_upn("user@EXAMPLE.TEST").is_ok());
        for name in [
            "user",
            "@a",
            "a@",
            "a@b@c",
            "a@b.",
            "\"a\"@b",
            "a@.b",
            "a@b/c",
            "a@b:1",
            "a b@c",
            "a@b\0",
            "a\u{202e}@b",
            "admin\u{61c}@corp",
            "a\u{ff20}b@c",
            "u\u{308}@b",
        ] {
            assert!(check_upn(name).is_err(), "{name:?}");
        }
    }
}
