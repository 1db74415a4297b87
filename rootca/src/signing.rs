//! Signing a certificate with a key of this process: what a root and the first start of `up` use.
//!
//! The ca service has the same step over the network, in batches; both take `Linted<Approved>` and
//! nothing less.

use keys::{KeyError, Signer};
use lint::{Linted, ToBeSigned};
use rules::Approved;
use x509::Certificate;

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
    let (tbs, algorithm) = (approved.tbs(), approved.signature_algorithm());
    let signature = signer.sign(tbs, algorithm)?;
    algorithm
        .verify(signer.public_key(), tbs, &signature)
        .map_err(|_| KeyError::BadSignature)?;
    let unreadable = |reason: String| KeyError::Certificate(reason);
    let der = x509::assemble(tbs, algorithm, &signature).map_err(|error| unreadable(error.to_string()))?;
    Certificate::from_der(&der).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use keys::SoftwareKey;
    use rules::{Grant, Issuer, Request};
    use time::macros::datetime;
    use x509::{KeyAlgorithm, SignatureAlgorithm};

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
    }

    #[test]
    fn a_wrong_signature_is_never_handed_out() {
        let faulty = Faulty(SoftwareKey::generate(KeyAlgorithm::P256).unwrap());
        let refused = sign(root(&faulty.0), &faulty).unwrap_err();
        assert!(matches!(refused, KeyError::BadSignature), "{refused}");
    }
}
