//! What is true of certificates now: from memory where that is enough, else from the CA service.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{SerialStatus, StatusRequest};
use tokio::task::JoinSet;
use tokio::time::Instant;
use vocabulary::service;
use x509::Serial;
use x509::ocsp::{CertId, CertStatus};

use super::batch::{self, Batches, Waiting};
use super::{App, patiently};
use crate::domain::{Issuer, Revocation, Unissued};
use crate::error::Error;

/// What a request asks about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: CertId,
    /// None where the CertID is not of a CA here.
    pub(super) issuer: Option<Arc<Issuer>>,
}

/// What is true of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateStatus {
    Good,
    Revoked(Revocation),
    /// The CA did not issue this serial number.
    Unissued,
    /// The CA is not one of ours.
    Foreign,
}

/// Of all certificates of a request, in its order.
pub(super) struct CertificateStatuses {
    pub(super) items: Vec<CertificateStatus>,
    /// Before the first was looked up.
    pub(super) read_at: Instant,
}

impl CertificateStatus {
    /// Of a certificate that was issued.
    pub(super) fn known(revocation: Option<Revocation>) -> Self {
        revocation.map_or(Self::Good, Self::Revoked)
    }

    pub(super) fn in_response(self, unissued: Unissued) -> CertStatus {
        match (self, unissued) {
            (Self::Good, _) => CertStatus::Good,
            (Self::Revoked(revocation), _) => revocation.status(),
            (Self::Unissued, Unissued::Revoked) => CertStatus::NEVER_ISSUED,
            (Self::Unissued, Unissued::Unknown) | (Self::Foreign, _) => CertStatus::Unknown,
        }
    }

    /// Label of the metric.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked(_) => "revoked",
            Self::Unissued => "unissued",
            Self::Foreign => "unknown",
        }
    }
}

/// A serial number of an issuer.
type Numbered = (Arc<str>, Serial);

/// Serial numbers in one call of `ca`, at most.
const MOST_SERIALS: usize = 500;

/// Asks `ca` in batches: one call for each issuer.
pub(super) fn in_batches(ca: &CaClient<Transport>) -> Batches<Numbered, CertificateStatus> {
    let ca = ca.clone();
    Batches::start("ocsp-statuses", MOST_SERIALS, move |batch| {
        ask_all(ca.clone(), batch)
    })
}

async fn ask_all(ca: CaClient<Transport>, batch: Vec<Waiting<Numbered, CertificateStatus>>) {
    let mut by_issuer = BTreeMap::<Arc<str>, Vec<_>>::new();
    for waiting in batch {
        let of_issuer = by_issuer.entry(Arc::clone(&waiting.question.0));
        of_issuer.or_default().push(waiting);
    }
    let mut calls = JoinSet::new();
    for (issuer, of_issuer) in by_issuer {
        let ca = ca.clone();
        calls.spawn(async move {
            match statuses(ca, &issuer, &of_issuer).await {
                Ok(items) => {
                    for (waiting, item) in of_issuer.into_iter().zip(items) {
                        waiting.answer(Ok(decode(&item)));
                    }
                }
                Err(error) => batch::fail(of_issuer, error),
            }
        });
    }
    calls.join_all().await;
}

async fn statuses(
    mut ca: CaClient<Transport>,
    issuer: &str,
    of_issuer: &[Waiting<Numbered, CertificateStatus>],
) -> Result<Vec<SerialStatus>, Error> {
    let serials = of_issuer.iter().map(|waiting| waiting.question.1.to_content());
    let request = StatusRequest {
        issuer: issuer.to_owned(),
        serials: serials.collect(),
    };
    let answer = ca.status(patiently(request)).await.map_err(Error::ca)?;
    let items = answer.into_inner().items;
    if items.len() != of_issuer.len() {
        let what = format!("{} statuses for {} serial numbers", items.len(), of_issuer.len());
        return Err(Error::answer(service::CA, what));
    }
    Ok(items)
}

impl App {
    /// What is true of each. Revocations are in memory; that a certificate was issued, and is good, only `ca` knows.
    pub(super) async fn statuses_of(&self, targets: &[Target]) -> Result<CertificateStatuses, Error> {
        let read_at = Instant::now();
        let mut items = Vec::with_capacity(targets.len());
        let mut asked = Vec::new();
        for (place, target) in targets.iter().enumerate() {
            items.push(match (&target.issuer, target.id.serial().proper()) {
                (None, _) => CertificateStatus::Foreign,
                // Numbers that no CA here issues: zero, negative, or too long.
                (Some(_), Err(_)) => CertificateStatus::Unissued,
                (Some(issuer), Ok(serial)) => match self.0.known.of(&issuer.name, &serial).revoked() {
                    Some(revocation) => CertificateStatus::Revoked(revocation),
                    None => {
                        let question = (Arc::clone(&issuer.name), serial);
                        asked.push(async move { (place, self.0.statuses.ask(question).await) });
                        CertificateStatus::Unissued
                    }
                },
            });
        }
        for (place, status) in join_all(asked).await {
            let status = status?;
            if let Some(item) = items.get_mut(place) {
                *item = status;
            }
        }
        Ok(CertificateStatuses { items, read_at })
    }
}

fn decode(item: &SerialStatus) -> CertificateStatus {
    match &item.revocation {
        _ if !item.issued => CertificateStatus::Unissued,
        None => CertificateStatus::Good,
        Some(revocation) => CertificateStatus::Revoked(kit::revocations::Revocation::read(revocation).into()),
    }
}
