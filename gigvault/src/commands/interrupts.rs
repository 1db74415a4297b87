//! Signals that end a command while it waits for what must not be lost unsaid.

use std::future::poll_fn;
use std::path::Path;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal ended the command.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before the answer arrived: {advice}")]
pub(crate) struct Interrupted {
    /// As a shell says it of a process that the signal ended.
    pub(crate) exit_code: u8,
    advice: String,
}

impl Interrupted {
    pub(super) fn new(exit_code: u8, advice: String) -> Self {
        Self { exit_code, advice }
    }
}

/// Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed, which from then on do not end the process by themselves.
pub(super) struct Interrupts(Vec<(Signal, u8)>);

impl Interrupts {
    /// What is ignored stays ignored: `nohup` and shells that put a command into the background ask for that.
    pub(super) fn listen() -> std::io::Result<Self> {
        let ignored = ignored();
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let listened = kinds.into_iter().filter_map(|kind| {
            let number = u8::try_from(kind.as_raw_value()).ok()?;
            let bit = 1_u64.checked_shl(u32::from(number).checked_sub(1)?)?;
            (ignored & bit == 0).then(|| Ok((signal(kind)?, 128 + number)))
        });
        Ok(Self(listened.collect::<std::io::Result<_>>()?))
    }

    /// Waits for the answer, or for a signal: then the error is the exit code that tells it.
    pub(super) async fn or<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, u8> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer),
            exit_code = self.next() => Err(exit_code),
        }
    }

    async fn next(&mut self) -> u8 {
        poll_fn(|context| {
            for (signal, exit_code) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*exit_code);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// The signals that this process ignores, one a bit, as Linux tells them; none where that cannot be read.
fn ignored() -> u64 {
    const LONGEST: u64 = 64 * 1024;
    let status = ::files::read(Path::new("/proc/self/status"), LONGEST).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
