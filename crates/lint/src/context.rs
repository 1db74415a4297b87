//! What a TBSCertificate cannot say itself: who is going to sign it, or signed it.

use x509::extension::{Eku, KeyUsageFlags, NameConstraints};
use x509::{Certificate, Validity};

use crate::view::View;

/// The position of a certificate in its hierarchy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    signer: Signer<'a>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Signer<'a> {
    #[default]
    Unknown,
    SelfSigned,
    IssuedBy(Issuer<'a>),
}

impl<'a> Context<'a> {
    /// The CA of this certificate signs.
    #[must_use]
    pub fn issued_by(issuer: impl Into<Issuer<'a>>) -> Self {
        Self {
            signer: Signer::IssuedBy(issuer.into()),
        }
    }

    /// The key in the certificate signs: a root.
    #[must_use]
    pub fn self_signed() -> Self {
        Self {
            signer: Signer::SelfSigned,
        }
    }

    /// Nothing is signed without knowing by whom.
    pub(crate) fn before_signing(self) -> Self {
        match self.signer {
            Signer::Unknown => Self::self_signed(),
            Signer::SelfSigned | Signer::IssuedBy(_) => self,
        }
    }

    /// Whether the certificate is a root's. Of a certificate from anywhere it is known when it is a CA's that names
    /// itself as issuer, and no other key of the same name.
    pub(crate) fn is_root(&self, view: &View<'_>) -> bool {
        match self.signer {
            Signer::SelfSigned => true,
            Signer::IssuedBy(_) => false,
            Signer::Unknown => {
                let authority = view.extensions.aki.as_ref().and_then(|aki| aki.key_identifier);
                let same_key = authority.is_none() || authority == view.extensions.ski;
                view.is_ca() && view.issuer == view.subject.der && same_key
            }
        }
    }

    /// The issuer, if it is known; a root is its own.
    pub(crate) fn issuer<'b>(&self, view: &View<'b>) -> Option<Issuer<'b>>
    where
        'a: 'b,
    {
        match self.signer {
            Signer::IssuedBy(issuer) => Some(issuer),
            Signer::SelfSigned | Signer::Unknown => view.root.then(|| Issuer::itself(view)),
        }
    }
}

/// The facts about an issuer that bear on what it signs, borrowed from its certificate.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    pub(crate) subject: &'a [u8],
    pub(crate) spki: &'a [u8],
    pub(crate) subject_key_identifier: Option<&'a [u8]>,
    pub(crate) validity: Option<Validity>,
    pub(crate) may_certify: bool,
    pub(crate) may_sign_crls: bool,
    pub(crate) path_len: Option<u8>,
    pub(crate) purposes: Option<&'a [Eku]>,
    pub(crate) name_constraints: Option<&'a NameConstraints>,
}

impl<'a> From<&'a Certificate> for Issuer<'a> {
    fn from(certificate: &'a Certificate) -> Self {
        let signs = |purpose| {
            certificate
                .key_usage()
                .is_none_or(|usage| usage.contains(purpose))
        };
        Self {
            subject: certificate.subject().der(),
            spki: certificate.spki(),
            subject_key_identifier: certificate.subject_key_identifier(),
            validity: Some(certificate.validity()),
            may_certify: certificate.is_ca() && signs(KeyUsageFlags::KEY_CERT_SIGN),
            may_sign_crls: signs(KeyUsageFlags::CRL_SIGN),
            path_len: certificate.path_len(),
            purposes: certificate.eku(),
            name_constraints: certificate.name_constraints(),
        }
    }
}

impl<'a> Issuer<'a> {
    /// A root as the issuer of itself. Purposes, name constraints and path length bind what is below it.
    fn itself(view: &View<'a>) -> Self {
        Self {
            subject: view.subject.der,
            spki: view.spki.der,
            subject_key_identifier: view.extensions.ski,
            validity: None,
            may_certify: view.is_ca(),
            may_sign_crls: view.is_ca(),
            path_len: None,
            purposes: None,
            name_constraints: None,
        }
    }
}
