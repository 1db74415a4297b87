//! Who asks, and what each may have: one table.
//!
//! The allow list says which methods a service may call; this says what for. A service that was taken over has keymgr sign what
//! that service is for, and nothing else.

use std::fmt;

use kit::peer::{PROCESS, Peer};
use vocabulary::service;
use x509::kind::SignedStructure;

use super::{KeyName, Purpose};
use crate::error::Error;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A person or machine, over REST.
    Operator,
    /// The process that the service runs in.
    Process,
    /// The service `ca`.
    Ca,
    /// The service `crl`.
    Crl,
    /// The service `ocsp`.
    Ocsp,
}

/// What a caller may have.
struct Rights {
    /// Keys that it may have made.
    makes: &'static [Purpose],
    /// Keys that it may be shown.
    sees: &'static [Purpose],
    /// Structures that it may have signed.
    signs: &'static [SignedStructure],
}

impl Caller {
    /// All of them.
    #[cfg(test)]
    const ALL: [Self; 5] = [Self::Operator, Self::Process, Self::Ca, Self::Crl, Self::Ocsp];

    const fn rights(self) -> Rights {
        use Purpose::{CertificateAuthority, OcspSigner};
        match self {
            Self::Operator => Rights {
                makes: &Purpose::ALL,
                sees: &Purpose::ALL,
                signs: &[],
            },
            Self::Process => Rights {
                makes: &[CertificateAuthority],
                sees: &Purpose::ALL,
                signs: &[],
            },
            // It certifies keys of responders, so it sees them.
            Self::Ca => Rights {
                makes: &[CertificateAuthority],
                sees: &Purpose::ALL,
                signs: &[SignedStructure::Certificate, SignedStructure::CertificateRequest],
            },
            // The certificate of the issuer has all that it needs of a key.
            Self::Crl => Rights {
                makes: &[],
                sees: &[],
                signs: &[SignedStructure::Crl],
            },
            Self::Ocsp => Rights {
                makes: &[OcspSigner],
                sees: &[OcspSigner],
                signs: &[SignedStructure::OcspResponse],
            },
        }
    }

    /// The caller that the edge of gRPC admitted.
    pub(crate) fn of(peer: Option<&Peer>) -> Result<Self, Error> {
        match peer.and_then(Peer::name) {
            Some(PROCESS) => Ok(Self::Process),
            Some(service::CA) => Ok(Self::Ca),
            Some(service::CRL) => Ok(Self::Crl),
            Some(service::OCSP) => Ok(Self::Ocsp),
            other => Err(Error::internal(format!(
                "{} is on the allow list, but not in the table of what callers may have signed",
                other.unwrap_or("a caller without a name")
            ))),
        }
    }

    /// Whether it may have that structure signed.
    #[must_use]
    pub fn signs(self, structure: SignedStructure) -> bool {
        self.rights().signs.contains(&structure)
    }

    /// Refuses a key that it may not be shown.
    pub(crate) fn check_sees(self, purpose: Purpose) -> Result<(), Error> {
        match self.rights().sees.contains(&purpose) {
            true => Ok(()),
            false => Err(self.denied(format!("be shown keys of purpose {purpose}"))),
        }
    }

    /// Refuses a key that it may not have made. The names of responders' keys are those that `ocsp` makes, so that it finds its own
    /// there and no other's.
    pub(crate) fn check_makes(self, name: &KeyName, purpose: Purpose) -> Result<(), Error> {
        if !self.rights().makes.contains(&purpose) {
            return Err(self.denied(format!("make keys of purpose {purpose}")));
        }
        let ocsp = self == Self::Ocsp;
        if ocsp && !name.is_of_responder() {
            let text =
                format!("{name} is not the name of a responder's key, which is ocsp.<issuer>.<number>");
            return Err(Error::invalid("name", text));
        }
        if !ocsp && name.is_reserved() {
            let text =
                format!("{name}: names that begin with ocsp. are those of OCSP responders; choose another");
            return Err(Error::invalid("name", text));
        }
        Ok(())
    }

    pub(crate) fn denied(self, what: String) -> Error {
        Error::Caller { caller: self, what }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operator => "a caller over REST",
            Self::Process => "the process",
            Self::Ca => "service ca",
            Self::Crl => "service crl",
            Self::Ocsp => "service ocsp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_structure_is_signed_for_one_caller() {
        for structure in [
            SignedStructure::Certificate,
            SignedStructure::Crl,
            SignedStructure::CertificateRequest,
            SignedStructure::OcspResponse,
        ] {
            let able = Caller::ALL.into_iter().filter(|caller| caller.signs(structure));
            assert_eq!(able.count(), 1, "{structure:?}");
        }
    }

    #[test]
    fn names_of_responders_are_made_by_ocsp_and_no_other_name_is() {
        let responder: KeyName = "ocsp.issuing.1".parse().unwrap();
        let other: KeyName = "issuing".parse().unwrap();
        for purpose in Purpose::ALL {
            let makers = |name: &KeyName| -> Vec<Caller> {
                let makes = |caller: &Caller| caller.check_makes(name, purpose).is_ok();
                Caller::ALL.into_iter().filter(makes).collect()
            };
            match purpose {
                Purpose::CertificateAuthority => {
                    assert_eq!(makers(&responder), []);
                    assert_eq!(makers(&other), [Caller::Operator, Caller::Process, Caller::Ca]);
                }
                Purpose::OcspSigner => {
                    assert_eq!(makers(&responder), [Caller::Ocsp]);
                    assert_eq!(makers(&other), [Caller::Operator]);
                }
            }
        }
    }

    #[test]
    fn only_callers_of_the_table_are_known() {
        let of = |name: &str| Caller::of(Some(&Peer::named(name)));
        assert_eq!(of("ca").unwrap(), Caller::Ca);
        assert_eq!(of("process").unwrap(), Caller::Process);
        for other in ["auth", "CA", "", "ocsp2"] {
            assert!(of(other).is_err(), "{other}");
        }
        assert!(Caller::of(None).is_err());
    }
}
