//! File descriptors: as many as the system allows, and some kept for what is not a client.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that no connection may take: databases, files, logs, calls to peers. A service on SQLite takes up to 20.
const RESERVED: u64 = 256;
/// Without a limit, as many as a process ever needs.
const UNLIMITED: u64 = 1 << 20;

/// Descriptors for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    for_clients: u64,
}

/// Raises the soft limit on open files to the hard one. The soft limit is low for the sake of programs that use `select`,
/// which this one does not.
#[must_use]
pub fn raise_descriptor_limit() -> Descriptors {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files could not be raised");
            limit.current
        }
    };
    Descriptors::of(now.unwrap_or(UNLIMITED))
}

impl Descriptors {
    fn of(limit: u64) -> Self {
        // Half is kept even where there are few: without databases connections are of no use.
        let reserved = RESERVED.min(limit / 2).max(limit.min(16) / 2);
        Self {
            for_clients: limit.saturating_sub(reserved),
        }
    }

    /// Connections that one of n listeners may have at most, so that all together leave the reserve alone.
    #[must_use]
    pub fn share(self, listeners: usize) -> usize {
        let share = self.for_clients / (listeners.max(1) as u64);
        usize::try_from(share).unwrap_or(usize::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_together_leave_a_reserve() {
        for limit in [64, 256, 1024, 4096, 1 << 20] {
            let share = Descriptors::of(limit).share(4) as u64;
            let reserve = limit - 4 * share;
            assert!(
                share > 0 && reserve >= RESERVED.min(limit / 2),
                "{limit}: {share}"
            );
        }
    }
}
