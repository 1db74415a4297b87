//! CRLs and OCSP responses of our builders, signed after the lints passed them: pkilint agrees.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use keys::{Signer, SoftwareKey};
use lint::{
    CrlContext, CrlLinter, Linted, ResponseContext, ResponseData, TbsCertList, lint_crl, lint_response,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use x509::crl::{CrlEntry, CrlKind, CrlSpec, Reason};
use x509::ocsp::{
    CertId, CertStatus, HashAlgorithm, IssuerIds, Nonce, ResponderId, ResponseDataSpec, SingleResponseSpec,
    assemble_response,
};
use x509::{
    Certificate, CertificateSpec, Eku, Extension, KeyAlgorithm, KeyIdMethod, KeyUsageFlags, Serial, Validity,
    assemble,
};

use crate::tool::Tool;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

struct Authority {
    key: SoftwareKey,
    certificate: Certificate,
}

fn serial(octet: u8) -> Serial {
    Serial::from_bytes(&[octet; 16]).unwrap()
}

impl Authority {
    fn root(algorithm: KeyAlgorithm) -> Self {
        let key = SoftwareKey::generate(algorithm).unwrap();
        let id = key.public_key().key_identifier(KeyIdMethod::Rfc7093);
        let usage = KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN;
        let extensions = vec![
            Extension::basic_constraints_ca(Some(0)),
            Extension::key_usage(usage).unwrap(),
            Extension::subject_key_identifier(id),
        ];
        let spec = spec("CN=Test CA,O=Example Org,C=DE", &key, &key, extensions);
        let certificate = issue(&spec, &key);
        Self { key, certificate }
    }

    /// A responder with a key of the same kind.
    fn responder(&self) -> Self {
        let key = SoftwareKey::generate(self.key.public_key().algorithm()).unwrap();
        let extensions = vec![
            Extension::key_usage(KeyUsageFlags::DIGITAL_SIGNATURE).unwrap(),
            Extension::extended_key_usage(vec![Eku::OcspSigning]).unwrap(),
            Extension::ocsp_no_check(),
            Extension::authority_key_identifier(self.certificate.subject_key_identifier().unwrap()),
        ];
        let mut spec = spec("CN=Test OCSP,O=Example Org,C=DE", &key, &self.key, extensions);
        spec.issuer = self.certificate.subject().clone();
        let certificate = issue(&spec, &self.key);
        Self { key, certificate }
    }

    fn sign(&self, tbs: &[u8]) -> Vec<u8> {
        self.key.sign(tbs, self.key.algorithm()).unwrap()
    }

    fn crl(&self) -> CrlSpec {
        CrlSpec {
            signature_algorithm: self.key.algorithm(),
            issuer: self.certificate.subject().clone(),
            aki: self.certificate.subject_key_identifier().unwrap().to_vec(),
            number: 4711,
            this_update: NOW,
            next_update: NOW + Duration::days(7),
            kind: CrlKind::COMPLETE,
            shard: Vec::new(),
        }
    }

    fn response(&self, statuses: &[CertStatus]) -> ResponseDataSpec {
        let ids = IssuerIds::of(&self.certificate);
        let answer = |(at, status): (usize, &CertStatus)| SingleResponseSpec {
            cert_id: CertId::new(
                &ids,
                HashAlgorithm::ALL[at % 2],
                &serial(u8::try_from(at + 1).unwrap()).into(),
            ),
            status: *status,
            this_update: NOW - Duration::minutes(15),
            next_update: NOW + Duration::hours(1),
            archive_cutoff: None,
        };
        ResponseDataSpec {
            responder: ResponderId::by_key(&self.certificate),
            produced_at: NOW,
            responses: statuses.iter().enumerate().map(answer).collect(),
            nonce: Some(Nonce::from_bytes(&[7; 32]).unwrap()),
            extended_revoke: false,
        }
    }
}

fn spec(
    subject: &str,
    subject_key: &SoftwareKey,
    signer: &SoftwareKey,
    extensions: Vec<Extension>,
) -> CertificateSpec {
    CertificateSpec {
        serial: serial(0x77),
        signature_algorithm: signer.algorithm(),
        issuer: subject.parse().unwrap(),
        validity: Validity {
            not_before: datetime!(2026-01-01 00:00 UTC),
            not_after: datetime!(2036-01-01 00:00 UTC),
        },
        subject: subject.parse().unwrap(),
        public_key: subject_key.public_key().clone(),
        extensions,
    }
}

fn issue(spec: &CertificateSpec, signer: &SoftwareKey) -> Certificate {
    let tbs = spec.to_tbs().unwrap();
    let signature = signer.sign(&tbs, signer.algorithm()).unwrap();
    let der = assemble(&tbs, signer.algorithm(), &signature).unwrap();
    Certificate::from_der(&der).unwrap()
}

fn entries() -> Vec<CrlEntry> {
    let reasons = Reason::ALL
        .into_iter()
        .filter(|reason| *reason != Reason::RemoveFromCrl);
    let entry = |reason: Reason| CrlEntry {
        serial: serial(reason.code() + 1),
        time: NOW - Duration::hours(1),
        reason: Some(reason),
        invalidity: (reason == Reason::KeyCompromise).then_some(NOW - Duration::days(3)),
    };
    reasons.map(entry).collect()
}

fn sign_list(tool: &Tool, ca: &Authority, list: &Linted<TbsCertList>) -> Vec<String> {
    let tbs = list.get().der();
    let der = assemble(tbs, ca.key.algorithm(), &ca.sign(tbs)).unwrap();
    tool.write("list.crl", x509::pem::encode("X509 CRL", &der));
    tool.pkilint_crl("list.crl")
}

#[test]
fn pkilint_agrees_on_crls_that_pass() {
    let tool = Tool::new();
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa(2048)] {
        let ca = Authority::root(algorithm);
        let shard = vec!["http://pki.example.test/crl/issuing/7.crl".to_owned()];
        let freshest = vec!["http://pki.example.test/crl/issuing/delta.crl".to_owned()];
        let complete = CrlSpec {
            kind: CrlKind::Complete { freshest },
            ..ca.crl()
        };
        let delta = CrlSpec {
            kind: CrlKind::Delta { base: 4700 },
            ..ca.crl()
        };
        let part = CrlSpec {
            shard: shard.clone(),
            ..ca.crl()
        };
        let old = CrlSpec {
            this_update: NOW - Duration::days(400),
            ..ca.crl()
        };
        for (spec, entries, warnings) in [
            (ca.crl(), Vec::new(), 0),
            (complete, entries(), 0),
            (delta, entries(), 0),
            (part, entries(), 0),
            (old, Vec::new(), 2),
        ] {
            let context = CrlContext::issued_by(&ca.certificate).covering(&spec.shard);
            let list = lint_crl(spec.to_tbs(&entries).unwrap(), &context).unwrap();
            assert_eq!(list.warnings().len(), warnings, "{:?}", list.warnings());
            assert_eq!(sign_list(&tool, &ca, &list), [""; 0]);
            let mut linter = CrlLinter::new();
            linter.push(list.get().der());
            let digest = linter.finish(&context).unwrap();
            assert_eq!(digest.get().entries(), entries.len() as u64);
        }
    }
}

fn sign_response(
    tool: &Tool,
    signer: &Authority,
    response: &Linted<ResponseData>,
    certificates: &[Certificate],
) -> Vec<String> {
    let tbs = response.get().der();
    let der = assemble_response(tbs, signer.key.algorithm(), &signer.sign(tbs), certificates).unwrap();
    tool.write("response.der", der);
    tool.pkilint_response("response.der")
}

#[test]
fn pkilint_agrees_on_responses_that_pass() {
    let tool = Tool::new();
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Rsa(2048)] {
        let ca = Authority::root(algorithm);
        let responder = ca.responder();
        let revoked = |reason| CertStatus::Revoked {
            time: NOW - Duration::hours(1),
            reason,
        };
        let statuses = [
            CertStatus::Good,
            revoked(None),
            revoked(Some(Reason::CertificateHold)),
            CertStatus::Unknown,
            CertStatus::NEVER_ISSUED,
        ];
        for (signer, certificates) in [
            (&ca, &[][..]),
            (&responder, std::slice::from_ref(&responder.certificate)),
        ] {
            let context = ResponseContext::new(&signer.certificate, &ca.certificate);
            let mut spec = ca.response(&statuses);
            spec.responder = ResponderId::by_key(&signer.certificate);
            spec.responses[0].archive_cutoff = Some(NOW - Duration::days(30));
            let response = lint_response(spec.to_tbs().unwrap(), &context).unwrap();
            assert_eq!(response.warnings(), []);
            assert_eq!(sign_response(&tool, signer, &response, certificates), [""; 0]);
        }
    }
}

#[test]
fn responders_are_those_that_the_ca_itself_certified_for_it() {
    let ca = Authority::root(KeyAlgorithm::P256);
    let other = Authority::root(KeyAlgorithm::P256);
    let spec = |signer: &Authority| ResponseDataSpec {
        responder: ResponderId::by_key(&signer.certificate),
        ..ca.response(&[CertStatus::Good])
    };
    let refused = |signer: &Authority| {
        let context = ResponseContext::new(&signer.certificate, &ca.certificate);
        let refused = lint_response(spec(signer).to_tbs().unwrap(), &context).unwrap_err();
        refused.ids().collect::<Vec<_>>()
    };
    // Same names, another key; and a CA of its own.
    assert_eq!(refused(&other.responder()), ["rfc6960_ocsp_signer_authorized"]);
    assert_eq!(refused(&other), ["rfc6960_ocsp_signer_authorized"]);
    // Certified by the CA, for something else.
    let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
    let mut certificate = self::spec("CN=Test TLS,O=Example Org,C=DE", &key, &ca.key, Vec::new());
    certificate.issuer = ca.certificate.subject().clone();
    let server = Authority {
        certificate: issue(&certificate, &ca.key),
        key,
    };
    assert_eq!(refused(&server), ["rfc6960_ocsp_signer_authorized"]);
}
