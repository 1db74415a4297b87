//! One transaction for a whole group: idempotency keys, certificates, names, events.

use std::collections::{HashMap, HashSet};

use kit::clock::rfc3339;
use sqlx::QueryBuilder;
use store::bulk::{Insert, insert};
use store::outbox::NewEvent;
use store::{Db, Tx};
use time::OffsetDateTime;
use uuid::Uuid;
use vocabulary::EventType;
use x509::serial::Serial;

use super::issuance_facts::{self, LockedFacts};
use super::{identities, names};
use crate::domain::signed::Signed;
use crate::error::Error;

/// What a transaction decided on one certificate of a group.
pub(crate) enum Verdict {
    /// It is stored.
    Stored,
    /// Its idempotency key belongs to another request.
    ClaimLost,
    /// What it rests on does not hold any more; it may not be handed out.
    Refused(Error),
}

/// Stores a group, but for those members that are refused or come second. The answer says for each, in order, what became
/// of it. What the certificates rest on is looked at in this transaction, and stays as it is until the commit: a
/// revocation is either seen here, or comes after the certificate.
pub(crate) async fn commit(db: &Db, group: &[Signed], now: OffsetDateTime) -> Result<Vec<Verdict>, Error> {
    let mut tx = db.begin().await?;
    let bases: Vec<_> = group.iter().map(|signed| signed.basis.clone()).collect();
    let spkis: Vec<_> = group.iter().map(|signed| signed.issued.spki_sha256).collect();
    let LockedFacts { mut facts, uses } = issuance_facts::hold(&mut tx, &bases, &spkis, now).await?;
    let mut verdicts: Vec<Verdict> = group
        .iter()
        .map(|signed| {
            facts
                .next_refusal(&signed.basis, now)
                .map_or(Verdict::Stored, Verdict::Refused)
        })
        .collect();
    let sound = among(group, &verdicts);
    if sound.is_empty() {
        tx.rollback().await?;
        return Ok(verdicts);
    }
    // Before the certificates: whoever comes second waits here and inserts nothing that would have to be undone.
    let lost = claim(&mut tx, &sound, now).await?;
    for (signed, verdict) in group.iter().zip(&mut verdicts) {
        if lost.contains(&signed.issued.id) {
            *verdict = Verdict::ClaimLost;
        }
    }
    let winners = among(group, &verdicts);
    if !winners.is_empty() {
        let uses = key_uses(uses, &winners);
        insert_certificates(&mut tx, &winners, &uses).await?;
        insert_names(&mut tx, &winners).await?;
        identities::record(&mut tx, &winners).await?;
        // In the same transaction, so that there is an event exactly for what is stored.
        let events = winners.iter().map(|signed| event(signed)).collect::<Vec<_>>();
        store::outbox::append(&mut tx, &events, now).await?;
    }
    tx.commit().await?;
    Ok(verdicts)
}

/// Those that nothing is against so far.
fn among<'a>(group: &'a [Signed], verdicts: &[Verdict]) -> Vec<&'a Signed> {
    let stored = group.iter().zip(verdicts);
    stored
        .filter(|(_, verdict)| matches!(verdict, Verdict::Stored))
        .map(|(signed, _)| signed)
        .collect()
}

/// Takes the idempotency keys of the group; returns the certificates whose key was taken before. Waits for a concurrent
/// transaction that takes the same key, so that the answer is final.
async fn claim(tx: &mut Tx, group: &[&Signed], now: OffsetDateTime) -> Result<HashSet<Uuid>, Error> {
    let mut claims: Vec<_> = group
        .iter()
        .filter_map(|signed| Some((signed.record.claim?, signed.issued.id)))
        .collect();
    if claims.is_empty() {
        return Ok(HashSet::new());
    }
    // One order for all, so that two groups with the same keys cannot wait for each other.
    claims.sort_by_key(|(claim, _)| claim.key);
    let now = store::time::to_micros(now);
    let taken: Vec<Uuid> = store::tx!(tx, |connection| {
        let mut sql = QueryBuilder::new(
            "INSERT INTO idempotency_keys (key_sha256, request_sha256, certificate, created_at) ",
        );
        sql.push_values(&claims, |mut row, (claim, id)| {
            row.push_bind(claim.key.to_vec())
                .push_bind(claim.request.to_vec())
                .push_bind(*id)
                .push_bind(now);
        });
        sql.push(" ON CONFLICT (key_sha256) DO NOTHING RETURNING certificate");
        sql.build_query_scalar().fetch_all(connection).await
    })?;
    let taken: HashSet<Uuid> = taken.into_iter().collect();
    Ok(claims
        .into_iter()
        .map(|(_, id)| id)
        .filter(|id| !taken.contains(id))
        .collect())
}

/// The next `key_use` of each certificate, where `last` are those of the keys that have certificates.
fn key_uses(mut last: HashMap<[u8; 32], i64>, group: &[&Signed]) -> Vec<i64> {
    let next = |signed: &&Signed| {
        let key_use = last.entry(signed.issued.spki_sha256).or_insert(-1);
        *key_use += 1;
        *key_use
    };
    group.iter().map(next).collect()
}

const CERTIFICATES: Insert = Insert::into(
    "certificates",
    &[
        "id",
        "serial",
        "ca",
        "profile",
        "subject",
        "sans",
        "requester",
        "protocol",
        "issued_at",
        "not_before",
        "not_after",
        "spki_sha256",
        "key_type",
        "key_use",
        "fingerprint_sha256",
        "der",
        "replaces",
        "issued_by",
        "lint_warnings",
        "generation",
        "crl_shard",
    ],
);

async fn insert_certificates(tx: &mut Tx, group: &[&Signed], uses: &[i64]) -> Result<(), Error> {
    let micros = store::time::to_micros;
    let mut rows = Vec::with_capacity(group.len());
    let json = |texts: &Vec<String>| serde_json::to_string(texts).map_err(Error::internal);
    for (issued, key_use) in group.iter().map(|signed| &signed.issued).zip(uses) {
        rows.push((
            issued.id,
            issued.serial.as_bytes(),
            &*issued.ca,
            &*issued.profile,
            issued.subject.as_str(),
            json(&issued.sans)?,
            issued.requester.as_str(),
            issued.protocol.as_str(),
            micros(issued.issued_at),
            micros(issued.not_before),
            micros(issued.not_after),
            issued.spki_sha256.as_slice(),
            issued.key_type.to_string(),
            *key_use,
            issued.fingerprint_sha256.as_slice(),
            issued.der.as_slice(),
            issued.replaces.as_ref().map(Serial::as_bytes),
            issued.issued_by.as_deref(),
            issued.lint.as_ref().map(json).transpose()?,
            i64::from(issued.generation),
            i64::from(issued.crl_shard),
        ));
    }
    insert(tx, &CERTIFICATES, rows).await?;
    Ok(())
}

const NAMES: Insert = Insert::into("certificate_names", &["name", "id"]);

async fn insert_names(tx: &mut Tx, group: &[&Signed]) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(group.len());
    for issued in group.iter().map(|signed| &signed.issued) {
        for san in &issued.sans {
            rows.push((names::exact(san), issued.id));
        }
    }
    insert(tx, &NAMES, rows).await?;
    Ok(())
}

fn event(signed: &Signed) -> NewEvent {
    let issued = &signed.issued;
    NewEvent {
        kind: if issued.replaces.is_some() {
            EventType::CertificateRenewed
        } else {
            EventType::CertificateIssued
        },
        subject: issued.serial.to_string(),
        data: serde_json::json!({
            "serial": issued.serial.to_string(),
            "ca": issued.ca,
            "issuer": issued.issuer().to_string(),
            "crl_shard": issued.crl_shard,
            "profile": issued.profile,
            "subject": issued.subject,
            "san": issued.sans,
            "not_before": rfc3339(issued.not_before),
            "not_after": rfc3339(issued.not_after),
            "requester": issued.requester,
            "protocol": issued.protocol.as_str(),
            "fingerprint_sha256": data_encoding::HEXLOWER.encode(&issued.fingerprint_sha256),
            "replaces": issued.replaces.as_ref().map(ToString::to_string),
            "actor": signed.record.actor,
            "lint_warnings": issued.lint,
        }),
        correlation_id: signed.record.trace.correlation_id.clone(),
        traceparent: signed.record.trace.traceparent.clone(),
    }
}
