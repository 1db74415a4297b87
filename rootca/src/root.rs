//! A root with its key at hand: made, opened, signing.

use std::path::Path;
use std::time::Duration;

use keys::{Signer, SoftwareKey};
use lint::Linted;
use rules::{Approved, Grant, Issuer, PublicationUrls, Request};
use time::OffsetDateTime;
use x509::crl::{CertificateList, CrlEntry, CrlKind, CrlSpec};
use x509::{Certificate, DistinguishedName, KeyAlgorithm, rfc3339};

use crate::error::Error;
use crate::folder::Folder;
use crate::intermediate::{Intermediate, draft, fresh_serial, profile};
use crate::protection::Protection;
use crate::signing;

/// A root certificate and its private key, which is wiped from memory when the root is dropped.
#[derive(Debug)]
pub struct Root {
    certificate: Certificate,
    key: SoftwareKey,
}

impl Root {
    /// Makes a key and certifies it by itself. `validity` counts both its first and its last second; `None` is 20
    /// years.
    ///
    /// # Errors
    /// [`Error::Denied`] for keys, names and lifetimes that a root may not have.
    pub fn create(
        subject: &DistinguishedName,
        key: KeyAlgorithm,
        validity: Option<Duration>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let key = SoftwareKey::generate(key)?;
        let issuer = Issuer::self_signed(key.public_key().clone(), key.algorithm())?;
        let request = Request {
            validity,
            ..Request::new(subject.clone(), Vec::new(), key.public_key().clone())
                .granted(Grant::default().with_authority())
        };
        let approved = rules::approve(&profile("root")?, request, &issuer, fresh_serial()?, now)?;
        let linted = lint::lint(approved, &lint::Context::self_signed())?;
        let certificate = signing::sign(linted, &key)?;
        Ok(Self { certificate, key })
    }

    /// Puts a certificate and its key together; `None` if the key is another one.
    #[must_use]
    pub fn from_parts(certificate: Certificate, key: SoftwareKey) -> Option<Self> {
        (certificate.spki_fingerprint() == key.public_key().fingerprint())
            .then_some(Self { certificate, key })
    }

    /// Opens the root of a ceremony folder.
    ///
    /// # Errors
    /// Those of [`Folder::open`] and [`Folder::unlock`].
    pub fn open(dir: &Path, protection: Protection<'_>) -> Result<Self, Error> {
        Folder::open(dir)?.unlock(protection)
    }

    /// Makes a ceremony folder for this root. The folder appears whole or not at all.
    ///
    /// # Errors
    /// [`Error::Exists`] if the folder is there and not empty.
    pub fn save(&self, dir: &Path, protection: Protection<'_>) -> Result<Folder, Error> {
        Folder::create(dir, self, protection)
    }

    /// The same for a root whose intermediates say where its CRL and certificate are.
    ///
    /// # Errors
    /// Those of [`Folder::create_publishing`].
    pub fn save_publishing(
        &self,
        dir: &Path,
        protection: Protection<'_>,
        urls: &PublicationUrls,
    ) -> Result<Folder, Error> {
        Folder::create_publishing(dir, self, protection, urls)
    }

    /// Whether intermediates of this root may have these addresses.
    ///
    /// # Errors
    /// [`Error::Denied`] names the address.
    pub fn check_publication(&self, urls: &PublicationUrls) -> Result<(), Error> {
        let algorithm = self.key.algorithm();
        Issuer::from_certificate(self.certificate.clone(), urls.clone(), algorithm)?;
        Ok(())
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &SoftwareKey {
        &self.key
    }

    /// Certifies an intermediate CA. Nothing is recorded; see [`Folder::record`].
    ///
    /// # Errors
    /// Those of [`draft`] and [`sign`](Self::sign).
    pub fn sign_intermediate(
        &self,
        wanted: &Intermediate,
        now: OffsetDateTime,
    ) -> Result<Certificate, Error> {
        self.sign(draft(&self.certificate, wanted, now)?)
    }

    /// Signs what [`draft`] made.
    ///
    /// # Errors
    /// If it was drafted for another root, or the key fails.
    pub fn sign(&self, draft: Linted<Approved>) -> Result<Certificate, Error> {
        if draft.get().issuer_key() != self.key.public_key() {
            return Err(Error::Usage("this was drafted for another root".into()));
        }
        Ok(signing::sign(draft, &self.key)?)
    }

    /// Signs a complete CRL that holds from now for `validity`, at most to the end of the root itself.
    ///
    /// `number` must be higher than that of every CRL before; [`Folder::publish_crl`] sees to that.
    ///
    /// # Errors
    /// [`Error::Crl`] for an expired root, a serial number that occurs twice, a reason that no CRL carries; [`Error::Lint`] if the list
    /// would break a standard.
    pub fn crl(
        &self,
        number: u64,
        entries: Vec<CrlEntry>,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<CertificateList, Error> {
        let refused = |error: &dyn std::fmt::Display| Error::Crl(error.to_string());
        if !self.certificate.validity().contains(now) {
            return Err(refused(&format_args!(
                "the root is not valid at {}",
                rfc3339(now)
            )));
        }
        let next = time::Duration::try_from(validity)
            .ok()
            .and_then(|validity| now.checked_add(validity));
        let end = self.certificate.not_after();
        let tbs = CrlSpec {
            signature_algorithm: self.key.algorithm(),
            issuer: self.certificate.subject().clone(),
            aki: self
                .certificate
                .subject_key_identifier()
                .unwrap_or_default()
                .to_vec(),
            number,
            this_update: now,
            next_update: next.map_or(end, |next| next.min(end)),
            kind: CrlKind::COMPLETE,
            shard: Vec::new(),
        }
        .to_tbs(&entries)
        .map_err(|error| refused(&error))?;
        let linted = lint::lint_crl(tbs, &lint::CrlContext::issued_by(&self.certificate))?;
        Ok(signing::sign_list(&linted, &self.certificate, &self.key)?)
    }
}
