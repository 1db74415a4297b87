//! Who signs the responses of an issuer: a responder that the CA has authorized (RFC 6960 section 4.2.2.2), or the CA.

use lint::ResponseContext;
use time::{Duration, OffsetDateTime};
use x509::ocsp::ResponderId;
use x509::{Certificate, Eku, KeyAlgorithm, PublicKey, Serial, SignatureAlgorithm};

use super::{Issuer, ResponderIdForm};

/// One that is about to expire signs nothing more: a response that holds for a moment is of no use to a client.
const LEAST_LIFE: Duration = Duration::minutes(10);

/// A key that signs, and what clients know it by.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    /// In keymgr.
    pub(crate) key_name: String,
    pub(crate) responder: ResponderId,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) public_key: PublicKey,
    /// The certificate of a delegated responder; empty where the CA signs.
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    /// What its responses are held against before they are signed.
    pub(crate) context: ResponseContext,
}

/// Why a certificate is not that of a responder of the issuer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotASigner {
    #[error("extKeyUsage OCSPSigning is missing")]
    Purpose,
    #[error("it was not issued by the CA: {0}")]
    NotIssued(#[from] x509::CertificateError),
    #[error("its key cannot be used: {0}")]
    Key(#[from] x509::key::KeyError),
}

/// Reads a responder certificate, and refuses one that clients would refuse.
pub(crate) fn verify(
    issuer: &Issuer,
    key_name: &str,
    certificate: Certificate,
    form: ResponderIdForm,
) -> Result<Signer, NotASigner> {
    certificate.verify_signed_by(&issuer.certificate)?;
    if !certificate.eku().unwrap_or_default().contains(&Eku::OcspSigning) {
        return Err(NotASigner::Purpose);
    }
    Ok(Signer {
        certificates: vec![certificate.clone()],
        ..Signer::of(&certificate, issuer, key_name, form)?
    })
}

impl Signer {
    /// The CA itself.
    pub(crate) fn direct(issuer: &Issuer, form: ResponderIdForm) -> Result<Self, NotASigner> {
        Self::of(&issuer.certificate, issuer, &issuer.key_name, form)
    }

    fn of(
        certificate: &Certificate,
        issuer: &Issuer,
        key_name: &str,
        form: ResponderIdForm,
    ) -> Result<Self, NotASigner> {
        let public_key = certificate.public_key()?.clone();
        Ok(Self {
            key_name: key_name.to_owned(),
            responder: match form {
                ResponderIdForm::Key => ResponderId::by_key(certificate),
                ResponderIdForm::Name => ResponderId::by_name(certificate),
            },
            algorithm: SignatureAlgorithm::default_for(public_key.algorithm()),
            public_key,
            certificates: Vec::new(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            context: ResponseContext::new(certificate, &issuer.certificate),
        })
    }

    /// Serial number of the certificate of a delegated responder.
    pub(crate) fn serial(&self) -> Option<Serial> {
        self.certificates.first()?.serial().proper().ok()
    }

    /// Whether it may sign now.
    pub(crate) fn is_usable(&self, now: OffsetDateTime) -> bool {
        self.not_before <= now && now + LEAST_LIFE < self.not_after
    }

    /// Whether another one is to be made: at two thirds of its life, unless that could not live longer, since the CA ends.
    pub(crate) fn is_due(&self, now: OffsetDateTime, end_of_ca: OffsetDateTime) -> bool {
        let life = self.not_after - self.not_before;
        now >= self.not_before + life * 2 / 3 && self.not_after < end_of_ca
    }
}

/// What a responder's key is made as: clients that verify signatures of the CA verify these too.
pub(crate) fn key_algorithm(issuer: &Issuer) -> KeyAlgorithm {
    match issuer.certificate.public_key().map(PublicKey::algorithm) {
        Ok(KeyAlgorithm::Rsa(_)) => KeyAlgorithm::Rsa(2048),
        Ok(KeyAlgorithm::Ed25519) => KeyAlgorithm::Ed25519,
        Ok(KeyAlgorithm::P384 | KeyAlgorithm::P521) => KeyAlgorithm::P384,
        Ok(KeyAlgorithm::P256) | Err(_) => KeyAlgorithm::P256,
    }
}
