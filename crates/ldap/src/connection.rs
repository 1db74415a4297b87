//! One connection: its messages one after the other, each answered before the next one is read.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, ResultCode};
use crate::directory::Directory;
use crate::message::{Message, Operation, Undecodable, length_of};
use crate::search::answer;

/// Octets that are read at once.
const READ: usize = 4096;

/// How long a connection may wait for its client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the next message.
    pub(crate) idle: Duration,
    /// For the rest of a message that has begun.
    pub(crate) message: Duration,
}

/// Why there is no further message.
enum End {
    /// The client has gone, or is waited for no more.
    Gone,
    /// The server ends.
    Stopped,
    /// What came is not a message.
    Undecodable(Undecodable),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Answers the messages of a client until it goes, is idle for too long, or sends what cannot be read.
pub(crate) async fn run<S>(
    mut stream: S,
    directory: Arc<dyn Directory>,
    patience: Patience,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut received = BytesMut::new();
    let notice = loop {
        let octets = match next(&mut stream, &mut received, patience, &stop).await {
            Ok(octets) => octets,
            Err(End::Gone) => break None,
            Err(End::Stopped) => {
                break Some(Answer::disconnection(ResultCode::Unavailable, "the server ends"));
            }
            Err(End::Undecodable(problem)) => break Some(refusal(problem)),
        };
        let message = match Message::read(&octets) {
            Ok(message) => message,
            Err(problem) => break Some(refusal(problem)),
        };
        if message.operation == Operation::Unbind {
            break None;
        }
        if let Some(answer) = answer(&message, directory.as_ref()).await
            && answer.send(&mut stream).await.is_err()
        {
            break None;
        }
    };
    if let Some(notice) = notice {
        // The client may have gone; nothing depends on it.
        let _best_effort = notice.send(&mut stream).await;
    }
}

fn refusal(problem: Undecodable) -> Answer {
    tracing::debug!(%problem, "a connection was ended: its client does not speak LDAP");
    Answer::disconnection(ResultCode::ProtocolError, problem.to_string())
}

/// The octets of the next message.
async fn next<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
    patience: Patience,
    stop: &CancellationToken,
) -> Result<Bytes, End> {
    if received.is_empty() {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Err(End::Stopped),
            read = timeout(patience.idle, more(stream, received)) => read.map_err(|_elapsed| End::Gone)??,
        }
    }
    timeout(patience.message, whole(stream, received))
        .await
        .map_err(|_elapsed| End::Gone)?
}

/// Reads until there is a whole message.
async fn whole<S: AsyncRead + Unpin>(stream: &mut S, received: &mut BytesMut) -> Result<Bytes, End> {
    loop {
        match length_of(received).map_err(End::Undecodable)? {
            Some(length) if received.len() >= length => return Ok(received.split_to(length).freeze()),
            _ => more(stream, received).await?,
        }
    }
}

async fn more<S: AsyncRead + Unpin>(stream: &mut S, received: &mut BytesMut) -> io::Result<()> {
    received.reserve(READ);
    let mut limited = stream.take(READ as u64);
    match limited.read_buf(received).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
