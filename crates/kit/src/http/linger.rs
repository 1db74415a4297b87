//! A socket that is closed without losing what was said last.
//!
//! If a socket is closed while the other side still sends, the kernel answers with a reset, and the reset may
//! overtake the GOAWAY that tells a client which of its requests to send again. So the socket says that it
//! ends and then reads on, for a moment, until the other side has closed too.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::body::Pace;
use super::flow::Flow;
use super::quota::{PeerKey, Reservation};

/// How long the other side may take to close.
const PATIENCE: Duration = Duration::from_secs(1);

/// A place among the connections of the listener and of the client.
pub(super) struct Slot {
    pub(super) _of_all: OwnedSemaphorePermit,
    pub(super) _of_peer: Reservation<PeerKey>,
}

/// A socket with its place among the connections, which it keeps until it is closed on both sides. A client that does not
/// take what it is sent is cut off.
pub(super) struct Lingering {
    // Taken when it is dropped.
    socket: Option<(TcpStream, Slot)>,
    tracker: TaskTracker,
    flow: Flow,
    cut: bool,
}

impl Lingering {
    pub(super) const fn new(stream: TcpStream, slot: Slot, tracker: TaskTracker, answer: Pace) -> Self {
        Self {
            socket: Some((stream, slot)),
            tracker,
            flow: Flow::new(answer),
            cut: false,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.socket {
            Some((stream, _)) => Ok(Pin::new(stream)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn watched(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.flow.moved(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending if self.flow.stalled(context).is_ready() => {
                self.cut = true;
                tracing::info!("a client that does not read was cut off");
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending => {}
        }
        written
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some((stream, slot)) = self.socket.take() else {
            return;
        };
        if self.cut {
            // What it did not take is forgotten by the kernel too.
            let _best_effort = stream.set_zero_linger();
            return drop((stream, slot));
        }
        if let Ok(runtime) = Handle::try_current() {
            self.tracker.spawn_on(close(stream, slot), &runtime);
        }
    }
}

async fn close(mut stream: TcpStream, slot: Slot) {
    let both_sides = async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _closed_or_out_of_patience = timeout(PATIENCE, both_sides).await;
    drop(slot);
}

impl AsyncRead for Lingering {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_read(context, into)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream()?.poll_write(context, bytes);
        this.watched(context, written)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.stream()?.poll_write_vectored(context, bytes);
        this.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
