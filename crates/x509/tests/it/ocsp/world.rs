//! A CA, a certificate of it, and a responder that the CA authorized.
#![expect(clippy::unwrap_used, reason = "tests")]

use time::OffsetDateTime;
use time::macros::datetime;
use x509::ocsp::{
    CertId, CertStatus, HashAlgorithm, IssuerIds, ResponderId, ResponseDataSpec, SingleResponseSpec,
    assemble_response,
};
use x509::{Certificate, CertificateSpec, Eku, Extension, KeyAlgorithm, KeyUsageFlags, SignatureAlgorithm};

use crate::csr::holder::Holder;
use crate::issue::{Authority, Hierarchy, spec};

/// Before any machine runs these tests, and after: tools know only their own clock.
pub(crate) const BEFORE: OffsetDateTime = datetime!(2026-11-01 00:00 UTC);
pub(crate) const AFTER: OffsetDateTime = datetime!(2125-12-31 00:00 UTC);

pub(crate) struct World {
    pub(crate) hierarchy: Hierarchy,
    pub(crate) responder: Authority,
}

impl World {
    pub(crate) fn new(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> Self {
        let hierarchy = Hierarchy::lasting(key, algorithm);
        let responder = delegate(&hierarchy.intermediate, key, |_| {});
        Self { hierarchy, responder }
    }

    pub(crate) fn any() -> Self {
        Self::new(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256)
    }

    pub(crate) fn ca(&self) -> &Authority {
        &self.hierarchy.intermediate
    }

    pub(crate) fn cert_id(&self, hash: HashAlgorithm) -> CertId {
        let ids = IssuerIds::of(&self.ca().certificate);
        CertId::new(&ids, hash, self.hierarchy.leaf.serial())
    }

    /// A response of the delegated responder for the leaf.
    pub(crate) fn spec(&self, status: CertStatus) -> ResponseDataSpec {
        spec_of(
            ResponderId::by_key(&self.responder.certificate),
            self.cert_id(HashAlgorithm::Sha256),
            status,
        )
    }
}

pub(crate) fn spec_of(responder: ResponderId, cert_id: CertId, status: CertStatus) -> ResponseDataSpec {
    ResponseDataSpec {
        responder,
        produced_at: BEFORE,
        responses: vec![SingleResponseSpec {
            cert_id,
            status,
            this_update: BEFORE,
            next_update: AFTER,
            archive_cutoff: None,
        }],
        nonce: None,
        extended_revoke: false,
    }
}

/// A responder with a certificate of this CA, changed as the test wants.
pub(crate) fn delegate(
    ca: &Authority,
    key: KeyAlgorithm,
    change: impl FnOnce(&mut CertificateSpec),
) -> Authority {
    let holder = Holder::new(key);
    let mut spec = spec(
        "CN=OCSP Responder,O=Example Org,C=DE",
        holder.public_key(),
        ca.algorithm,
    );
    spec.validity = ca.certificate.validity();
    spec.extensions = vec![
        Extension::key_usage(KeyUsageFlags::DIGITAL_SIGNATURE).unwrap(),
        Extension::extended_key_usage(vec![Eku::OcspSigning]).unwrap(),
        Extension::ocsp_no_check(),
    ];
    change(&mut spec);
    Authority {
        certificate: ca.issue(spec),
        algorithm: ca.algorithm,
        holder,
    }
}

/// Signs the response as this responder, with these certificates beside it.
pub(crate) fn response_of(
    signer: &Authority,
    spec: &ResponseDataSpec,
    certificates: &[Certificate],
) -> Vec<u8> {
    let tbs = spec.to_tbs().unwrap();
    let signature = signer.holder.sign(&tbs, signer.algorithm);
    assemble_response(&tbs, signer.algorithm, &signature, certificates).unwrap()
}
