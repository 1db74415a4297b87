//! A CA of the test, a certificate of it, and a responder that answers as it should or does not.

use aws_lc_rs::rand::SystemRandom;
use keys::{Signer as _, SoftwareKey};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use x509::crl::{CrlEntry, CrlKind, CrlSpec, Reason};
use x509::ocsp::{
    CertId, CertStatus, ErrorStatus, HashAlgorithm, IssuerIds, Nonce, ResponderId, ResponseDataSpec,
    SingleResponseSpec, assemble_response,
};
use x509::{
    Certificate, CertificateSpec, Eku, Extension, KeyAlgorithm, KeyIdMethod, KeyUsageFlags, Serial, Validity,
    assemble,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-12-24 12:00 UTC);

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    NoNonce,
    OtherNonce,
    Signature,
    OtherCertificate,
    WithoutPurpose,
    Stale,
    TryLater,
    Garbage,
    NeverIssued,
}

/// A key and its certificate.
pub(crate) struct Holder {
    pub(crate) key: SoftwareKey,
    pub(crate) certificate: Certificate,
}

pub(crate) struct Pki {
    pub(crate) ca: Holder,
    responder: Holder,
    without_purpose: Holder,
    pub(crate) leaf: Certificate,
}

fn key() -> SoftwareKey {
    SoftwareKey::generate(KeyAlgorithm::P256).unwrap()
}

/// A certificate over that key, of that CA or of itself.
fn certified(
    subject: &str,
    key: &SoftwareKey,
    ca: Option<&Holder>,
    mut extensions: Vec<Extension>,
) -> Certificate {
    let identifier = key.public_key().key_identifier(KeyIdMethod::Rfc7093);
    extensions.push(Extension::subject_key_identifier(identifier));
    let subject = subject.parse().unwrap();
    let (issuer, signer) = match ca {
        Some(ca) => (ca.certificate.subject().clone(), &ca.key),
        None => (x509::DistinguishedName::clone(&subject), key),
    };
    let spec = CertificateSpec {
        serial: Serial::random(&SystemRandom::new()).unwrap(),
        signature_algorithm: signer.algorithm(),
        issuer,
        validity: Validity::starting(NOW - Duration::days(40), Duration::days(400)).unwrap(),
        subject,
        public_key: key.public_key().clone(),
        extensions,
    };
    let tbs = spec.to_tbs().unwrap();
    let signature = signer.sign(&tbs, signer.algorithm()).unwrap();
    Certificate::from_der(&assemble(&tbs, signer.algorithm(), &signature).unwrap()).unwrap()
}

impl Pki {
    pub(crate) fn new() -> Self {
        let usage = |flags| Extension::key_usage(flags).unwrap();
        let below = |ca: &Holder, subject: &str, extensions| {
            let key = key();
            let certificate = certified(subject, &key, Some(ca), extensions);
            Holder { key, certificate }
        };
        let key = key();
        let extensions = vec![
            Extension::basic_constraints_ca(None),
            usage(KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN),
        ];
        let certificate = certified("CN=Issuing", &key, None, extensions);
        let ca = Holder { key, certificate };
        let signs = || usage(KeyUsageFlags::DIGITAL_SIGNATURE);
        let purpose = |eku| Extension::extended_key_usage(vec![eku]).unwrap();
        let responder = vec![signs(), purpose(Eku::OcspSigning), Extension::ocsp_no_check()];
        Self {
            responder: below(&ca, "CN=Responder", responder),
            without_purpose: below(&ca, "CN=Responder", vec![signs(), purpose(Eku::ServerAuth)]),
            leaf: below(&ca, "CN=Leaf", vec![signs()]).certificate,
            ca,
        }
    }

    /// What the responder answers.
    pub(crate) fn response(&self, fault: Fault, nonce: Option<Nonce>) -> Vec<u8> {
        let signer = match fault {
            Fault::TryLater => return ErrorStatus::TryLater.response().to_vec(),
            Fault::Garbage => return b"<html>".to_vec(),
            Fault::WithoutPurpose => &self.without_purpose,
            _ => &self.responder,
        };
        let serial = match fault {
            Fault::OtherCertificate => self.responder.certificate.serial(),
            _ => self.leaf.serial(),
        };
        let made = match fault {
            Fault::Stale => NOW - Duration::days(30),
            _ => NOW - Duration::minutes(10),
        };
        let ids = IssuerIds::of(&self.ca.certificate);
        let spec = ResponseDataSpec {
            responder: ResponderId::by_key(&signer.certificate),
            produced_at: made,
            responses: vec![SingleResponseSpec {
                cert_id: CertId::new(&ids, HashAlgorithm::Sha256, serial),
                status: match fault {
                    Fault::NeverIssued => CertStatus::NEVER_ISSUED,
                    _ => CertStatus::Good,
                },
                this_update: made,
                next_update: made + Duration::hours(8),
                archive_cutoff: None,
            }],
            nonce: match fault {
                Fault::NoNonce => None,
                Fault::OtherNonce => Some(Nonce::from_bytes(&[7; 32]).unwrap()),
                _ => nonce,
            },
            extended_revoke: false,
        };
        let tbs = spec.to_tbs().unwrap();
        let algorithm = signer.key.algorithm();
        let signature = match fault {
            Fault::Signature => self.ca.key.sign(&tbs, algorithm),
            _ => signer.key.sign(&tbs, algorithm),
        };
        let certificates = std::slice::from_ref(&signer.certificate);
        assemble_response(&tbs, algorithm, &signature.unwrap(), certificates).unwrap()
    }

    pub(crate) fn entry(&self, reason: Reason) -> CrlEntry {
        CrlEntry {
            serial: self.leaf.serial().proper().unwrap(),
            time: NOW - Duration::hours(1),
            reason: Some(reason),
            invalidity: None,
        }
    }

    /// A list of a week from that time on.
    pub(crate) fn list(
        &self,
        number: u64,
        kind: CrlKind,
        this_update: OffsetDateTime,
        entries: &[CrlEntry],
    ) -> Vec<u8> {
        let spec = CrlSpec {
            signature_algorithm: self.ca.key.algorithm(),
            issuer: self.ca.certificate.subject().clone(),
            aki: self.ca.certificate.subject_key_identifier().unwrap().to_vec(),
            number,
            this_update,
            next_update: this_update + Duration::days(7),
            kind,
            shard: Vec::new(),
        };
        let tbs = spec.to_tbs(entries).unwrap();
        let signature = self.ca.key.sign(&tbs, spec.signature_algorithm).unwrap();
        assemble(&tbs, spec.signature_algorithm, &signature).unwrap()
    }
}
