//! Contradictions in a profile, found before it certifies anything.
//!
//! A profile that passes cannot yield a certificate that the standards forbid outright: an end entity that signs
//! certificates, a certificate without revocation information that lives for a year.

use x509::Oid;
use x509::extension::{Eku, KeyUsageFlags};
use x509::name::oids;

use super::{CURVES_ONLY, CommonName, Kind, MAX_BACKDATE, MAX_SHORT_LIVED, Profile, RSA_ONLY, Revocation};
use crate::duration;
use crate::text::attributes;

/// A profile that contradicts itself or the standards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile {profile:?}: {problem}")]
pub struct ProfileError {
    /// Name of the profile.
    pub profile: String,
    /// Which field is wrong, and what would do.
    pub problem: String,
}

impl Profile {
    /// Looks for contradictions. [`approve`](crate::approve) does it too, so an invalid profile never certifies.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn validate(&self) -> Result<(), ProfileError> {
        self.find_contradiction().map_err(|problem| ProfileError {
            profile: self.name.clone(),
            problem,
        })
    }

    fn find_contradiction(&self) -> Result<(), String> {
        check_name(&self.name)?;
        if self.keys.is_empty() {
            return Err("`keys` is empty; list the kinds of keys, such as p256".into());
        }
        self.subject
            .find_contradiction()
            .map_err(|problem| format!("`subject`: {problem}"))?;
        if self.development && self.subject.common_name == CommonName::Free {
            return Err(
                "`subject.common_name` is free, and the profile is for development: everybody would name whom they like; \
                 write names-repeat-san, or `development` false"
                    .into(),
            );
        }
        self.san
            .find_contradiction()
            .map_err(|problem| format!("`san`: {problem}"))?;
        self.check_allowed_names()?;
        self.check_lifetime()?;
        self.check_usage()?;
        self.check_purposes()?;
        self.check_revocation()
    }

    /// A name that must be there must be one that may be there.
    fn check_allowed_names(&self) -> Result<(), String> {
        let limits = &self.allowed_names;
        if limits.is_unlimited() {
            return Ok(());
        }
        let kinds = &self.san.required;
        if !kinds.is_empty() && !kinds.iter().any(|kind| limits.may_name(*kind)) {
            let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
            return Err(format!(
                "`allowed_names` has no pattern for {}, of which `san.required` wants a name",
                kinds.join(" or ")
            ));
        }
        // These two may repeat an alternative name.
        let repeating = [oids::COMMON_NAME, oids::EMAIL_ADDRESS];
        let unnamed =
            |attribute: &&Oid| !repeating.contains(*attribute) && !limits.may_name_attribute(**attribute);
        match self.subject.required.iter().find(unnamed) {
            Some(attribute) => Err(format!(
                "`allowed_names` has no pattern for {label}, which `subject.required` holds; add one such as \
                 subject:{label}=Example",
                label = attributes::label(*attribute)
            )),
            None => Ok(()),
        }
    }

    fn check_lifetime(&self) -> Result<(), String> {
        if self.default_validity.is_zero() || self.default_validity > self.max_validity {
            return Err(format!(
                "`default_validity` is {}; write one between 1s and `max_validity`, {}",
                duration::format(self.default_validity),
                duration::format(self.max_validity)
            ));
        }
        if self.backdate > MAX_BACKDATE {
            return Err(format!(
                "`backdate` is {}; at most 48h is allowed",
                duration::format(self.backdate)
            ));
        }
        Ok(())
    }

    fn check_usage(&self) -> Result<(), String> {
        let signs_certificates = self.key_usage.contains(KeyUsageFlags::KEY_CERT_SIGN);
        match (self.certificate.is_ca(), signs_certificates) {
            (true, false) => return Err("`key_usage` of a CA must hold key-cert-sign".into()),
            (false, true) => return Err("`key_usage` of an end entity must not hold key-cert-sign".into()),
            (true, true) | (false, false) => {}
        }
        if self.certificate.is_ca() && self.key_usage.contains(KeyUsageFlags::KEY_ENCIPHERMENT) {
            return Err("`key_usage` of a CA must not hold key-encipherment".into());
        }
        if self.key_usage.without(RSA_ONLY | CURVES_ONLY).is_empty() {
            return Err(
                "`key_usage` must hold a usage that every kind of key has, such as digital-signature".into(),
            );
        }
        if !self.certificate.is_ca() && !self.name_constraints.is_empty() {
            return Err("`name_constraints` are for CAs only".into());
        }
        Ok(())
    }

    fn check_purposes(&self) -> Result<(), String> {
        let purposes = &self.extended_key_usage;
        if purposes.contains(&Eku::ANY) {
            return Err("`extended_key_usage` must not hold anyExtendedKeyUsage; list the purposes".into());
        }
        if purposes.is_empty() && self.certificate == Kind::EndEntity {
            return Err("`extended_key_usage` of an end entity must not be empty".into());
        }
        if !purposes.is_empty() && self.certificate == Kind::Root {
            return Err("`extended_key_usage` does not belong in a root".into());
        }
        if purposes.contains(&Eku::OcspSigning) && purposes.len() > 1 {
            return Err("`extended_key_usage`: ocsp-signing must be the only purpose".into());
        }
        if self.must_staple && !purposes.contains(&Eku::ServerAuth) {
            return Err("`must_staple` is for TLS servers only".into());
        }
        Ok(())
    }

    fn check_revocation(&self) -> Result<(), String> {
        let answers_ocsp =
            self.certificate == Kind::EndEntity && self.extended_key_usage == [Eku::OcspSigning];
        match self.revocation {
            Revocation::Nocheck if !answers_ocsp => {
                Err("`revocation`: nocheck is for OCSP responders only".into())
            }
            Revocation::Published if answers_ocsp => {
                Err("`revocation` of an OCSP responder must be nocheck: there is no responder for it".into())
            }
            Revocation::NotAvailable if self.certificate.is_ca() => {
                Err("`revocation` of a CA must be published".into())
            }
            Revocation::NotAvailable if self.max_validity > MAX_SHORT_LIVED => Err(format!(
                "`revocation` may be not-available for at most 7d; `max_validity` is {}",
                duration::format(self.max_validity)
            )),
            Revocation::NotAvailable if self.must_staple => {
                Err("`must_staple` needs OCSP; set `revocation` to published".into())
            }
            Revocation::NotAvailable | Revocation::Nocheck if self.crl_in_ldap => {
                Err("`crl_in_ldap` needs a CRL; set `revocation` to published".into())
            }
            Revocation::Nocheck | Revocation::Published | Revocation::NotAvailable => Ok(()),
        }
    }
}

/// Names go into URLs, metrics and file names.
fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty()
        || name.len() > 64
        || !name.chars().all(plain)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return Err("`name` must be 1 to 64 lower-case letters, digits and inner hyphens".into());
    }
    Ok(())
}
