//! Crash points between durable steps, for tests; they exist in debug builds only.
//!
//! `GIGVAULT_FAULT_POINT=n` kills the process, as `kill -9` does, when it reaches its n-th point.
//! `GIGVAULT_FAULT_POINT=n:enospc` makes the n-th point and every later one fail as a full disk does. A test that counts
//! n up until the program completes has stopped it before every durable step that it takes.

use std::io;

/// The environment variable that chooses the point.
pub const VARIABLE: &str = "GIGVAULT_FAULT_POINT";

/// A durable step follows.
///
/// # Errors
/// Only where a test asked for a full disk.
#[cfg(not(debug_assertions))]
#[inline]
pub const fn point() -> io::Result<()> {
    Ok(())
}

/// A durable step follows.
///
/// # Errors
/// Only where a test asked for a full disk.
#[cfg(debug_assertions)]
pub fn point() -> io::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};

    static REACHED: AtomicU64 = AtomicU64::new(0);
    let Some((at, effect)) = *plan() else {
        return Ok(());
    };
    let number = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
    match effect {
        Effect::Kill if number == at => {
            let _killed =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            std::process::abort()
        }
        Effect::Full if number >= at => Err(rustix::io::Errno::NOSPC.into()),
        Effect::Kill | Effect::Full => Ok(()),
    }
}

#[cfg(debug_assertions)]
#[derive(Clone, Copy)]
enum Effect {
    Kill,
    Full,
}

#[cfg(debug_assertions)]
fn plan() -> &'static Option<(u64, Effect)> {
    static PLAN: std::sync::OnceLock<Option<(u64, Effect)>> = std::sync::OnceLock::new();
    PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (at, effect) = match text.strip_suffix(":enospc") {
            Some(at) => (at, Effect::Full),
            None => (text.as_str(), Effect::Kill),
        };
        Some((at.parse().ok()?, effect))
    })
}
