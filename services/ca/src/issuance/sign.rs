//! The only place of this service that asks keymgr for a signature over a certificate.
//!
//! It takes [`Linted`](lint::Linted)`<`[`Approved`](rules::Approved)`>` and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kit::grpc::RemoteFault;
use kit::transport::Transport;
use lint::ToBeSigned;
use proto::keymgr::v1::SignBatchRequest;
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use store::Damage;
use time::OffsetDateTime;
use x509::digest::sha256;
use x509::tbs;

use super::{Answer, IssuanceJob, fail};
use crate::domain::Issued;
use crate::domain::signed::Signed;
use crate::error::Error;

/// The way to keymgr, in process or over mutual TLS.
pub(crate) type Keymgr = KeymgrClient<Transport>;

/// Most messages of a call; keymgr takes 512.
const MOST_MESSAGES: usize = 256;
/// Most bytes of messages of a call; gRPC takes 4 MiB with all that is around them.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Signs a group, in one call per CA as long as it is not too large for that. Those that fail are answered here; the
/// rest goes on.
pub(super) async fn sign(
    keymgr: &Keymgr,
    group: Vec<(IssuanceJob, Answer)>,
    now: OffsetDateTime,
) -> Vec<(Signed, Answer)> {
    let mut by_authority: BTreeMap<String, Vec<(IssuanceJob, Answer)>> = BTreeMap::new();
    for item in group {
        by_authority
            .entry(item.0.authority.name.clone())
            .or_default()
            .push(item);
    }
    let mut done = Vec::new();
    for items in by_authority.into_values().flat_map(calls) {
        match signatures(keymgr, &items).await {
            Ok(signatures) => {
                for (sealed, answer) in seal_all(items.into_iter().zip(signatures).collect(), now).await {
                    match sealed {
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

type Received = ((IssuanceJob, Answer), Bytes);

/// Verifies and seals what came back from a call, on all cores where it is more than a little: verifying takes about
/// twice as long as signing.
async fn seal_all(received: Vec<Received>, now: OffsetDateTime) -> Vec<(Result<Signed, Error>, Answer)> {
    const A_LITTLE: usize = 4;
    let each = move |((job, answer), signature): Received| (seal(job, &signature, now), answer);
    if received.len() <= A_LITTLE {
        return received.into_iter().map(each).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = received.len().div_ceil(cores).max(A_LITTLE);
    let mut received = received.into_iter();
    let mut under_way = Vec::new();
    loop {
        let part: Vec<Received> = received.by_ref().take(share).collect();
        if part.is_empty() {
            break;
        }
        under_way.push(tokio::task::spawn_blocking(move || {
            part.into_iter().map(each).collect::<Vec<_>>()
        }));
    }
    let mut sealed = Vec::new();
    for part in under_way {
        // A panic drops the answers, and who waits for one is told so.
        sealed.extend(part.await.unwrap_or_default());
    }
    sealed
}

/// Cuts the jobs of one CA into what one call takes.
fn calls(items: Vec<(IssuanceJob, Answer)>) -> Vec<Vec<(IssuanceJob, Answer)>> {
    let (mut calls, mut bytes) = (Vec::<Vec<_>>::new(), 0);
    for item in items {
        let length = item.0.certificate.get().tbs().len();
        match calls.last_mut() {
            Some(call) if call.len() < MOST_MESSAGES && bytes + length <= MOST_BYTES => {
                bytes += length;
                call.push(item);
            }
            _ => {
                bytes = length;
                calls.push(vec![item]);
            }
        }
    }
    calls
}

async fn signatures(keymgr: &Keymgr, items: &[(IssuanceJob, Answer)]) -> Result<Vec<Bytes>, Error> {
    let Some((first, _)) = items.first() else {
        return Ok(Vec::new());
    };
    let authority = &first.authority;
    let messages = items
        .iter()
        .map(|(job, _)| Bytes::copy_from_slice(job.certificate.get().tbs()))
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
    if signatures.len() != items.len() {
        return Err(Error::internal(format!(
            "keymgr answered {} signatures for {} messages",
            signatures.len(),
            items.len()
        )));
    }
    Ok(signatures)
}

/// Whether this is a signature by the key that the CA's certificate names: after a restore from elsewhere, say, the key of
/// that name may be another, and hardware may fail for one signature alone.
fn verify(job: &IssuanceJob, signature: &[u8]) -> Result<(), Error> {
    let approved = job.certificate.get();
    let verified = approved
        .signature_algorithm()
        .verify(approved.issuer_key(), approved.tbs(), signature);
    verified.map_err(|_| {
        Error::internal(format!(
            "key {} of keymgr is not the key of CA {}, or signed wrongly; the certificate was not issued",
            job.authority.key_name, job.authority.name
        ))
    })
}

fn seal(job: IssuanceJob, signature: &[u8], now: OffsetDateTime) -> Result<Signed, Error> {
    verify(&job, signature)?;
    let basis = job.basis();
    let IssuanceJob {
        certificate,
        authority,
        crl_shard,
        record,
        ..
    } = job;
    let warnings = certificate
        .warnings()
        .iter()
        .map(|finding| finding.lint.to_owned())
        .collect();
    let approved = certificate.into_inner();
    let der = tbs::assemble(approved.tbs(), approved.signature_algorithm(), signature)
        .map_err(|error| Error::internal(format!("a certificate could not be assembled: {error}")))?;
    let validity = approved.validity();
    let issued = Issued {
        id: store::id::new_id(now),
        serial: approved.serial(),
        ca: Arc::from(authority.name.as_str()),
        generation: authority.generation,
        crl_shard,
        profile: Arc::from(approved.profile()),
        subject: approved.subject().to_string(),
        sans: approved.sans().iter().map(ToString::to_string).collect(),
        requester: record.requester.clone(),
        issued_by: (record.actor != record.requester).then(|| record.actor.clone()),
        protocol: record.protocol,
        issued_at: now,
        not_before: validity.not_before,
        not_after: validity.not_after,
        spki_sha256: approved.public_key().fingerprint(),
        key_type: approved.public_key().algorithm(),
        fingerprint_sha256: sha256(&der),
        der,
        replaces: record.replaces.map(|predecessor| predecessor.serial),
        replaced_by: None,
        last_ocsp_query: None,
        lint: Some(warnings),
        revocation: None,
        damage: Damage::default(),
    };
    Ok(Signed {
        issued,
        basis,
        record,
    })
}
