//! The CRL of the development root: its key is here, so this process renews it, and has it served where the CAs point to. `serve`
//! does not read that key, which may be kept on another machine: then `gigvault rootca crl` and `gigvault ca crl import` do.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use kit::clock::SharedClock;
use kit::peer::PROCESS;
use kit::retry::Retry;
use kit::transport::Transport;
use setup::RootCrl;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Plan;
use super::databases::Databases;
use super::kek::RootOpener;
use super::layout::DataDir;
use super::services::{Environment, Service, Services};
use super::settings::Settings;

/// What its list is called where it is served.
const NAME: &str = "root";
/// CRL numbers between two restores that were accepted.
const PER_RESTORE: u64 = 1 << 32;
/// Time between two looks: what `gigvault rootca revoke` noted is published within it. A look reads a few small files.
const EVERY: Duration = Duration::from_secs(600);

/// Sees to the list at a start. A first one makes it or fails; a later one goes on without: the list of before holds for months.
pub(super) async fn at_start(
    environment: &Environment<'_>,
    services: &Services,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    if !environment.founding {
        warn(take_served(environment).await);
    }
    let renewed = renew(environment.settings, environment.data, now);
    let served = match (renewed, way(environment, services)?) {
        (Ok(list), Some(crl)) => serve(&list, crl).await,
        (renewed, _) => renewed.map(drop),
    };
    match environment.founding {
        true => served,
        false => {
            warn(served);
            Ok(())
        }
    }
}

/// Goes on with the list that is served, where the root's folder is older than that: an older copy of it was put back. The next list
/// would have a number that was used, and what the served one revokes would count as valid.
async fn take_served(environment: &Environment<'_>) -> anyhow::Result<()> {
    let served = crl::stored_list(&environment.databases.of(Service::Crl)?, NAME).await?;
    Ok(RootCrl::of(&environment.data.hierarchy()).go_on_above(served.as_deref(), 0)?)
}

/// Lets the root go on after a restore that is accepted: with the lists that were kept, in the data directory and in the database of
/// `crl`, and above all numbers that were used, as `crl` does with its own (`docs/adr/0017`).
pub(super) async fn after_restore(data: &DataDir, databases: &Databases) -> anyhow::Result<()> {
    if !data.has_root() {
        return Ok(());
    }
    let db = databases.of(Service::Crl)?;
    let served = crl::stored_list(&db, NAME).await?;
    let restores = u64::try_from(db.restores().await?).unwrap_or_default();
    RootCrl::of(&data.hierarchy()).go_on_above(served.as_deref(), restores.saturating_mul(PER_RESTORE))?;
    tracing::warn!(
        "what the development root revoked after the backup is lost, but for what a CRL that was kept lists: compare with \
         `gigvault rootca inspect`, and revoke it again with `gigvault rootca revoke`"
    );
    Ok(())
}

/// Keeps the list renewed while a process of `up` runs.
pub(super) fn spawn_upkeep(
    jobs: &mut JoinSet<()>,
    environment: &Environment<'_>,
    services: &Services,
    plan: &Plan,
) -> anyhow::Result<()> {
    if plan.first_start {
        let upkeep = Upkeep {
            settings: environment.settings.clone(),
            data: environment.data.clone(),
            clock: Arc::clone(&environment.clock),
            crl: way(environment, services)?,
        };
        jobs.spawn(upkeep.run(environment.stop.clone()));
    }
    Ok(())
}

/// The way to who serves it, if that is in this process.
fn way(environment: &Environment<'_>, services: &Services) -> anyhow::Result<Option<Transport>> {
    let here = services.has(Service::Crl);
    here.then(|| services.transport(environment, PROCESS, Service::Crl))
        .transpose()
}

/// Signs the list if it is due, and writes it where others take it.
fn renew(settings: &Settings, data: &DataDir, now: OffsetDateTime) -> anyhow::Result<RootCrl> {
    let list = RootCrl::of(&data.hierarchy());
    if list.is_due(now)? {
        let opener = RootOpener::read(settings, data)?;
        list.sign(opener.protection(), now)?;
    }
    list.publish().context("the CRL of the development root")?;
    Ok(list)
}

async fn serve(list: &RootCrl, crl: Transport) -> anyhow::Result<()> {
    let served = list.import(crl).await;
    served.context("the CRL of the development root is not served")
}

fn warn(done: anyhow::Result<()>) {
    if let Err(error) = done {
        let cause = format!("{error:#}");
        tracing::warn!(
            cause,
            "the CRL of the development root was not renewed; `gigvault doctor` looks at the root"
        );
    }
}

struct Upkeep {
    settings: Settings,
    data: DataDir,
    clock: SharedClock,
    crl: Option<Transport>,
}

impl Upkeep {
    async fn run(self, stop: CancellationToken) {
        // The start has looked.
        let mut timer = tokio::time::interval_at(Instant::now() + EVERY, EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut log = Retry::of_rounds("renewal of the CRL of the development root");
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            match self.look().await {
                Ok(()) => log.works(),
                Err(error) => {
                    let _the_next_look_has_its_time = log.failed_by(format!("{error:#}"));
                }
            }
        }
    }

    async fn look(&self) -> anyhow::Result<()> {
        let (settings, data, now) = (self.settings.clone(), self.data.clone(), self.clock.now());
        // It reads and writes files, and opens a key.
        let renewed = tokio::task::spawn_blocking(move || renew(&settings, &data, now));
        let list = renewed.await.context("the renewal stopped")??;
        match &self.crl {
            Some(crl) => serve(&list, crl.clone()).await,
            None => Ok(()),
        }
    }
}
