//! What is true of certificates now: from memory where that is enough, else from the CA service.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use kit::transport::Transport;
use proto::ca::v1::ca_client::CaClient;
use proto::ca::v1::{SerialStatus, StatusRequest};
use tokio::time::Instant;
use vocabulary::service;
use x509::Serial;
use x509::ocsp::{CertId, CertStatus};

use super::batch::{Batches, Bounds};
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

/// Serial numbers in one call of `ca`, at most.
const MOST_SERIALS: usize = 500;

/// Statuses of serial numbers by the name of their issuer, asked of `ca` in batches.
pub(super) type Statuses = Batches<Arc<str>, Serial, CertificateStatus>;

pub(super) fn in_batches(ca: &CaClient<Transport>) -> Statuses {
    let ca = ca.clone();
    let bounds = Bounds {
        questions: MOST_SERIALS,
        octets: |serial: &Serial| serial.as_bytes().len(),
    };
    Batches::start(
        ("ocsp-statuses", service::CA),
        bounds,
        move |issuer: &Arc<str>, serials: &[&Serial]| {
            let request = StatusRequest {
                issuer: issuer.to_string(),
                serials: serials.iter().map(|serial| serial.to_content()).collect(),
            };
            let mut ca = ca.clone();
            async move {
                let answer = ca.status(patiently(request)).await.map_err(Error::ca)?;
                Ok(answer.into_inner().items.iter().map(decode).collect())
            }
        },
    )
}

impl App {
    /// What is true of each. Revocations are in memory; that a certificate was issued, and is good, only `ca` knows.
    pub(super) async fn statuses_of(&self, targets: &[Target]) -> Result<CertificateStatuses, Error> {
        let read_at = Instant::now();
        let mut items = Vec::with_capacity(targets.len());
        // By issuer, where the answer belongs and what is asked.
        let mut unknown = BTreeMap::<Arc<str>, (Vec<usize>, Vec<Serial>)>::new();
        for (place, target) in targets.iter().enumerate() {
            items.push(match (&target.issuer, target.id.serial().proper()) {
                (None, _) => CertificateStatus::Foreign,
                // Numbers that no CA here issues: zero, negative, or too long.
                (Some(_), Err(_)) => CertificateStatus::Unissued,
                (Some(issuer), Ok(serial)) => match self.0.known.of(&issuer.name, &serial).revoked() {
                    Some(revocation) => CertificateStatus::Revoked(revocation),
                    None => {
                        let (places, serials) = unknown.entry(Arc::clone(&issuer.name)).or_default();
                        places.push(place);
                        serials.push(serial);
                        CertificateStatus::Unissued
                    }
                },
            });
        }
        let asked = unknown.into_iter().map(|(issuer, (places, serials))| async move {
            (places, self.0.statuses.ask(issuer, serials).await)
        });
        for (places, statuses) in join_all(asked).await {
            for (place, status) in places.into_iter().zip(statuses?) {
                if let Some(item) = items.get_mut(place) {
                    *item = status;
                }
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
