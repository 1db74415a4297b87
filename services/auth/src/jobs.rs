//! Background work: the times of last use. Every replica writes its own.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Runs until `stop`, and writes what is left then.
pub(crate) async fn run(app: App, interval: Duration, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(interval))
        .await
        .is_some()
    {
        write(&app).await;
    }
    write(&app).await;
}

async fn write(app: &App) {
    if let Err(error) = app.write_last_used().await {
        let cause = kit::error::chain(&error);
        tracing::warn!(
            cause,
            "times of last use could not be written; they are kept for the next time"
        );
    }
}
