//! Signing with a key of this process: what a root and the first start of `up` use.
//!
//! The services have the same steps over the network. All take `Linted<Approved>` for certificates, `Linted<TbsCertList>` for
//! CRLs, and nothing less.

use keys::{KeyError, Signer};
use lint::{Linted, TbsCertList, ToBeSigned};
use rules::Approved;
use x509::crl::CertificateList;
use x509::{Certificate, SignatureAlgorithm};

/// Signs what policy approved and lint passed, and verifies the signature before handing it out.
///
/// # Errors
/// [`KeyError::WrongSigner`] when the signer's key is not the one that the issuer was approved with;
/// [`KeyError::AlgorithmMismatch`] when it does not do the approved algorithm; [`KeyError::BadSignature`]
/// when a wrong signature came back.
pub(crate) fn sign(approved: Linted<Approved>, signer: &dyn Signer) -> Result<Certificate, KeyError> {
    let approved = approved.into_inner();
    if approved.issuer_key() != signer.public_key() {
        return Err(KeyError::WrongSigner);
    }
    let der = closed(approved.tbs(), approved.signature_algorithm(), signer)?;
    Certificate::from_der(&der).map_err(|error| KeyError::Certificate(error.to_string()))
}

/// Signs a CRL that lint passed for the issuer with this certificate, and verifies it before handing it out.
///
/// # Errors
/// [`KeyError::WrongSigner`] when the signer's key is not that of the certificate; [`KeyError::AlgorithmMismatch`] when it does not do
/// the algorithm; [`KeyError::BadSignature`] when a wrong signature came back, or the list names another algorithm than the one that
/// the key uses.
pub(crate) fn sign_list(
    list: &Linted<TbsCertList>,
    issuer: &Certificate,
    signer: &dyn Signer,
) -> Result<CertificateList, KeyError> {
    if issuer.spki_fingerprint() != signer.public_key().fingerprint() {
        return Err(KeyError::WrongSigner);
    }
    let der = closed(list.get().der(), signer.algorithm(), signer)?;
    let list = CertificateList::from_der(&der).map_err(|error| KeyError::Certificate(error.to_string()))?;
    list.verify_signed_by(issuer)
        .map_err(|_| KeyError::BadSignature)?;
    Ok(list)
}

/// Octets and a signature over them that was verified, as certificates and CRLs have them.
fn closed(tbs: &[u8], algorithm: SignatureAlgorithm, signer: &dyn Signer) -> Result<Vec<u8>, KeyError> {
    let signature = signer.sign(tbs, algorithm)?;
    algorithm
        .verify(signer.public_key(), tbs, &signature)
        .map_err(|_| KeyError::BadSignature)?;
    x509::assemble(tbs, algorithm, &signature).map_err(|error| KeyError::Certificate(error.to_string()))
}

#[cfg(test)]
mod tests {
    use keys::{SoftwareKey, StreamedMessage};
    use rules::{Grant, Issuer, Request};
    use time::Duration;
    use time::macros::datetime;
    use x509::KeyAlgorithm;
    use x509::crl::{CrlKind, CrlSpec};

    use super::*;
    use crate::intermediate::{fresh_serial, profile};

    fn root(key: &SoftwareKey) -> Linted<Approved> {
        let issuer = Issuer::self_signed(key.public_key().clone(), key.algorithm()).unwrap();
        let subject = "CN=Test Root".parse().unwrap();
        let request = Request::new(subject, Vec::new(), key.public_key().clone())
            .granted(Grant::default().with_authority());
        let now = datetime!(2027-01-01 0:00 UTC);
        let approved = rules::approve(
            &profile("root").unwrap(),
            request,
            &issuer,
            fresh_serial().unwrap(),
            now,
        )
        .unwrap();
        lint::lint(approved, &lint::Context::self_signed()).unwrap()
    }

    #[test]
    fn another_signer_than_the_issuer_is_refused() {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let other = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let refused = sign(root(&key), &other).unwrap_err();
        assert!(matches!(refused, KeyError::WrongSigner), "{refused}");
    }

    /// A store that answers with a signature over something else.
    struct Faulty(SoftwareKey);

    impl Signer for Faulty {
        fn public_key(&self) -> &x509::PublicKey {
            self.0.public_key()
        }

        fn sign(&self, _message: &[u8], algorithm: SignatureAlgorithm) -> Result<Vec<u8>, KeyError> {
            self.0.sign(b"something else", algorithm)
        }

        fn begin(&self, algorithm: SignatureAlgorithm) -> Result<StreamedMessage, KeyError> {
            self.0.begin(algorithm)
        }

        fn sign_streamed(&self, message: StreamedMessage) -> Result<Vec<u8>, KeyError> {
            self.0.sign_streamed(message)
        }
    }

    #[test]
    fn a_wrong_signature_is_never_handed_out() {
        let faulty = Faulty(SoftwareKey::generate(KeyAlgorithm::P256).unwrap());
        let refused = sign(root(&faulty.0), &faulty).unwrap_err();
        assert!(matches!(refused, KeyError::BadSignature), "{refused}");
        let certificate = sign(root(&faulty.0), &faulty.0).unwrap();
        let refused = sign_list(&list(&certificate), &certificate, &faulty).unwrap_err();
        assert!(matches!(refused, KeyError::BadSignature), "{refused}");
    }

    fn list(issuer: &Certificate) -> Linted<TbsCertList> {
        let now = datetime!(2027-01-01 0:00 UTC);
        let spec = CrlSpec {
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            issuer: issuer.subject().clone(),
            aki: issuer.subject_key_identifier().unwrap().to_vec(),
            number: 1,
            this_update: now,
            next_update: now + Duration::DAY,
            kind: CrlKind::COMPLETE,
            shard: Vec::new(),
        };
        lint::lint_crl(spec.to_tbs(&[]).unwrap(), &lint::CrlContext::issued_by(issuer)).unwrap()
    }

    #[test]
    fn a_list_is_signed_by_the_key_of_its_issuer_only() {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let certificate = sign(root(&key), &key).unwrap();
        let list = list(&certificate);
        sign_list(&list, &certificate, &key).unwrap();
        let other = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let refused = sign_list(&list, &certificate, &other).unwrap_err();
        assert!(matches!(refused, KeyError::WrongSigner), "{refused}");
    }
}
