//! What is true of certificates now: from memory where that is enough, else from the CA service.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::ca::v1::{SerialStatus, StatusRequest};
use tokio::time::Instant;
use vocabulary::service;
use x509::Serial;
use x509::ocsp::{CertId, CertStatus};

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
pub(super) enum Standing {
    Good,
    Revoked(Revocation),
    /// The CA did not issue this serial number.
    Unissued,
    /// The CA is not one of ours.
    Foreign,
}

/// Of all certificates of a request, in its order.
pub(super) struct Standings {
    pub(super) items: Vec<Standing>,
    /// Before the first was looked up.
    pub(super) read_at: Instant,
}

impl Standing {
    pub(super) fn status(self, unissued: Unissued) -> CertStatus {
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

/// Serial numbers that are asked for at one CA, with their places in the request.
type Asked = BTreeMap<Arc<str>, Vec<(usize, Serial)>>;

impl App {
    /// What is true of each. Revocations are in memory; that a certificate was issued, and is good, only `ca` knows.
    pub(super) async fn standings(&self, targets: &[Target]) -> Result<Standings, Error> {
        let read_at = Instant::now();
        let mut asked = Asked::new();
        let mut items = Vec::with_capacity(targets.len());
        for (place, target) in targets.iter().enumerate() {
            items.push(match (&target.issuer, target.id.serial().proper()) {
                (None, _) => Standing::Foreign,
                // Numbers that no CA here issues: zero, negative, or too long.
                (Some(_), Err(_)) => Standing::Unissued,
                (Some(issuer), Ok(serial)) => match self.0.known.of(&issuer.name, &serial).revoked() {
                    Some(revocation) => Standing::Revoked(revocation),
                    None => {
                        let of_issuer = asked.entry(Arc::clone(&issuer.name)).or_default();
                        of_issuer.push((place, serial));
                        Standing::Unissued
                    }
                },
            });
        }
        for (issuer, serials) in asked {
            let found = self.ask(&issuer, &serials).await?;
            for ((place, _), standing) in serials.iter().zip(found) {
                if let Some(item) = items.get_mut(*place) {
                    *item = standing;
                }
            }
        }
        Ok(Standings { items, read_at })
    }

    async fn ask(&self, issuer: &str, serials: &[(usize, Serial)]) -> Result<Vec<Standing>, Error> {
        let request = StatusRequest {
            issuer: issuer.to_owned(),
            serials: serials.iter().map(|(_, serial)| serial.to_content()).collect(),
        };
        let answer = self.ca().status(patiently(request)).await.map_err(Error::ca)?;
        let items = answer.into_inner().items;
        if items.len() != serials.len() {
            let what = format!("{} statuses for {} serial numbers", items.len(), serials.len());
            return Err(Error::answer(service::CA, what));
        }
        items.iter().map(decode).collect()
    }
}

fn decode(item: &SerialStatus) -> Result<Standing, Error> {
    match &item.revocation {
        _ if !item.issued => Ok(Standing::Unissued),
        None => Ok(Standing::Good),
        Some(revocation) => Revocation::decode(revocation)
            .map(Standing::Revoked)
            .map_err(|what| Error::answer(service::CA, format!("{what} that cannot be read"))),
    }
}
