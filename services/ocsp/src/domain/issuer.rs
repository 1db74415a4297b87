//! The CAs whose certificates are answered for.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use proto::ca::v1::CaInfo;
use x509::Certificate;
use x509::digest::sha256;
use x509::ocsp::{CertId, IssuerIds};

use super::Signer;

/// One generation of a CA: a key and a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// `issuing`, `issuing.2`.
    pub(crate) name: Arc<str>,
    /// The CA, for metrics.
    pub(crate) ca: Arc<str>,
    /// Its certificate.
    pub(crate) certificate: Certificate,
    /// The beginning of the SHA-256 of that, in hex: the same name may be another CA elsewhere.
    pub(crate) fingerprint: Arc<str>,
    /// Its key in keymgr.
    pub(crate) key_name: String,
    ids: IssuerIds,
    pub(crate) signer: Option<Arc<Signer>>,
}

impl Issuer {
    /// As `ca` tells it.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub(crate) fn decode(wire: CaInfo) -> Result<Self, x509::CertificateError> {
        let certificate = Certificate::from_der(&wire.certificate)?;
        let fingerprint: String = HEXLOWER
            .encode(&sha256(certificate.der()))
            .chars()
            .take(16)
            .collect();
        Ok(Self {
            fingerprint: Arc::from(fingerprint),
            name: Arc::from(wire.issuer.as_str()),
            ca: Arc::from(wire.name.as_str()),
            ids: IssuerIds::of(&certificate),
            certificate,
            key_name: wire.key_name,
            signer: None,
        })
    }

    /// The same, with who signs for it.
    pub(crate) fn signed_by(self, signer: Option<Signer>) -> Self {
        Self {
            signer: signer.map(Arc::new),
            ..self
        }
    }

    /// The hashes by which requests name it.
    #[must_use]
    pub(crate) fn ids(&self) -> &IssuerIds {
        &self.ids
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Issuers(pub(crate) Vec<Arc<Issuer>>);

impl Issuers {
    /// The one that a request names, by name and key.
    #[must_use]
    pub(crate) fn named_by(&self, id: &CertId) -> Option<&Arc<Issuer>> {
        self.0.iter().find(|issuer| issuer.ids.matches(id))
    }
}
