//! Keeps another directory as ours is, where one is configured: after each publication, and again after failures. The process that
//! makes the lists does, so that one does.

use std::time::Duration;

use kit::retry::Retry;
use store::lease::Lease;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::tables::directory;

/// Time until what failed is tried again: first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Time after which it is looked at what is missing though nothing was published here: another process may have imported a list.
const LOOK: Duration = Duration::from_secs(15);

pub(super) async fn run(app: &App, lease: &Lease) {
    let Some(target) = app.target.clone() else {
        return;
    };
    if let Err(error) = directory::forget_others(&app.db, lease, &target.id).await {
        tracing::debug!(cause = %error, "what was written to other directories could not be forgotten");
    }
    let mut published = app.publications();
    let mut retry = Retry::new("publication to another directory", PAUSES);
    loop {
        published.mark_unchanged();
        let pause = match app.publish_to_directory(&target, lease).await {
            Ok(None) => {
                retry.works();
                // Elapsed or changed, the next step is the same; the sender lives as long as the application.
                let _ = timeout(LOOK, published.changed()).await;
                continue;
            }
            Ok(Some(missing)) => retry.failed_by(missing.to_string()),
            Err(error) => retry.failed(&error),
        };
        sleep(pause).await;
    }
}
