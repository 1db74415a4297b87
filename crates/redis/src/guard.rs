//! What a server may send: answers to what it was asked, each no longer than such an answer is.
//!
//! The client library reads whatever arrives, also while nothing was asked, and keeps it in memory until a value is whole. So octets
//! are counted below it, and a connection with too many of them ends.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many octets a connection may bring. Clones are of the same connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance(Arc<Mutex<Outstanding>>);

#[derive(Debug, Default)]
struct Outstanding {
    /// Commands without an answer.
    commands: usize,
    /// The longest answers to them, together.
    longest: usize,
    /// Octets that arrived since a command was answered.
    received: usize,
    ended: Option<EndCause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndCause {
    /// By this side, which waits for no answer any more.
    GivenUp,
    /// By what the server sent.
    Excess(Excess),
}

/// What no server of Redis sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Excess {
    #[error("sent octets that answer nothing; it is not a Redis server, or one that pushes messages")]
    Unasked,
    #[error("sent a longer answer than there is to what it was asked")]
    TooLong,
}

impl Allowance {
    /// For one command whose answer has this many octets at most. To be held until the answer is there, or the connection is given up:
    /// what arrives afterwards answers nothing.
    pub(crate) fn ask(&self, longest: usize) -> OutstandingCommand {
        let mut outstanding = self.lock();
        outstanding.commands += 1;
        outstanding.longest = outstanding.longest.saturating_add(longest);
        OutstandingCommand {
            allowance: self.clone(),
            longest,
        }
    }

    /// What arrives from now on is not held against the server.
    pub(crate) fn give_up(&self) {
        self.lock().ended.get_or_insert(EndCause::GivenUp);
    }

    /// What the server did wrong, if that ended the connection.
    pub(crate) fn excess(&self) -> Option<Excess> {
        match self.lock().ended {
            Some(EndCause::Excess(excess)) => Some(excess),
            Some(EndCause::GivenUp) | None => None,
        }
    }

    fn receive(&self, octets: usize) -> Result<(), Excess> {
        let mut outstanding = self.lock();
        outstanding.received = outstanding.received.saturating_add(octets);
        let excess = match (outstanding.commands, outstanding.received) {
            (0, 1..) => Excess::Unasked,
            (_, received) if received > outstanding.longest => Excess::TooLong,
            _ => return Ok(()),
        };
        outstanding.ended.get_or_insert(EndCause::Excess(excess));
        Err(excess)
    }

    // A panic while the lock was held leaves numbers that are too large by one command at most.
    fn lock(&self) -> MutexGuard<'_, Outstanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command whose answer is waited for.
#[derive(Debug)]
pub(crate) struct OutstandingCommand {
    allowance: Allowance,
    longest: usize,
}

impl Drop for OutstandingCommand {
    fn drop(&mut self) {
        let mut outstanding = self.allowance.lock();
        outstanding.commands = outstanding.commands.saturating_sub(1);
        outstanding.longest = outstanding.longest.saturating_sub(self.longest);
        // Answers arrive in the order of the commands: what arrives next is of those that are left.
        outstanding.received = 0;
    }
}

/// A stream that ends with more octets than its allowance.
pub(crate) struct Guarded<S> {
    stream: S,
    allowance: Allowance,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let octets = into.filled().len().saturating_sub(before);
        Poll::Ready(self.allowance.receive(octets).map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_pass_and_what_is_more_than_them_ends_the_connection() {
        let allowance = Allowance::default();
        let (first, second) = (allowance.ask(10), allowance.ask(100));
        assert_eq!(allowance.receive(10), Ok(()));
        assert_eq!(
            allowance.receive(100),
            Ok(()),
            "the second answer may be there before the first is taken"
        );
        drop(first);
        assert_eq!(allowance.receive(0), Ok(()));
        drop(second);
        assert_eq!(allowance.receive(0), Ok(()), "an end is not too much");
        assert_eq!(allowance.excess(), None);
        let third = allowance.ask(10);
        assert_eq!(allowance.receive(11), Err(Excess::TooLong));
        drop(third);
        assert_eq!(allowance.receive(1), Err(Excess::Unasked));
        assert_eq!(
            allowance.excess(),
            Some(Excess::TooLong),
            "the first is the cause"
        );
    }

    #[test]
    fn what_arrives_after_it_was_given_up_is_not_held_against_the_server() {
        let allowance = Allowance::default();
        let late = allowance.ask(10);
        allowance.give_up();
        drop(late);
        assert_eq!(allowance.receive(5), Err(Excess::Unasked));
        assert_eq!(allowance.excess(), None);
    }
}
