//! When to stop: SIGTERM (systemd, Kubernetes) or SIGINT (a person).

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is canceled by the first SIGTERM or SIGINT. The second ends the process at once.
///
/// # Errors
/// When signals cannot be listened for.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    tokio::spawn(wait(terminate, interrupt, token.clone()));
    Ok(token)
}

async fn wait(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let (name, _) = next(&mut terminate, &mut interrupt).await;
    tracing::info!(
        signal = name,
        "stopping: running requests are finished, new ones refused"
    );
    token.cancel();
    let (name, number) = next(&mut terminate, &mut interrupt).await;
    tracing::warn!(
        signal = name,
        "ended by a second signal: what was running is cut off"
    );
    // What a shell shows of a process that a signal ended.
    std::process::exit(128 + number);
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        Some(()) = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        Some(()) = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
        else => std::future::pending().await,
    }
}
