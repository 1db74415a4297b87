//! Making requests: for the command line, the identities of the services, and tests.

use der::Encode;

use super::Csr;
use crate::Oid;
use crate::asn1::{Writer, tag};
use crate::key::PublicKey;
use crate::name::DistinguishedName;
use crate::san::{self, San, SanError};
use crate::signature::{SignatureAlgorithm, SignatureError};

const EXTENSION_REQUEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.14");
const SUBJECT_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.17");

impl Csr {
    /// Makes a request in DER: `sign` gets the CertificationRequestInfo and answers the signature as X.509
    /// carries it. Names go into a subjectAltName, critical if the subject is empty (RFC 5280 section 4.2.1.6).
    ///
    /// # Errors
    /// [`CsrBuildError::Sign`] with what `sign` said; the other variants if names cannot be encoded or if the
    /// signature is not one of this key.
    pub fn build<E>(
        subject: &DistinguishedName,
        sans: &[San],
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, CsrBuildError<E>> {
        if !algorithm.fits(key.algorithm()) {
            return Err(SignatureError::WrongKey {
                algorithm,
                key: key.algorithm(),
            }
            .into());
        }
        let identifier = algorithm
            .identifier()
            .to_der()
            .map_err(|e| SignatureError::Malformed(e.to_string()))?;
        let info = info(subject, sans, key)?;
        let signature = sign(&info).map_err(CsrBuildError::Sign)?;
        algorithm.verify(key, &info, &signature)?;
        Ok(Writer::one(tag::SEQUENCE, |request| {
            request.raw(&info);
            request.raw(&identifier);
            request.bit_octets(&signature);
        }))
    }
}

fn info(subject: &DistinguishedName, sans: &[San], key: &PublicKey) -> Result<Vec<u8>, SanError> {
    let names = if sans.is_empty() {
        None
    } else {
        Some(san::encode(sans)?)
    };
    Ok(Writer::one(tag::SEQUENCE, |info| {
        info.unsigned(&[0]);
        info.raw(subject.der());
        info.raw(key.spki());
        info.constructed(tag::context_constructed(0), |attributes| {
            if let Some(names) = names {
                extension_request(attributes, &names, subject.is_empty());
            }
        });
    }))
}

fn extension_request(attributes: &mut Writer, names: &[u8], critical: bool) {
    attributes.sequence(|attribute| {
        attribute.oid(&EXTENSION_REQUEST);
        attribute.constructed(tag::SET, |values| {
            values.sequence(|extensions| {
                extensions.sequence(|extension| {
                    extension.oid(&SUBJECT_ALT_NAME);
                    if critical {
                        extension.boolean_true();
                    }
                    extension.primitive(tag::OCTET_STRING, names);
                });
            });
        });
    });
}

/// Why a request could not be made; `E` is the error of the signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrBuildError<E> {
    /// The subject alternative names cannot be encoded.
    #[error("subject alternative names: {0}")]
    San(#[from] SanError),
    /// The algorithm does not fit the key, or the signer used another key.
    #[error("the request cannot be signed: {0}")]
    Signature(#[from] SignatureError),
    /// The signer failed.
    #[error("the request cannot be signed: {0}")]
    Sign(E),
}
