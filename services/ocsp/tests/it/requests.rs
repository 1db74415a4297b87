//! What is not a request, or asks for too much.

use testkit::on_both_databases;
use x509::ocsp::{ErrorStatus, OcspRequest};

use crate::world::{World, id};

on_both_databases!(what_cannot_be_answered_gets_the_error_that_it_is);

async fn what_cannot_be_answered_gets_the_error_that_it_is(world: World) {
    let certificate = world.issue("issuing").await;
    let issuer = world.authority("issuing").await;
    let good = id(&issuer, certificate.serial());
    let request = OcspRequest::build(vec![good.clone()], None).unwrap();
    let der = request.der();
    let (signed, asked) = (world.to_keymgr.calls("SignBatch"), world.to_ca.calls("Status"));
    let refused = async |body: &[u8], status: ErrorStatus| {
        let answer = world.responder.post(body).await;
        assert_eq!(answer.der, status.response(), "{} octets", body.len());
        assert_eq!(answer.headers["cache-control"], "no-store");
    };
    for length in 0..der.len() {
        refused(&der[..length], ErrorStatus::MalformedRequest).await;
    }
    refused(&[der, &[0]].concat(), ErrorStatus::MalformedRequest).await;
    refused(&with_nonce(der, &[]), ErrorStatus::MalformedRequest).await;
    refused(&with_nonce(der, &[1; 129]), ErrorStatus::MalformedRequest).await;
    refused(
        &many(good.der(), OcspRequest::MAX_CERT_IDS + 1),
        ErrorStatus::Unauthorized,
    )
    .await;
    refused(&many(good.der(), 2_000), ErrorStatus::Unauthorized).await;
    for path in ["/ocsp", "/ocsp/", "/ocsp/AAAA", "/ocsp/M-_0", "/ocsp/%25%32%46"] {
        let answer = world.responder.get(path).await;
        assert_eq!(answer.der, ErrorStatus::MalformedRequest.response(), "{path}");
    }
    assert_eq!(
        (world.to_keymgr.calls("SignBatch"), world.to_ca.calls("Status")),
        (signed, asked),
        "refusals are cheap"
    );
}

/// DER of a SEQUENCE or another constructed value.
fn der_of(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match length {
        0..=127 => out.push(length as u8),
        128..=255 => out.extend([0x81, length as u8]),
        256..=65_535 => out.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => out.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// The request with a nonce of these octets, which the builder would not make. It is short: its lengths have one octet.
fn with_nonce(request: &[u8], nonce: &[u8]) -> Vec<u8> {
    const NONCE: [u8; 11] = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    let value = der_of(0x04, &der_of(0x04, nonce));
    let extension = der_of(0x30, &[&NONCE[..], &value].concat());
    let extensions = der_of(0xa2, &der_of(0x30, &extension));
    let list = &request[4..];
    der_of(0x30, &der_of(0x30, &[list, &extensions].concat()))
}

fn many(id: &[u8], count: usize) -> Vec<u8> {
    let one = der_of(0x30, id);
    let list = der_of(0x30, &one.repeat(count));
    der_of(0x30, &der_of(0x30, &list))
}
