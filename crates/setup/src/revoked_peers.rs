//! Which certificates of services are revoked: told by `ca`, whose word each process keeps for its connections.

use std::time::Duration;

use kit::retry::Retry;
use kit::tls::RevokedPeers;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::issuer::Issuer;

/// First and longest pause before `ca` is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Keeps `peers` as `ca` says, until `stop`. While it does not answer, those that were known stay.
pub async fn follow(issuer: Issuer, peers: RevokedPeers, stop: CancellationToken) {
    let mut retry = Retry::new("revoked services, as ca tells them", PAUSES);
    let follow = async {
        loop {
            let error = follow_once(&issuer, &peers, &mut retry).await;
            // At its end the process ends these streams itself.
            if stop.is_cancelled() {
                return;
            }
            sleep(retry.failed(&error)).await;
        }
    };
    stop.run_until_cancelled(follow).await;
}

/// Until the stream ends, and why it did.
async fn follow_once(issuer: &Issuer, peers: &RevokedPeers, retry: &mut Retry) -> Error {
    let mut revoked = match issuer.watch_revoked().await {
        Ok(revoked) => revoked,
        Err(error) => return error,
    };
    loop {
        match revoked.next().await {
            Ok(serials) => {
                peers.replace(serials);
                retry.works();
            }
            Err(error) => return error,
        }
    }
}
