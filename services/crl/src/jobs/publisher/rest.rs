//! The rest after a complete list: as long as that took, so that where changes do not end, the other half of the time is for the rest of
//! the process. A compromise of a key ends it, since it is to be published at once: every second rest at most, or a flood of
//! compromises would be without rests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// What ends rests.
pub(super) struct Rest {
    compromises: watch::Receiver<()>,
}

impl Rest {
    /// From now on compromises count, also those that are told while a list is made.
    pub(super) fn after(mut compromises: watch::Receiver<()>) -> Self {
        compromises.mark_unchanged();
        Self { compromises }
    }

    /// Rests; answers whether it was cut short. It is not if the rest before was.
    pub(super) async fn take(mut self, time: Duration, was_cut: bool) -> bool {
        tokio::select! {
            () = sleep(time) => false,
            Ok(()) = self.compromises.changed(), if !was_cut => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_compromise_ends_a_rest_also_if_it_came_before() {
        let told = watch::Sender::new(());
        let rest = Rest::after(told.subscribe());
        told.send_replace(());
        assert!(rest.take(LONG, false).await);
    }

    #[tokio::test]
    async fn without_one_and_every_second_time_it_is_taken_whole() {
        let told = watch::Sender::new(());
        for (compromise, was_cut) in [(false, false), (true, true)] {
            let rest = Rest::after(told.subscribe());
            if compromise {
                told.send_replace(());
            }
            assert!(!rest.take(Duration::from_millis(1), was_cut).await);
        }
    }
}
