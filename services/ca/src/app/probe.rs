//! The probe of visible revocation: issues a certificate, revokes it, and looks where certificates point to how soon relying parties
//! learn of it.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use client::{Reach, RelyingError, RelyingParty, Subject, is_http};
use kit::dry_run::Commit;
use tokio::time::{Instant, sleep, timeout_at};
use vocabulary::metric;
use x509::crl::{Reason, ReceivedCrl};
use x509::ocsp::CertStatus;
use x509::{Certificate, DistinguishedName, Pointers, PublicKey, San};

use super::{App, ProfileScope, Requester, RevokeRequest, Rights, Visibility};
use crate::domain::signed::Record;
use crate::domain::{Authority, Issued, Protocol, Seen};
use crate::error::Error;

/// How long a canary lives: longer than it is looked for, and few of them are listed at a time.
const LIFE: Duration = Duration::from_secs(600);
/// How long its revocation is looked for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at OCSP, and at lists: as exact as the metric is.
const OCSP_EVERY: Duration = Duration::from_millis(50);
const LIST_EVERY: Duration = Duration::from_millis(100);
/// The pause after a list was fetched, in times that took: a long list costs its server as much each time.
const REST: u32 = 4;

/// Where a revocation is visible, as the metrics name it.
const OCSP: &str = "ocsp";
const CRL: &str = "crl";
const DELTA: &str = "delta";

/// What asks where certificates point to.
pub(crate) struct Probe {
    party: RelyingParty,
}

/// A canary, as a relying party has it.
struct Canary {
    certificate: Certificate,
    issuer: Certificate,
    ca: String,
    pointers: Urls,
}

/// The first HTTP URL of each kind.
struct Urls {
    ocsp: Option<String>,
    crl: Option<String>,
}

impl Urls {
    fn of(certificate: &Certificate) -> Self {
        let pointers = Pointers::of(certificate);
        let first = |urls: Vec<String>| urls.into_iter().find(|url| is_http(url));
        let points = pointers.crl.unwrap_or_default().into_iter();
        Self {
            ocsp: first(pointers.access.unwrap_or_default().ocsp),
            crl: first(points.flat_map(|point| point.names.uris).collect()),
        }
    }
}

impl App {
    /// What asks public addresses, and those of the URL that certificates are given now.
    ///
    /// # Errors
    /// [`RelyingError::Setup`].
    pub(crate) fn probe(&self) -> Result<Probe, RelyingError> {
        let reach = Reach::public().and(self.authorities.base());
        Ok(Probe {
            party: RelyingParty::new(reach)?,
        })
    }

    /// Probes each CA that issues the profile of canaries, one after the other.
    ///
    /// # Errors
    /// Those of [`App::issue`] and [`App::revoke`], of the last CA that has one: it counts as one whose revocation was not seen.
    pub(crate) async fn probe_revocations(&self, probe: &Probe) -> Result<(), Error> {
        let profile = self.profile(&self.config.probe_profile)?;
        let now = self.clock.now();
        let issuing = self.authorities.all().into_iter().filter(|authority| {
            authority.issues(profile)
                && authority.suspension.is_none()
                && now < authority.certificate.not_after()
        });
        let mut outcome = Ok(());
        for authority in issuing {
            match self.revoked_canary(&authority, profile).await {
                Ok(canary) => probe.look(&canary, self).await,
                Err(error) => {
                    for channel in [OCSP, CRL, DELTA] {
                        count_unseen(&authority.name, channel);
                    }
                    outcome = Err(error);
                }
            }
        }
        outcome
    }

    async fn revoked_canary(&self, authority: &Authority, profile: &rules::Profile) -> Result<Canary, Error> {
        let issued = self.issue_canary(&authority.name, profile).await?;
        let certificate = issued.parse()?;
        let request = RevokeRequest {
            serial: issued.serial.to_string(),
            reason: Reason::CessationOfOperation,
            invalidity: None,
            same_key: false,
            descendants: false,
        };
        self.revoke(&requester(), &request, &Commit).await?;
        Ok(Canary {
            pointers: Urls::of(&certificate),
            certificate,
            issuer: authority.certificate.clone(),
            ca: authority.name.clone(),
        })
    }

    /// A certificate over a key whose private half is not kept.
    async fn issue_canary(&self, ca: &str, profile: &rules::Profile) -> Result<Issued, Error> {
        let active = self
            .authorities
            .for_profile(Some(ca), profile, &self.config)
            .await?;
        let name: San = format!("uri:urn:uuid:{}", store::id::new_id(self.clock.now()))
            .parse()
            .map_err(|error| Error::internal(format!("name of a canary: {error}")))?;
        let wanted =
            rules::Request::new(DistinguishedName::default(), vec![name], key()?).with_validity(LIFE);
        let record = Record {
            requester: requester().subject,
            actor: requester().subject,
            protocol: Protocol::Internal,
            replaces: None,
            asked_by: None,
            claim: None,
            trace: kit::trace::current(),
        };
        self.sign(profile, &active, (wanted, record), &Commit).await
    }
}

fn count_unseen(ca: &str, channel: &'static str) {
    metrics::counter!(metric::REVOCATION_UNSEEN_TOTAL, "ca" => ca.to_owned(), "channel" => channel)
        .increment(1);
}

fn requester() -> Requester {
    Requester {
        subject: "gigvault:revocation-probe".to_owned(),
        issues: ProfileScope::Any,
        sees: Visibility::Own,
        rights: Rights::default(),
        on_behalf: false,
        seen: Seen::Any,
    }
}

/// The private half is dropped.
fn key() -> Result<PublicKey, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::internal(format!("key of a canary: {error}"));
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|error| failed(&error))?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|error| failed(&error))?;
    PublicKey::from_spki(spki.as_ref()).map_err(|error| failed(&error))
}

impl Probe {
    /// Looks until the revocation is visible everywhere, or [`PATIENCE`] is over.
    async fn look(&self, canary: &Canary, app: &App) {
        let revoked = Instant::now();
        let mut at_ocsp = Channel::new(OCSP, canary, revoked);
        let (mut in_list, mut in_delta) = (
            Channel::new(CRL, canary, revoked),
            Channel::new(DELTA, canary, revoked),
        );
        tokio::join!(
            async {
                let looks = self.until_in_ocsp(canary, app, &mut at_ocsp);
                let _ended = timeout_at(revoked + PATIENCE, looks).await;
            },
            async {
                let looks = self.until_in_lists(canary, app, (&mut in_list, &mut in_delta));
                let _ended = timeout_at(revoked + PATIENCE, looks).await;
            }
        );
        for channel in [at_ocsp, in_list, in_delta] {
            channel.end();
        }
    }

    async fn until_in_ocsp(&self, canary: &Canary, app: &App, channel: &mut Channel<'_>) {
        let Some(url) = &canary.pointers.ocsp else {
            return channel.is_absent();
        };
        while !channel.is_visible() {
            match self.party.ocsp(url, canary.subject(app), false).await {
                Ok(answer) if matches!(answer.single.status, CertStatus::Revoked { .. }) => channel.seen(),
                Ok(_) => sleep(OCSP_EVERY).await,
                Err(error) => {
                    channel.failed(&error);
                    sleep(OCSP_EVERY).await;
                }
            }
        }
    }

    /// A client that has the newest complete list needs no delta to know what that lists.
    async fn until_in_lists(
        &self,
        canary: &Canary,
        app: &App,
        (complete, delta): (&mut Channel<'_>, &mut Channel<'_>),
    ) {
        let Some(url) = &canary.pointers.crl else {
            complete.is_absent();
            return delta.is_absent();
        };
        while !(complete.is_visible() && delta.is_visible()) {
            let begun = Instant::now();
            match self.party.crl(url, canary.subject(app), &[]).await {
                Ok(list) => {
                    if canary.is_listed(&list) {
                        complete.seen();
                        delta.seen();
                    }
                    if !delta.is_visible() {
                        self.look_at_delta(canary, app, (&list, delta)).await;
                    }
                }
                Err(error) => complete.failed(&error),
            }
            sleep(LIST_EVERY.max(begun.elapsed() * REST)).await;
        }
    }

    async fn look_at_delta(
        &self,
        canary: &Canary,
        app: &App,
        (list, delta): (&ReceivedCrl, &mut Channel<'_>),
    ) {
        let points = list.summary.extensions.freshest_crl().unwrap_or_default();
        let mut named = points.iter().flat_map(|point| &point.names.uris);
        let Some(url) = named.find(|url| is_http(url)) else {
            return delta.is_absent();
        };
        match self.party.delta(url, list, canary.subject(app), &[]).await {
            Ok(found) if found.is_newer && canary.is_listed(&found.list) => delta.seen(),
            Ok(_) => {}
            Err(error) => delta.failed(&error),
        }
    }
}

impl Canary {
    fn subject(&self, app: &App) -> Subject<'_> {
        Subject {
            issuer: &self.issuer,
            serial: self.certificate.serial(),
            is_ca: false,
            now: app.clock.now(),
        }
    }

    fn is_listed(&self, list: &ReceivedCrl) -> bool {
        list.revocation(None, self.certificate.serial()).is_some()
    }
}

/// What is known of one channel.
struct Channel<'a> {
    name: &'static str,
    ca: &'a str,
    revoked: Instant,
    state: State,
    problem: Option<String>,
}

#[derive(PartialEq, Eq)]
enum State {
    Looking,
    Visible,
    /// Certificates do not point to it.
    Absent,
}

impl<'a> Channel<'a> {
    fn new(name: &'static str, canary: &'a Canary, revoked: Instant) -> Self {
        Self {
            name,
            ca: &canary.ca,
            revoked,
            state: State::Looking,
            problem: None,
        }
    }

    /// Whether there is nothing more to look for.
    fn is_visible(&self) -> bool {
        self.state != State::Looking
    }

    fn seen(&mut self) {
        if self.is_visible() {
            return;
        }
        self.state = State::Visible;
        metrics::histogram!(
            metric::REVOCATION_VISIBLE_SECONDS, "ca" => self.ca.to_owned(), "channel" => self.name
        )
        .record(self.revoked.elapsed().as_secs_f64());
    }

    fn is_absent(&mut self) {
        self.state = State::Absent;
    }

    fn failed(&mut self, error: &RelyingError) {
        self.problem = Some(error.to_string());
    }

    fn end(self) {
        if self.is_visible() {
            return;
        }
        count_unseen(self.ca, self.name);
        tracing::warn!(
            ca = self.ca,
            channel = self.name,
            problem = self.problem,
            seconds = PATIENCE.as_secs(),
            "the revocation of a canary was not visible in time"
        );
    }
}
