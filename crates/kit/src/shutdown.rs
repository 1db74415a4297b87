//! When to stop: SIGTERM (systemd, Kubernetes) or SIGINT (a person).

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT.
///
/// # Errors
/// When signals can't be listened for.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    tokio::spawn(wait(terminate, interrupt, token.clone()));
    Ok(token)
}

async fn wait(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(
        signal = name,
        "stopping: running requests are finished, new ones refused"
    );
    token.cancel();
}
