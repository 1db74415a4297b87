//! The health of CAs: what their CRLs, their OCSP responders, and a self-check from outside say.

use kit::error::{Fault, Kind, Shown};
use kit::grpc::RemoteFault;
use store::Tx;
use store::time::from_micros;
use time::OffsetDateTime;
use vocabulary::{EventType, service};

use super::App;
use crate::domain::publication::IssuerName;
use crate::domain::{Authority, Health, IssuerHealth, OcspHealth, OcspResponder, STALE};
use crate::error::Error;
use crate::tables::health;

/// Texts about one issuer that are kept, of either kind, and characters of each. As in `ca.proto`.
const MOST: usize = 20;
const LONGEST: usize = 500;

/// Why another service told nothing.
#[derive(Debug, thiserror::Error)]
pub enum HealthUnknown {
    /// It refused or cannot be reached.
    #[error("{0} did not answer about the CA")]
    Refused(&'static str, #[source] RemoteFault),
    /// What it answered cannot be read.
    #[error("{0} answered with a time that cannot be read")]
    Unreadable(&'static str),
}

impl Fault for HealthUnknown {
    fn service(&self) -> &'static str {
        service::CA
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Refused(_, fault) => fault.shown(),
            Self::Unreadable(_) => Shown::of(Kind::Internal),
        }
    }
}

/// What a self-check found of an issuer.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is wrong, for people.
    pub problems: Vec<String>,
    /// What could not be looked at, for people.
    pub unknown: Vec<String>,
}

/// What is known of a CA by self-checks.
pub(crate) struct SelfChecks {
    /// By issuer generation.
    pub(crate) found: Vec<IssuerHealth>,
    pub(crate) health: Health,
    /// The last look at the generation that issues.
    pub(crate) checked: Option<OffsetDateTime>,
}

impl App {
    /// Notes what a self-check found of an issuer, and writes an event where the issuer is healthy, unhealthy, or not known now and
    /// was not before.
    ///
    /// # Errors
    /// `Common::Invalid` for a name that is not one of an issuer; [`Error::NotFound`] without such a CA; `Common::Store`.
    pub async fn report_health(
        &self,
        issuer: &str,
        report: Report,
        checked: OffsetDateTime,
    ) -> Result<(), Error> {
        let name = IssuerName::parse(issuer).ok_or_else(|| Error::invalid("issuer", "is not one"))?;
        self.authorities.by_name(&name.ca).await?;
        // A clock of crl that is ahead keeps nothing from aging.
        let checked = checked.min(self.clock.now());
        let found = IssuerHealth {
            issuer: issuer.to_owned(),
            ca: name.ca,
            problems: bounded(report.problems),
            unknown: bounded(report.unknown),
            since: checked,
            checked,
        };
        let mut tx = self.db.begin().await?;
        let before = health::last_found(&mut tx, issuer).await?;
        let is = found.found();
        health::put(&mut tx, &found, before != Some(is)).await?;
        // Of an issuer of which nothing was known, only that something is wrong is news.
        let is_news = match before {
            Some(before) => before != is,
            None => is == Health::Unhealthy,
        };
        if is_news {
            self.tell_health(&mut tx, &found).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn tell_health(&self, tx: &mut Tx, found: &IssuerHealth) -> Result<(), Error> {
        let data = serde_json::json!({
            "ca": found.ca, "issuer": found.issuer, "health": found.found().as_str(),
            "problems": found.problems, "unknown": found.unknown,
        });
        let event = kit::trace::event(EventType::CaHealthChanged, found.ca.as_str(), data);
        store::outbox::append(tx, &[event], self.clock.now()).await?;
        Ok(())
    }

    /// Notes of issuers that were not looked at for too long that nothing is known of them, with an event. A process that has just
    /// started waits for the first look.
    ///
    /// # Errors
    /// `Common::Store`.
    pub async fn age_health(&self) -> Result<(), Error> {
        let now = self.clock.now();
        // A start from a clock that was ahead is not one of now.
        if (now - self.started).abs() <= STALE {
            return Ok(());
        }
        for issuer in health::not_looked_at(&self.db, (now - STALE, now + STALE)).await? {
            // A generation that has ended is not looked at any more; that needs no event.
            if !self.is_looked_at(&issuer, now).await {
                continue;
            }
            let mut tx = self.db.begin().await?;
            let Some(found) = health::of_issuer(&mut tx, &issuer).await? else {
                continue;
            };
            let before = found.found();
            let mut aged = found.aged(now);
            if aged.found() == before {
                continue;
            }
            aged.unknown = bounded(aged.unknown);
            health::put(&mut tx, &aged, true).await?;
            self.tell_health(&mut tx, &aged).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Whether it is the generation that issues, and has not ended.
    async fn is_looked_at(&self, issuer: &str, now: OffsetDateTime) -> bool {
        let Some(name) = IssuerName::parse(issuer) else {
            return false;
        };
        let authority = self.authorities.by_name(&name.ca).await;
        authority.is_ok_and(|authority| {
            authority.issuer_name() == name && authority.certificate.not_after() >= now
        })
    }

    /// What self-checks found of the issuers of that CA, and what that says of it now.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn self_checks(&self, authority: &Authority) -> Result<SelfChecks, Error> {
        let now = self.clock.now();
        let found = health::of_ca(&self.db, &authority.name).await?.into_iter();
        let found: Vec<IssuerHealth> = found.map(|found| found.aged(now)).collect();
        let current = authority.issuer_name().to_string();
        let of_current = found.iter().find(|found| found.issuer == current);
        // A generation that has ended is not looked at any more.
        let others = found
            .iter()
            .filter(|found| found.issuer != current && !found.is_stale(now));
        let parts = others.map(|found| found.health(now));
        let checked = of_current.map(|found| found.checked);
        let of_current = of_current.map_or(Health::Unknown, |found| found.health(now));
        Ok(SelfChecks {
            health: Health::of_all(parts.chain([of_current])),
            checked,
            found,
        })
    }

    /// The OCSP responders of a CA, and what the process that was asked knows.
    ///
    /// # Errors
    /// [`HealthUnknown`].
    pub(crate) async fn ocsp_of(&self, ca: &str) -> Result<OcspHealth, HealthUnknown> {
        const OCSP: &str = service::OCSP;
        let request = proto::ocsp::v1::ShowRequest { ca: ca.to_owned() };
        let answer = self.ocsp.clone().show(request).await;
        let answer = answer.map_err(|status| HealthUnknown::Refused(OCSP, RemoteFault::from(status)))?;
        let answer = answer.into_inner();
        let time = |micros| from_micros(micros).map_err(|_| HealthUnknown::Unreadable(OCSP));
        let responders = answer.responders.into_iter().map(|responder| {
            Ok(OcspResponder {
                not_after: responder.not_after_us.map(time).transpose()?,
                issuer: responder.issuer,
                is_due: responder.is_due,
            })
        });
        Ok(OcspHealth {
            responders: responders.collect::<Result<_, _>>()?,
            revocations: answer.revocations,
            feed_age: answer.feed_age_us.map(std::time::Duration::from_micros),
            is_current: answer.is_current,
            responses: answer.responses,
            p95: answer.p95_us.map(std::time::Duration::from_micros),
            since: time(answer.since_us)?,
        })
    }
}

fn bounded(texts: Vec<String>) -> Vec<String> {
    let cut = |text: String| text.chars().take(LONGEST).collect();
    texts.into_iter().take(MOST).map(cut).collect()
}
