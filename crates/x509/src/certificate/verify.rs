//! Whether one certificate was issued by another.

use super::{Certificate, CertificateError};
use crate::PublicKey;
use crate::extension::KeyUsageFlags;
use crate::key::KeyError;

impl Certificate {
    /// Verifies that `issuer` signed this certificate and was a CA that may: names and key identifiers meet,
    /// basicConstraints and keyUsage allow it, the signature is right over the octets received. Times, path
    /// lengths, name constraints and revocation are not looked at: this is one link, not a path.
    ///
    /// # Errors
    /// [`CertificateError`] names the first reason.
    pub fn verify_signed_by(&self, issuer: &Self) -> Result<(), CertificateError> {
        self.verify_names_of(issuer)?;
        issuer.check_may_issue()?;
        self.verify_signature(issuer.public_key()?)
    }

    /// The same for a path of foreign certificates: keys that would not be certified here verify as long as their
    /// signatures mean anything, and an anchor of version 1, which has no extensions, is an anchor: its name and key
    /// are all that is trusted (section 6.1.1 (d)). It has to name itself as its issuer: one that does not is the certificate of
    /// a server or a person, whose key signs no certificates.
    pub(crate) fn verify_link(&self, issuer: &Self, is_anchor: bool) -> Result<(), CertificateError> {
        self.verify_names_of(issuer)?;
        if !(is_anchor && issuer.version() == 1 && issuer.subject().matches(issuer.issuer())) {
            issuer.check_may_issue()?;
        }
        match issuer.public_key() {
            Err(KeyError::Weak(_)) => {
                let key = PublicKey::to_verify(issuer.spki()).map_err(|error| match error {
                    KeyError::Weak(weakness) => CertificateError::WeakIssuerKey(weakness),
                    other => other.into(),
                })?;
                self.verify_signature(&key)
            }
            key => self.verify_signature(key?),
        }
    }

    fn verify_names_of(&self, issuer: &Self) -> Result<(), CertificateError> {
        if !self.issuer().matches(issuer.subject()) {
            return Err(CertificateError::IssuerName);
        }
        if let (Some(authority), Some(subject)) =
            (self.authority_key_identifier(), issuer.subject_key_identifier())
            && authority != subject
        {
            return Err(CertificateError::IssuerKeyIdentifier);
        }
        Ok(())
    }

    fn check_may_issue(&self) -> Result<(), CertificateError> {
        if !self.is_ca() {
            return Err(CertificateError::IssuerIsNoCa);
        }
        if self
            .key_usage()
            .is_some_and(|usage| !usage.contains(KeyUsageFlags::KEY_CERT_SIGN))
        {
            return Err(CertificateError::IssuerKeyUsage);
        }
        Ok(())
    }

    /// Verifies the signature alone, over the octets received.
    ///
    /// # Errors
    /// If the algorithm is not supported or does not fit the key, or the signature is wrong.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), CertificateError> {
        Ok(self.identified()?.verify(key, self.tbs_der(), self.signature())?)
    }
}
