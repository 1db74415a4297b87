//! Signing a certificate in this process: what the offline root and the first start of `up` use.
//!
//! The ca service has the same step over the network, in batches; both take `Linted<Approved>` and
//! nothing less.

use lint::{Linted, ToBeSigned};
use rules::Approved;
use x509::Certificate;

use crate::{KeyError, Signer};

/// Signs what policy approved and lint passed, and verifies the signature before handing it out.
///
/// # Errors
/// [`KeyError::WrongSigner`] when the signer's key is not the one that the issuer was approved with;
/// [`KeyError::AlgorithmMismatch`] when it does not do the approved algorithm; [`KeyError::BadSignature`]
/// when a wrong signature came back.
pub fn sign_certificate(approved: Linted<Approved>, signer: &dyn Signer) -> Result<Certificate, KeyError> {
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
