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

/// How long the other side may take to close.
const PATIENCE: Duration = Duration::from_secs(1);

/// A socket with its place among the connections, which it keeps until it is closed on both sides.
pub(super) struct Lingering {
    // Taken when it is dropped.
    socket: Option<(TcpStream, OwnedSemaphorePermit)>,
    tracker: TaskTracker,
}

impl Lingering {
    pub(super) const fn new(stream: TcpStream, slot: OwnedSemaphorePermit, tracker: TaskTracker) -> Self {
        Self {
            socket: Some((stream, slot)),
            tracker,
        }
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.get_mut().socket {
            Some((stream, _)) => Ok(Pin::new(stream)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some((stream, slot)) = self.socket.take() else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            self.tracker.spawn_on(close(stream, slot), &runtime);
        }
    }
}

async fn close(mut stream: TcpStream, slot: OwnedSemaphorePermit) {
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
        self.stream()?.poll_read(context, into)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
