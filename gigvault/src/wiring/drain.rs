//! The end of a process: what is under way is finished, for a bounded time.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Runs until all has ended. Background work has as long after `stop` as requests have, and is cut off then.
pub(super) async fn wind_down(mut serving: JoinSet<()>, mut jobs: JoinSet<()>, stop: &CancellationToken) {
    // Requests that are cut off end by themselves, at the end of their own drain.
    const MARGIN: Duration = Duration::from_secs(1);
    let all = async {
        while serving.join_next().await.is_some() {}
        while jobs.join_next().await.is_some() {}
    };
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(kit::http::Limits::default().drain + MARGIN).await;
    };
    let in_time = tokio::select! {
        () = all => true,
        () = late => false,
    };
    if !in_time {
        tracing::warn!(
            jobs = jobs.len(),
            "background work still running at the end of the drain is cut off"
        );
        serving.abort_all();
        jobs.abort_all();
    }
}
