//! Background work: the record of signatures. Every replica writes its own.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How often the record is written; this many seconds of it a killed process loses.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`, and writes what is left then.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(INTERVAL))
        .await
        .is_some()
    {
        write(&app).await;
    }
    write(&app).await;
}

async fn write(app: &App) {
    if let Err(error) = app.write_signatures().await {
        let cause = kit::error::chain(&error);
        tracing::warn!(
            cause,
            "the record of signatures could not be written; it is kept for the next time"
        );
    }
}
