//! Background work: removes idempotency keys after a day, jobs after a month, and requests for identities that nothing follows from,
//! records compromised keys and key types that an earlier version left out, counts certificates that expire soon, and probes how soon
//! revocations are visible where that is set. One replica does what is done to the database.

mod work;

use std::sync::Arc;
use std::time::Duration;

use kit::jobs::Worker;
use kit::service::Job;
use store::lease::Lease;
use vocabulary::metric;

use crate::app::App;
use crate::error::Error;
use crate::tables::certificates::{expiring, fill_in_key_types, prune_idempotency_keys};
use crate::tables::identities;

/// Time between two rounds: the counts of certificates are in days, so ten minutes are exact enough.
const EVERY: Duration = Duration::from_secs(600);
/// Time between two looks whether a self-check is too old: its age is in minutes.
const AGED: Duration = Duration::from_secs(60);
/// How long an idempotency key is remembered; documented in `docs/guides/operating.md`.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long requests for identities are kept when these have expired: a clock that jumps ahead by less, and is put back, removes nothing
/// that a revocation goes by.
const IDENTITIES_KEPT: Duration = Duration::from_secs(365 * 24 * 3600);
/// Rows per transaction: on SQLite, other writers wait while one runs.
const AT_ONCE: u32 = 1000;
/// The same for rows whose certificate is read.
const FILLED_AT_ONCE: u32 = 200;

/// Who does the long work of this service.
pub(crate) fn worker(app: &App) -> Worker {
    let revocations = work::RevokeMany(app.clone());
    app.jobs.clone().worker(vec![Box::new(revocations)])
}

pub(crate) fn all(app: &App) -> Vec<Job> {
    let [pruning, jobs, identities, keys, types, health, expiring, known] =
        std::array::from_fn(|_| app.clone());
    let db = || app.db.clone();
    let mut all = vec![
        Job::leader("old idempotency keys", EVERY, db(), move |lease| {
            let app = pruning.clone();
            async move { prune(&app, &lease).await }
        }),
        Job::leader("old jobs", EVERY, db(), move |lease| {
            let app = jobs.clone();
            async move { app.jobs.prune(&lease).await }
        }),
        Job::leader("old requests for identities", EVERY, db(), move |lease| {
            let app = identities.clone();
            async move { prune_identities(&app, &lease).await }
        }),
        // A replica of an earlier version revokes without recording the key; this one does it after it. What is recorded
        // twice is recorded once.
        Job::leader("compromised keys", EVERY, db(), move |_lease| {
            let app = keys.clone();
            async move { app.record_compromised_keys().await }
        }),
        // Rows of an earlier version, and of a replica of it, have none.
        Job::leader("key types", EVERY, db(), move |lease| {
            let app = types.clone();
            async move { fill_in(&app, &lease).await }
        }),
        Job::leader("old self-checks", AGED, db(), move |_lease| {
            let app = health.clone();
            async move { app.age_health().await }
        }),
        // A gauge of each process.
        Job::each("certificates that expire", EVERY, move || {
            let app = expiring.clone();
            async move { count_expiring(&app).await }
        }),
        // A first start has made its CAs by the time that jobs start.
        Job::task("default CA", |_stop| async move {
            known.authorities.warn_without_default(&known.config);
        }),
    ];
    all.extend(probe(app));
    all
}

/// One of several processes does it.
fn probe(app: &App) -> Option<Job> {
    let every = app.config.probe_interval;
    if every.is_zero() {
        return None;
    }
    let probe = match app.probe() {
        Ok(probe) => Arc::new(probe),
        Err(error) => {
            tracing::warn!(cause = %error, "it is not probed how soon revocations are visible");
            return None;
        }
    };
    let (db, app) = (app.db.clone(), app.clone());
    Some(Job::leader(
        "probe of visible revocation",
        every,
        db,
        move |_lease| {
            let (app, probe) = (app.clone(), Arc::clone(&probe));
            async move { app.probe_revocations(&probe).await }
        },
    ))
}

async fn prune(app: &App, lease: &Lease) -> Result<(), Error> {
    let before = app.clock.now() - KEPT;
    while prune_idempotency_keys(&app.db, lease, before, AT_ONCE).await? == u64::from(AT_ONCE) {}
    Ok(())
}

/// Until there are no more: those that are removed leave others behind by which no other is found.
async fn prune_identities(app: &App, lease: &Lease) -> Result<(), Error> {
    let expired_before = app.clock.now() - IDENTITIES_KEPT;
    while identities::prune(&app.db, lease, expired_before, AT_ONCE).await? > 0 {}
    Ok(())
}

/// Between two batches others get their turn to write.
async fn fill_in(app: &App, lease: &Lease) -> Result<(), Error> {
    let mut filled = 0;
    loop {
        let rows = fill_in_key_types(&app.db, lease, FILLED_AT_ONCE).await?;
        if rows == 0 {
            break;
        }
        filled += rows;
    }
    if filled > 0 {
        tracing::info!(
            filled,
            "key types of certificates of an earlier version were filled in"
        );
    }
    Ok(())
}

/// `gigvault_certificates_expiring{ca,days}`: valid certificates whose last second comes within this many days.
async fn count_expiring(app: &App) -> Result<(), Error> {
    let counted = expiring(&app.db, app.clock.now()).await?;
    for authority in app.authorities.all() {
        let found = counted.iter().find(|found| found.ca == authority.name);
        let (day, week, month) = found.map_or((0, 0, 0), |found| {
            (found.within_1, found.within_7, found.within_30)
        });
        for (days, count) in [("1", day), ("7", week), ("30", month)] {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a count of certificates is far below 2^52"
            )]
            metrics::gauge!(metric::CERTIFICATES_EXPIRING, "ca" => authority.name.clone(), "days" => days)
                .set(count as f64);
        }
    }
    Ok(())
}
