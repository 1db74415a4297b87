//! What hyper refuses by itself, as problem documents.
//!
//! hyper answers a head that it cannot read with a bare 400, 414 or 431 that no service sees. It is recognized where it is
//! written: a whole head without a body and without our correlation id, while no request is being answered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use vocabulary::ProblemType;

use super::outstanding::Outstanding;
use crate::problem::{MEDIA_TYPE, Problem};
use crate::trace::{CORRELATION_ID, RequestScope};

/// Longest head that hyper writes by itself.
const LONGEST: usize = 256;

/// An HTTP/1.1 stream whose own refusals are explained.
pub(super) struct Explained<S> {
    stream: S,
    outstanding: Arc<Outstanding>,
    instead: Option<Instead>,
}

/// What is written in place of this many bytes.
struct Instead {
    answer: Vec<u8>,
    written: usize,
    replaced: usize,
}

impl<S> Explained<S> {
    pub(super) const fn new(stream: S, outstanding: Arc<Outstanding>) -> Self {
        Self {
            stream,
            outstanding,
            instead: None,
        }
    }

    fn explain(&mut self, bytes: &[u8]) {
        if self.instead.is_some() || self.outstanding.is_busy() {
            return;
        }
        if let Some(status) = own_refusal(bytes) {
            self.instead = Some(Instead {
                answer: answer(status),
                written: 0,
                replaced: bytes.len(),
            });
        }
    }
}

/// The status of a refusal that hyper made.
fn own_refusal(bytes: &[u8]) -> Option<u16> {
    if bytes.len() > LONGEST || !bytes.starts_with(b"HTTP/1.") || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    (matches!(status, 400 | 414 | 431) && !head.contains(CORRELATION_ID)).then_some(status)
}

fn answer(status: u16) -> Vec<u8> {
    let (status_line, problem, detail) = match status {
        414 => (
            "414 URI Too Long",
            ProblemType::UriTooLong,
            "the request target is too long",
        ),
        431 => (
            "431 Request Header Fields Too Large",
            ProblemType::HeadersTooLarge,
            "the headers (16 KiB and 100 of them) or the announced body are larger than is accepted",
        ),
        _ => (
            "400 Bad Request",
            ProblemType::InvalidRequest,
            "the head of the request is not HTTP/1.1 (RFC 9112)",
        ),
    };
    let id = RequestScope::accept(&HeaderMap::new()).correlation_id();
    let id = id.to_str().unwrap_or_default();
    tracing::info!(status, correlation_id = id, "request refused before it was read");
    let mut problem = Problem::new(problem, detail);
    problem.correlation_id = Some(id.into());
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 {status_line}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\nconnection: close\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\n{CORRELATION_ID}: {id}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        let Some(instead) = &mut self.instead else {
            return Poll::Ready(Ok(None));
        };
        while let Some(rest) = instead
            .answer
            .get(instead.written..)
            .filter(|rest| !rest.is_empty())
        {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            instead.written += written;
        }
        let replaced = instead.replaced;
        self.instead = None;
        Poll::Ready(Ok(Some(replaced)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.explain(bytes);
        match ready!(this.poll_instead(context))? {
            Some(replaced) => Poll::Ready(Ok(replaced.min(bytes.len()))),
            None => Pin::new(&mut this.stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [only] = parts {
            this.explain(only);
        }
        match ready!(this.poll_instead(context))? {
            Some(replaced) => Poll::Ready(Ok(replaced)),
            None => Pin::new(&mut this.stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_says_by_itself_is_replaced() {
        let own =
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(own_refusal(own.as_bytes()), Some(431));
        for other in [
            "HTTP/1.1 400 Bad Request\r\nx-correlation-id: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "",
        ] {
            assert_eq!(own_refusal(other.as_bytes()), None, "{other}");
        }
    }
}
