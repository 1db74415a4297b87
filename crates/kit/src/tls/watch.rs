//! Files that someone else renews: a mounted secret, a certificate of another tool.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::TlsError;

/// How often the files are read. Contents are compared, not times: a mounted secret is swapped by a link.
const EVERY: Duration = Duration::from_secs(5);

/// Calls `reload` until `stop`. A failure is logged when it begins, and the old identity stays.
pub(super) async fn run<F>(reload: F, stop: CancellationToken)
where
    F: Fn() -> Result<bool, TlsError> + Clone + Send + 'static,
{
    let mut failure = None;
    while stop
        .run_until_cancelled(tokio::time::sleep(EVERY))
        .await
        .is_some()
    {
        let Ok(outcome) = tokio::task::spawn_blocking(reload.clone()).await else {
            return;
        };
        match outcome {
            Ok(changed) => {
                failure = None;
                if changed {
                    tracing::info!("a new TLS identity was read from its files");
                }
            }
            Err(error) => {
                let text = error.to_string();
                if failure.as_ref() != Some(&text) {
                    tracing::error!(
                        cause = text,
                        "a changed TLS identity cannot be used; the old one stays"
                    );
                }
                failure = Some(text);
            }
        }
    }
}
