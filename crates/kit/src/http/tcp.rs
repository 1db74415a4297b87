//! Listeners that speak something else than HTTP, with the same limits on connections, the same end of clients that do not read, the
//! same accounting of CPU time, and the same drain.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connection::End;
use super::cpu::Metered;
use super::limits::Limits;
use super::linger::Lingering;
use super::listener::accept_all;

/// The other end of a connection. A client that does not take what it is sent ([`Limits::answer`]) is cut off with an error of
/// [`io::ErrorKind::TimedOut`].
pub struct Socket(Lingering);

/// Serves the connections of `listener` by `protocol` until `stop`. The protocol is told by its token to end: it finishes the
/// request that it answers, within [`Limits::drain`].
///
/// No client shows a credential: each has the CPU time of a stranger ([`Limits::cpu`]).
pub async fn serve<P, F>(listener: TcpListener, limits: &Limits, stop: CancellationToken, protocol: P)
where
    P: Fn(Socket, SocketAddr, CancellationToken) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let end = End::new(stop);
    accept_all(listener, limits, &end, |stream, remote| {
        let cpu = limits.cpu.connection(remote.into(), false);
        let connection = protocol(Socket(stream), remote, end.stop.clone());
        let end = end.clone();
        async move {
            let mut connection = Metered::connection(connection, &cpu);
            tokio::select! {
                () = &mut connection => return,
                () = end.stop.cancelled() => connection.exempt(),
            }
            tokio::select! {
                () = connection => {}
                () = end.kill.cancelled() => {}
            }
        }
    })
    .await;
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
