//! The CAs whose certificates clients may show on the mTLS port: those of this installation, as the `ca` service lists them.

use std::sync::Arc;
use std::time::Duration;

use kit::clock::SharedClock;
use kit::peer::PROCESS;
use kit::tls::{OptionalClientCertificates, ServerIdentity, TlsSource};
use setup::Issuer;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::identities;
use super::services::{Environment, Services};

/// Time between two looks: a CA is added by an operator, who can wait that long.
const EVERY: Duration = Duration::from_secs(60);
/// The port is served after that long even if `ca` has not answered: clients without a certificate need no list.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks `ca` for the CAs that are accepted.
pub(crate) struct AcceptedAuthorities {
    issuer: Issuer,
    clock: SharedClock,
}

impl AcceptedAuthorities {
    pub(crate) fn of(services: &Services, environment: &Environment<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            issuer: identities::issuer(environment, services, PROCESS)?,
            clock: Arc::clone(&environment.clock),
        })
    }

    /// HTTPS with this identity that asks for certificates of these CAs, which are looked up again and again until `stop`.
    pub(crate) async fn ask_for(
        self,
        identity: ServerIdentity,
        stop: &CancellationToken,
    ) -> Arc<dyn TlsSource> {
        let asking = Arc::new(OptionalClientCertificates::new(identity, self.clock));
        let first = look(&self.issuer, &asking);
        let _not_yet = stop.run_until_cancelled(timeout(PATIENCE, first)).await;
        tokio::spawn(keep(self.issuer, Arc::clone(&asking), stop.clone()));
        asking
    }
}

async fn keep(issuer: Issuer, asking: Arc<OptionalClientCertificates>, stop: CancellationToken) {
    let mut timer = interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        look(&issuer, &asking).await;
    }
}

/// What was accepted stays so while `ca` does not answer.
async fn look(issuer: &Issuer, asking: &OptionalClientCertificates) {
    match issuer.user_authorities().await {
        Ok(authorities) => asking.accept(authorities.into_iter().map(Into::into).collect()),
        Err(error) => {
            let cause = kit::error::chain(&error);
            tracing::warn!(
                cause,
                "the CAs of client certificates cannot be looked up; trying again in a minute"
            );
        }
    }
}
