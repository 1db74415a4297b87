//! The only place of this service that asks keymgr for a signature over a certificate.
//!
//! It takes [`Linted`](lint::Linted)`<`[`Approved`](rules::Approved)`>` and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use kit::grpc::RemoteFault;
use kit::transport::Transport;
use lint::ToBeSigned;
use proto::keymgr::v1::SignBatchRequest;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use time::OffsetDateTime;
use x509::tbs;

use super::{Answer, Order, Signed, fail};
use crate::domain::{Authority, Issued};
use crate::error::Error;

/// The way to keymgr, in process or over mutual TLS.
pub(crate) type Keymgr = KeymgrClient<Transport>;

/// Signs a group, one call a CA. Those that fail are answered here; the rest goes on.
pub(super) async fn sign(
    keymgr: &Keymgr,
    group: Vec<(Order, Answer)>,
    now: OffsetDateTime,
) -> Vec<(Signed, Answer)> {
    let mut by_authority: BTreeMap<String, Vec<(Order, Answer)>> = BTreeMap::new();
    for item in group {
        by_authority
            .entry(item.0.authority.name.clone())
            .or_default()
            .push(item);
    }
    let mut done = Vec::new();
    for (_, items) in by_authority {
        let Some(authority) = items.first().map(|(order, _)| Arc::clone(&order.authority)) else {
            continue;
        };
        match signatures(keymgr, &authority, &items).await {
            Ok(signatures) => {
                for ((order, answer), signature) in items.into_iter().zip(signatures) {
                    match seal(order, &signature, now) {
                        Ok(signed) => done.push((signed, answer)),
                        Err(error) => fail(vec![answer], error),
                    }
                }
            }
            Err(error) => fail(items.into_iter().map(|(_, answer)| answer).collect(), error),
        }
    }
    done
}

async fn signatures(
    keymgr: &Keymgr,
    authority: &Authority,
    items: &[(Order, Answer)],
) -> Result<Vec<Bytes>, Error> {
    let messages = items
        .iter()
        .map(|(order, _)| Bytes::copy_from_slice(order.certificate.get().tbs()))
        .collect();
    let request = SignBatchRequest {
        name: authority.key_name.clone(),
        messages,
        algorithm: authority.algorithm.to_string(),
    };
    let answer = keymgr
        .clone()
        .sign_batch(request)
        .await
        .map_err(|status| Error::Keymgr(RemoteFault::from(status)))?;
    let signatures = answer.into_inner().signatures;
    if signatures.len() == items.len() {
        Ok(signatures)
    } else {
        Err(Error::Internal(format!(
            "keymgr answered {} signatures for {} messages",
            signatures.len(),
            items.len()
        )))
    }
}

fn seal(order: Order, signature: &[u8], now: OffsetDateTime) -> Result<Signed, Error> {
    let Order {
        certificate,
        authority,
        record,
    } = order;
    let approved = certificate.into_inner();
    let der = tbs::assemble(approved.tbs(), approved.signature_algorithm(), signature)
        .map_err(|error| Error::Internal(format!("a certificate could not be assembled: {error}")))?;
    let fingerprint = digest::digest(&digest::SHA256, &der);
    let validity = approved.validity();
    let issued = Issued {
        id: store::id::new_id(now),
        serial: approved.serial(),
        ca: Arc::from(authority.name.as_str()),
        profile: Arc::from(approved.profile()),
        subject: approved.subject().to_string(),
        sans: approved.sans().iter().map(ToString::to_string).collect(),
        requester: record.requester.clone(),
        protocol: record.protocol,
        issued_at: now,
        not_before: validity.not_before,
        not_after: validity.not_after,
        spki_sha256: approved.public_key().fingerprint(),
        fingerprint_sha256: fingerprint
            .as_ref()
            .try_into()
            .map_err(|_| Error::Internal("SHA-256 is not 32 bytes".to_owned()))?,
        der,
        replaces: record.replaces,
        revocation: None,
    };
    Ok(Signed { issued, record })
}
