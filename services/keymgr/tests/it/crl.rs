//! CRLs in pieces: signed when they are whole and of their issuer, judged by openssl.

mod judge;
mod limits;
mod million;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use kit::transport::streamed;
use proto::keymgr::v1::sign_crl_request::Part;
use proto::keymgr::v1::{Purpose, SignCrlRequest, SignCrlStart};
use testkit::on_both_databases;
use time::macros::datetime;
use tonic::{Code, Status};
use x509::crl::{CertificateList, CrlEntry, Reason};
use x509::{
    Certificate, CertificateSpec, Extension, KeyUsageFlags, PublicKey, Serial, SignatureAlgorithm, assemble,
};

use crate::sign::sign;
use crate::structures::{ca_certificate, crl_spec, ocsp_response};
use crate::world::{Running, World};

on_both_databases!(a_list_in_pieces_is_signed_and_counted);

/// A CA whose key is in keymgr.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) key: PublicKey,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) certificate: Certificate,
}

impl Issuer {
    pub(crate) async fn new(running: &Running, name: &str, kind: &str) -> Self {
        let made = running.generate(name, kind, Purpose::CertificateAuthority).await;
        let key = PublicKey::from_spki(&made.spki).unwrap();
        let algorithm = SignatureAlgorithm::default_for(key.algorithm());
        let certificate = certified(running, name, &ca_certificate(&key, algorithm)).await;
        Self {
            name: name.to_owned(),
            key,
            algorithm,
            certificate,
        }
    }

    pub(crate) fn start(&self) -> SignCrlStart {
        self.start_with(&self.certificate)
    }

    fn start_with(&self, certificate: &Certificate) -> SignCrlStart {
        SignCrlStart {
            name: self.name.clone(),
            issuer_certificate: certificate.der().to_vec().into(),
        }
    }

    fn list(&self, entries: &[CrlEntry]) -> Vec<u8> {
        crl_spec(self.algorithm).to_tbs(entries).unwrap()
    }
}

async fn certified(running: &Running, name: &str, spec: &CertificateSpec) -> Certificate {
    let tbs = spec.to_tbs().unwrap();
    let signature = sign(running, name, &tbs, &spec.signature_algorithm.to_string())
        .await
        .unwrap();
    Certificate::from_der(&assemble(&tbs, spec.signature_algorithm, &signature).unwrap()).unwrap()
}

pub(crate) fn entry(number: u32) -> CrlEntry {
    let mut octets = [0x4d; 16];
    octets[1..5].copy_from_slice(&number.to_be_bytes());
    CrlEntry {
        serial: Serial::from_bytes(&octets).unwrap(),
        time: datetime!(2026-12-24 0:00 UTC),
        reason: number.is_multiple_of(3).then_some(Reason::KeyCompromise),
        invalidity: None,
    }
}

fn octets(piece: impl Into<Bytes>) -> Part {
    Part::Octets(piece.into())
}

/// Sends these parts.
async fn send(
    running: &Running,
    caller: &'static str,
    parts: impl Stream<Item = Option<Part>> + Send + 'static,
) -> Result<Bytes, Status> {
    let messages = parts.map(|part| SignCrlRequest { part });
    let signed = running.client(caller).sign_crl(streamed(messages)).await?;
    Ok(signed.into_inner().signature)
}

/// Sends a list in these pieces.
pub(crate) async fn sign_crl(
    running: &Running,
    caller: &'static str,
    start: SignCrlStart,
    pieces: impl IntoIterator<Item = Vec<u8>>,
) -> Result<Bytes, Status> {
    let pieces: Vec<_> = pieces.into_iter().map(|piece| Some(octets(piece))).collect();
    let parts = [Some(Part::Start(start))].into_iter().chain(pieces);
    send(running, caller, stream::iter(parts.collect::<Vec<_>>())).await
}

async fn refused(running: &Running, issuer: &Issuer, tbs: &[u8], code: Code, words: &str) {
    let pieces = tbs.chunks(1000).map(<[u8]>::to_vec);
    let refused = sign_crl(running, "crl", issuer.start(), pieces)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), code, "{words}: {refused:?}");
    assert!(refused.message().contains(words), "{words}: {refused:?}");
}

async fn a_list_in_pieces_is_signed_and_counted(world: World) {
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let entries: Vec<_> = (0..500).map(entry).collect();
    let tbs = issuer.list(&entries);
    for piece in [1, 7, 100, 8 * 1024, 9000, tbs.len()] {
        let pieces = tbs.chunks(piece).map(<[u8]>::to_vec);
        let signature = sign_crl(&running, "crl", issuer.start(), pieces).await.unwrap();
        let der = assemble(&tbs, issuer.algorithm, &signature).unwrap();
        let list = CertificateList::from_der(&der).unwrap();
        list.verify_signed_by(&issuer.certificate).unwrap();
        assert_eq!(list.entries().len(), 500, "{piece}");
    }
    refused(&running, &issuer, b"hello", Code::InvalidArgument, "tbsCertList").await;
    let app = running.keymgr.app();
    app.write_signatures().await.unwrap();
    let made = app.signatures(&"ca-issuing".parse().unwrap()).await.unwrap();
    let made: Vec<_> = made
        .iter()
        .map(|made| (made.structure.as_str(), made.count))
        .collect();
    assert_eq!(made, [("certificate", 1), ("crl", 6)]);
}

#[tokio::test]
async fn every_kind_of_key_signs_lists() {
    let world = World::sqlite();
    let running = world.start().await;
    for kind in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
        let issuer = Issuer::new(&running, kind, kind).await;
        let mut algorithms = vec![issuer.algorithm];
        if kind == "rsa2048" {
            algorithms.extend([
                SignatureAlgorithm::RsaPkcs1Sha512,
                SignatureAlgorithm::RsaPssSha384,
            ]);
        }
        for algorithm in algorithms {
            let tbs = crl_spec(algorithm).to_tbs(&[entry(1), entry(2)]).unwrap();
            let pieces = tbs.chunks(50).map(<[u8]>::to_vec);
            let signature = sign_crl(&running, "crl", issuer.start(), pieces).await.unwrap();
            algorithm.verify(&issuer.key, &tbs, &signature).unwrap();
        }
    }
}

#[tokio::test]
async fn a_list_of_another_issuer_is_refused() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let denied = Code::PermissionDenied;
    let spec = crl_spec(issuer.algorithm);
    // The same name in other octets, and another name.
    for name in ["CN=test ca", "CN=Test CA,O=Other"] {
        let mut other = spec.clone();
        other.issuer = name.parse().unwrap();
        refused(
            &running,
            &issuer,
            &other.to_tbs(&[]).unwrap(),
            denied,
            "octet for octet",
        )
        .await;
    }
    let mut other = spec.clone();
    other.aki = vec![8; 20];
    refused(
        &running,
        &issuer,
        &other.to_tbs(&[]).unwrap(),
        denied,
        "authority key identifier",
    )
    .await;
    let mut other = spec.clone();
    other.signature_algorithm = SignatureAlgorithm::EcdsaSha384;
    let (code, words) = (Code::InvalidArgument, "ecdsa-sha384");
    refused(&running, &issuer, &other.to_tbs(&[]).unwrap(), code, words).await;
}

#[tokio::test]
async fn a_header_is_refused_before_the_list_has_ended() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let mut spec = crl_spec(issuer.algorithm);
    spec.issuer = "CN=Other CA".parse().unwrap();
    let entries: Vec<_> = (0..100).map(entry).collect();
    let header = spec.to_tbs(&entries).unwrap()[..300].to_vec();
    let parts = [Some(Part::Start(issuer.start())), Some(octets(header))];
    // The rest never comes.
    let parts = stream::iter(parts).chain(stream::pending());
    let refused = send(&running, "crl", parts).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
}

#[tokio::test]
async fn an_issuer_that_may_not_sign_lists_is_refused() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let other = Issuer::new(&running, "ca-other", "p256").await;
    let spec = ca_certificate(&issuer.key, issuer.algorithm);
    let without = |place: usize| {
        let mut spec = spec.clone();
        spec.extensions.remove(place);
        spec
    };
    let mut no_crls = spec.clone();
    no_crls.extensions[1] = Extension::key_usage(KeyUsageFlags::KEY_CERT_SIGN).unwrap();
    let tbs = issuer.list(&[]);
    let mut cases = vec![(other.certificate.clone(), "has another key")];
    for (spec, words) in [
        (without(0), "not that of a CA"),
        (without(1), "keyUsage"),
        (no_crls, "keyUsage"),
        (without(2), "no key identifier"),
    ] {
        cases.push((certified(&running, "ca-issuing", &spec).await, words));
    }
    for (certificate, words) in cases {
        let start = issuer.start_with(&certificate);
        let refused = sign_crl(&running, "crl", start, [tbs.clone()]).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{words}: {refused:?}");
        assert!(refused.message().contains(words), "{words}: {refused:?}");
    }
    let mut start = issuer.start();
    start.issuer_certificate = Bytes::from_static(b"\x30\x00");
    let malformed = sign_crl(&running, "crl", start, [tbs.clone()]).await.unwrap_err();
    assert_eq!(
        malformed.metadata().get("gigvault-field").unwrap(),
        "issuer_certificate"
    );
    let mut start = issuer.start();
    "ca-missing".clone_into(&mut start.name);
    let missing = sign_crl(&running, "crl", start, [tbs.clone()]).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    running
        .generate("ocsp.issuing.1", "p256", Purpose::OcspSigner)
        .await;
    let mut start = issuer.start();
    "ocsp.issuing.1".clone_into(&mut start.name);
    let purpose = sign_crl(&running, "crl", start, [tbs]).await.unwrap_err();
    assert_eq!(purpose.metadata().get("gigvault-problem").unwrap(), "key-purpose");
}

#[tokio::test]
async fn what_is_not_a_whole_list_in_order_is_not_signed() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let tbs = issuer.list(&(0..100).map(entry).collect::<Vec<_>>());
    let invalid = Code::InvalidArgument;
    for end in [1, 10, 100, 1000, tbs.len() - 1] {
        refused(&running, &issuer, &tbs[..end], invalid, "truncated").await;
    }
    let longer = [tbs.as_slice(), &[0]].concat();
    refused(&running, &issuer, &longer, invalid, "tbsCertList").await;
    refused(
        &running,
        &issuer,
        &ocsp_response(),
        invalid,
        "the CRL is not signed",
    )
    .await;
    // Two serial numbers change places, or become one.
    let place = |number: u32| {
        let serial = entry(number).serial;
        tbs.windows(16).position(|at| at == serial.as_bytes()).unwrap()
    };
    let (one, next) = (place(40), place(41));
    let mut swapped = tbs.clone();
    swapped[one..one + 16].copy_from_slice(entry(41).serial.as_bytes());
    refused(&running, &issuer, &swapped, invalid, "more than once").await;
    swapped[next..next + 16].copy_from_slice(entry(40).serial.as_bytes());
    refused(&running, &issuer, &swapped, invalid, "ascending order").await;
}

#[tokio::test]
async fn messages_come_in_their_order_and_size() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p256").await;
    let tbs = issuer.list(&[]);
    let start = || Some(Part::Start(issuer.start()));
    for (parts, words) in [
        (vec![], "the first message is `start`"),
        (vec![Some(octets(tbs.clone()))], "the first message is `start`"),
        (vec![None], "one of `start` and `octets`"),
        (vec![start(), start()], "only the first message is `start`"),
        (
            vec![start(), Some(octets(tbs.clone())), start()],
            "only the first message is `start`",
        ),
        (vec![start(), None], "one of `start` and `octets`"),
        (vec![start(), Some(octets(Vec::new()))], "1 to 1048576"),
        (
            vec![start(), Some(octets(vec![0; 1024 * 1024 + 1]))],
            "1 to 1048576",
        ),
    ] {
        let refused = send(&running, "crl", stream::iter(parts)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{words}: {refused:?}");
        assert!(refused.message().contains(words), "{words}: {refused:?}");
    }
}
