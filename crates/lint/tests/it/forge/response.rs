//! To-be-signed OCSP responses from raw parts.

use lint::{Finding, ResponseContext, check_response};
use x509::ocsp::{HashAlgorithm, IssuerIds};

use super::{Extension, Forge, Named, ca};
use crate::der::{all, generalized, int, null, octets, oid, seq, tlv};

pub(crate) const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
pub(crate) const CRL_REFERENCES: &str = "1.3.6.1.5.5.7.48.1.3";
pub(crate) const CUTOFF: &str = "1.3.6.1.5.5.7.48.1.6";
pub(crate) const EXTENDED_REVOKE: &str = "1.3.6.1.5.5.7.48.1.9";
pub(crate) const SHA1: &str = "1.3.14.3.2.26";
pub(crate) const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// The parts of a ResponseData, each as DER, and who signs it.
#[derive(Clone)]
pub(crate) struct ResponseForge {
    pub(crate) signer: Forge,
    pub(crate) version: Vec<u8>,
    pub(crate) responder: Vec<u8>,
    pub(crate) produced_at: Vec<u8>,
    pub(crate) answers: Vec<AnswerForge>,
    pub(crate) extensions: Vec<Extension>,
    /// In place of the extensions.
    pub(crate) raw_extensions: Option<Vec<u8>>,
    pub(crate) tail: Vec<u8>,
}

/// The parts of a SingleResponse.
#[derive(Clone)]
pub(crate) struct AnswerForge {
    pub(crate) id: Vec<u8>,
    pub(crate) status: Vec<u8>,
    pub(crate) this_update: Vec<u8>,
    /// With its explicit tag.
    pub(crate) next_update: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
}

fn list(number: u8, extensions: &[Extension]) -> Vec<u8> {
    let list: Vec<_> = extensions.iter().map(Extension::der).collect();
    if list.is_empty() {
        return Vec::new();
    }
    all(0xa0 | number, &[seq(&list)])
}

impl AnswerForge {
    fn der(&self) -> Vec<u8> {
        seq(&[
            self.id.clone(),
            self.status.clone(),
            self.this_update.clone(),
            self.next_update.clone(),
            list(1, &self.extensions),
        ])
    }

    pub(crate) fn next(&mut self, text: &str) {
        self.next_update = all(0xa0, &[generalized(text)]);
    }
}

impl ResponseForge {
    pub(crate) fn tbs(&self) -> Vec<u8> {
        let answers: Vec<_> = self.answers.iter().map(AnswerForge::der).collect();
        let extensions = list(1, &self.extensions);
        let mut tbs = seq(&[
            self.version.clone(),
            self.responder.clone(),
            self.produced_at.clone(),
            seq(&answers),
            self.raw_extensions.clone().unwrap_or(extensions),
        ]);
        tbs.extend(&self.tail);
        tbs
    }

    pub(crate) fn first(&mut self) -> &mut AnswerForge {
        self.answers.first_mut().unwrap()
    }

    pub(crate) fn status(&mut self, status: Vec<u8>) {
        self.first().status = status;
    }

    pub(crate) fn add(&mut self, oid_of: &str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension::new(oid_of, critical, value));
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        let context = ResponseContext::new(&self.signer.certificate(), &ca().certificate());
        check_response(&self.tbs(), Some(&context))
    }
}

/// The AlgorithmIdentifier of a hash.
pub(crate) fn hash(algorithm: &str) -> Vec<u8> {
    seq(&[oid(algorithm), null()])
}

/// A CertID of any hashes.
pub(crate) fn cert_id_of(algorithm: Vec<u8>, name: &[u8], key: &[u8], serial: &[u8]) -> Vec<u8> {
    seq(&[algorithm, octets(name), octets(key), int(serial)])
}

/// A CertID of a certificate of [`ca`].
pub(crate) fn cert_id(algorithm: HashAlgorithm, serial: &[u8]) -> Vec<u8> {
    let ids = IssuerIds::of(&ca().certificate());
    let oid_of = match algorithm {
        HashAlgorithm::Sha1 => SHA1,
        HashAlgorithm::Sha256 => SHA256,
    };
    cert_id_of(
        hash(oid_of),
        ids.name_hash(algorithm),
        ids.key_hash(algorithm),
        serial,
    )
}

pub(crate) fn good() -> Vec<u8> {
    vec![0x80, 0]
}

pub(crate) fn unknown() -> Vec<u8> {
    vec![0x82, 0]
}

/// `revoked`, with the code of a reason.
pub(crate) fn revoked(time: &str, reason: Option<u8>) -> Vec<u8> {
    let reason = reason.map(|code| all(0xa0, &[tlv(0x0a, &[code])]));
    all(0xa1, &[generalized(time), reason.unwrap_or_default()])
}

pub(crate) fn answer(id: Vec<u8>, status: Vec<u8>) -> AnswerForge {
    AnswerForge {
        id,
        status,
        this_update: generalized("20261124114500Z"),
        next_update: all(0xa0, &[generalized("20261124180000Z")]),
        extensions: Vec::new(),
    }
}

/// A response of the CA itself: good, revoked, unknown.
pub(crate) fn answers() -> ResponseForge {
    let signer = ca();
    let ids = IssuerIds::of(&signer.certificate());
    let key = ids.key_hash(HashAlgorithm::Sha1).to_vec();
    let mut first = answer(cert_id(HashAlgorithm::Sha256, &[0x5a; 16]), good());
    first.extensions = vec![Extension::new(CUTOFF, false, generalized("20261001000000Z"))];
    ResponseForge {
        signer,
        version: Vec::new(),
        responder: all(0xa2, &[octets(&key)]),
        produced_at: generalized("20261124120000Z"),
        answers: vec![
            first,
            answer(
                cert_id(HashAlgorithm::Sha1, &[0x5b; 16]),
                revoked("20261124115959Z", Some(1)),
            ),
            answer(
                cert_id_of(hash("2.16.840.1.101.3.4.2.3"), &[1; 64], &[2; 64], &[0xff]),
                unknown(),
            ),
        ],
        extensions: vec![Extension::new(NONCE, false, octets(&[7; 32]))],
        raw_extensions: None,
        tail: Vec::new(),
    }
}

/// A response that says of a number that was never issued that it is revoked.
pub(crate) fn never_issued() -> ResponseForge {
    let mut response = answers();
    response.answers = vec![answer(
        cert_id(HashAlgorithm::Sha256, &[0x5c; 16]),
        revoked("19700101000000Z", Some(6)),
    )];
    response.extensions = vec![Extension::new(EXTENDED_REVOKE, false, null())];
    response
}

/// Responses in which nothing is found.
pub(crate) static RESPONSES: [Named<ResponseForge>; 2] =
    [("answers", answers), ("never_issued", never_issued)];
