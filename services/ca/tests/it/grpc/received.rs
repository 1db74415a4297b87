//! Requests for certificates as services pass them on: read by the one reader, refused for its reasons.

use data_encoding::BASE64;
use keys::Signer;
use proto::ca::v1::{IssueRequest, RenewRequest};
use tonic::Code;

use super::{issue, issued, refused, renew};
use crate::world::{World, csr, key};

/// The same request in every form that is read.
fn forms(der: &[u8]) -> Vec<Vec<u8>> {
    let pem = x509::pem::encode("CERTIFICATE REQUEST", der);
    let base64 = BASE64.encode(der);
    vec![
        der.to_vec(),
        pem.clone().into_bytes(),
        format!("\u{feff}{pem}").into_bytes(),
        pem.replace('\n', "\r").into_bytes(),
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
            .into_bytes(),
        format!("subject=CN=web1\n{pem}trailer").into_bytes(),
        base64.into_bytes(),
    ]
}

/// What is refused, and a word of the reason.
fn refusals(der: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let pem = x509::pem::encode("CERTIFICATE REQUEST", der);
    let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
        .chain(pem.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let private = x509::pem::encode("PRIVATE KEY", b"0");
    let mut forged = der.to_vec();
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    vec![
        (utf16, "UTF-16"),
        (format!("{pem}{private}").into_bytes(), "private key"),
        (format!("{pem}{pem}").into_bytes(), "one"),
        (x509::pem::encode("CERTIFICATE", der).into_bytes(), "CERTIFICATE"),
        (der.get(..der.len() - 1).unwrap_or_default().to_vec(), "truncated"),
        (forged, "signature"),
        (vec![0x30; 200_000], "the limit is"),
    ]
}

#[tokio::test]
async fn a_request_is_read_in_every_form_and_refused_with_its_reason() {
    let world = World::sqlite().await;
    let mut ra = world.client("ra");
    let base = issue("tls-server", "user:alice", "dns:a.example.test");
    for form in forms(&base.csr) {
        let shown = String::from_utf8_lossy(&form).into_owned();
        let request = IssueRequest {
            csr: form,
            ..base.clone()
        };
        let issued = ra.issue(request).await;
        assert_eq!(
            issued
                .unwrap_or_else(|error| panic!("{shown:?}: {error}"))
                .into_inner()
                .san,
            ["dns:a.example.test"]
        );
    }
    let before = world.count("certificates").await;
    for (form, reason) in refusals(&base.csr) {
        let request = IssueRequest {
            csr: form,
            ..base.clone()
        };
        let status = refused(ra.issue(request).await, Code::InvalidArgument);
        assert!(status.message().contains(reason), "{reason}: {status:?}");
    }
    assert_eq!(world.count("certificates").await, before);
}

#[tokio::test]
async fn a_renewal_takes_the_key_of_a_request_in_every_form_and_none_of_its_names() {
    let world = World::sqlite().await;
    let mut ra = world.client("ra");
    let old = issued(&world, "a.example.test").await;
    let next = key();
    // Names that no certificate may have are not looked at.
    let der = csr(&next, &["dns:other.example.test"]);
    for form in forms(&der) {
        let request = RenewRequest {
            csr: form,
            ..renew(&old.serial, "user:alice")
        };
        let renewed = ra.renew(request).await.unwrap().into_inner();
        assert_eq!(renewed.san, old.san);
        assert_eq!(renewed.spki_sha256, next.public_key().fingerprint());
    }
    for (form, reason) in refusals(&der) {
        let request = RenewRequest {
            csr: form,
            ..renew(&old.serial, "user:alice")
        };
        let status = refused(ra.renew(request).await, Code::InvalidArgument);
        assert!(status.message().contains(reason), "{reason}: {status:?}");
    }
}
