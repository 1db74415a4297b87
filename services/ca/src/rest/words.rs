//! The closed sets of words of the REST surface, for its OpenAPI document.

use kit::openapi::{matching, one_of, one_of_or_empty};
use x509::SignatureAlgorithm;
use x509::crl::Reason;

use crate::app::KEY_PURPOSES;
use crate::domain::{Capacity, Protocol, Status, actions, lifecycle};

kit::words! {
    /// Whether a certificate is to be trusted.
    pub(crate) CertificateStatus = one_of(Status::ALL.map(Status::as_str));
    /// How a certificate was asked for.
    pub(crate) ProtocolName = one_of(Protocol::ALL.map(Protocol::as_str));
    /// How a certificate was asked for; empty where the stored row cannot be read.
    pub(crate) StoredProtocol = one_of_or_empty(Protocol::ALL.map(Protocol::as_str));
    /// Kind of a public key; of RSA with the bits of its modulus.
    pub(crate) KeyType = matching("^(p256|p384|p521|ed25519|rsa[2-8][0-9]{3})$");
    /// Kind of a public key, of RSA with the bits of its modulus; empty where what is stored cannot be read.
    pub(crate) StoredKeyType = matching("^(p256|p384|p521|ed25519|rsa[2-8][0-9]{3})?$");
    /// What a signature was made with.
    pub(crate) SignatureAlgorithmName = one_of(SignatureAlgorithm::ALL);
    /// What a signature was made with; empty where the stored certificate cannot be read.
    pub(crate) StoredSignatureAlgorithm = one_of_or_empty(SignatureAlgorithm::ALL);
    /// Why a certificate is revoked or on hold (RFC 5280 section 5.3.1).
    pub(crate) RevocationReason = one_of(Reason::ALL.map(Reason::as_str));
    /// Why to revoke a certificate (RFC 5280 section 5.3.1).
    pub(crate) FinalReason = one_of(final_reasons(true));
    /// Why to revoke many certificates (RFC 5280 section 5.3.1).
    pub(crate) BulkReason = one_of(final_reasons(false));
    /// In what capacity a hold or a revocation was decided.
    pub(crate) DecidedAs = one_of(Capacity::ALL.map(Capacity::as_str));
    /// A verb of a certificate.
    pub(crate) CertificateAction = one_of(actions::ALL);
    /// What a key was made for; `unknown` is of a later version.
    pub(crate) CaKeyPurpose = one_of(KEY_PURPOSES);
}

/// The reasons for which a certificate is revoked for good. `ca-compromise` is for certificates of CAs.
fn final_reasons(is_ca: bool) -> impl Iterator<Item = &'static str> {
    let is_final = move |reason: &Reason| lifecycle::check_reason(*reason, is_ca).is_ok();
    Reason::ALL.into_iter().filter(is_final).map(Reason::as_str)
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn a_reason_of_the_document_is_one_that_is_taken() {
        let [one, many] = [true, false].map(|is_ca| final_reasons(is_ca).collect::<Vec<_>>());
        assert!(one.contains(&"ca-compromise") && !many.contains(&"ca-compromise"));
        for refused in ["certificate-hold", "remove-from-crl", "aa-compromise"] {
            assert!(!one.contains(&refused) && !many.contains(&refused), "{refused}");
        }
        assert_eq!((one.len(), many.len()), (7, 6));
    }

    #[test]
    fn what_damaged_rows_show_is_in_the_schema() {
        let schema = |schema| serde_json::to_value::<utoipa::openapi::RefOr<_>>(schema).unwrap();
        for stored in [StoredProtocol::schema(), StoredSignatureAlgorithm::schema()] {
            assert!(schema(stored)["enum"].as_array().unwrap().contains(&"".into()));
        }
        assert!(
            schema(StoredKeyType::schema())["pattern"]
                .as_str()
                .unwrap()
                .ends_with(")?$")
        );
    }
}
