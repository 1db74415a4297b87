//! Many certificates revoked by one job, also where the server is killed in the middle of it.

use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use crate::api::Api;
use crate::report::Report;
use crate::rest::per_second;
use crate::storage::{Configured, Storage};
use crate::{Args, Database, certificates};

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    for database in &args.on {
        let storage = Storage::start(*database).await?;
        let mut configured = Configured::start(&storage, "").await?;
        for killed in [false, true] {
            let rate = job(&mut configured, args, killed).await?;
            tell(report, (*database, args.revocations), (rate, killed));
        }
        let revoked = revoked(&configured).await?;
        let expected = 2 * args.revocations;
        ensure!(
            usize::try_from(revoked)? == expected,
            "{revoked} of {expected} certificates are revoked"
        );
        report.figure(
            format!("{database}: revoked at the end, of {expected}"),
            revoked.to_string(),
        );
    }
    Ok(())
}

fn tell(report: &mut Report, (database, count): (Database, usize), (rate, killed): (f64, bool)) {
    let how = if killed {
        "killed in the middle and started again"
    } else {
        "undisturbed"
    };
    report.figure(
        format!("{database}: {count} certificates revoked by a job, {how}"),
        per_second(rate),
    );
}

/// Issues certificates, and has a job revoke them; answers how many a second it revoked, start included.
async fn job(configured: &mut Configured, args: &Args, killed: bool) -> anyhow::Result<f64> {
    let count = args.revocations;
    let issued = certificates::issue(configured, args, count).await?.len();
    ensure!(issued == count, "{issued} certificates are there, not {count}");
    let mut api = Api::of(&configured.system)?;
    let begun = Instant::now();
    let filter = json!({"ca": ["issuing"], "profile": ["tls-server"], "protocol": ["rest"]});
    let job = api.revoke_many("filter", filter).await?;
    if killed {
        api.wait_for_job(&job, count / 2).await?;
        configured.system.restart()?;
        api = Api::of(&configured.system)?;
    }
    api.wait_for_end(&job, count).await?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Certificates that the database of ca has as revoked for that reason.
async fn revoked(configured: &Configured) -> anyhow::Result<i64> {
    const SUPERSEDED: i64 = 4;
    let sql = "SELECT COUNT(*) FROM certificates WHERE protocol = 'rest' AND reason = $1";
    let db = configured.open("ca").await?;
    let count = store::read!(db, |c| sqlx::query_scalar(sql)
        .bind(SUPERSEDED)
        .fetch_one(c)
        .await)?;
    db.close().await;
    Ok(count)
}
