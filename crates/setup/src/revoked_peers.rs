//! Which certificates of services are revoked: told by `ca`, whose word each process keeps for its connections.

use std::time::Duration;

use kit::error::chain;
use kit::tls::RevokedPeers;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::issuer::Issuer;

/// First and longest pause before `ca` is asked again.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Keeps `peers` as `ca` says, until `stop`. While it does not answer, those that were known stay.
pub async fn follow(issuer: Issuer, peers: RevokedPeers, stop: CancellationToken) {
    let mut pause = PAUSE;
    let mut told = false;
    let follow = async {
        loop {
            let before = pause;
            let error = follow_once(&issuer, &peers, &mut pause).await;
            // At its end the process ends these streams itself.
            if stop.is_cancelled() {
                return;
            }
            let cause = chain(&error);
            match told && pause == before {
                true => tracing::debug!(cause, "revoked services are not known to be up to date"),
                false => tracing::warn!(
                    cause,
                    "revoked services are not known to be up to date; asked again"
                ),
            }
            told = true;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    };
    stop.run_until_cancelled(follow).await;
}

/// Until the stream ends, and why it did. An answer makes the pause short again.
async fn follow_once(issuer: &Issuer, peers: &RevokedPeers, pause: &mut Duration) -> Error {
    let mut revoked = match issuer.watch_revoked().await {
        Ok(revoked) => revoked,
        Err(error) => return error,
    };
    loop {
        match revoked.next().await {
            Ok(serials) => {
                peers.replace(serials);
                *pause = PAUSE;
            }
            Err(error) => return error,
        }
    }
}
