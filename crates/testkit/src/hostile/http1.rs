//! What needs no more than a socket or HTTP/1.1. Each function returns when the server has ended the connection.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Stream, Target};

/// Reads and drops until the other side closes.
async fn until_closed(mut stream: impl Stream) -> io::Result<()> {
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

pub(super) async fn silence(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let socket = target.socket(from).await?;
    opened();
    until_closed(socket).await
}

pub(super) async fn half_hello(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut socket = target.socket(from).await?;
    // A handshake record of 512 bytes that does not come.
    socket.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await?;
    opened();
    until_closed(socket).await
}

pub(super) async fn slow_head(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut stream = target.stream(from, false).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await?;
    opened();
    loop {
        stream.write_all(b"x").await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn head(target: &Target, method: &str, length: usize) -> String {
    let credential = match &target.token {
        Some(token) => format!("Authorization: Bearer {token}\r\n"),
        None => String::new(),
    };
    let body = match length {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    format!(
        "{method} {} HTTP/1.1\r\nHost: localhost\r\n{credential}{body}\r\n",
        target.path
    )
}

/// All of a body but its last byte.
pub(super) async fn stalled_body(
    target: &Target,
    from: Ipv4Addr,
    length: usize,
    opened: impl FnOnce(),
) -> io::Result<()> {
    let mut stream = target.stream(from, false).await?;
    stream.write_all(head(target, "POST", length).as_bytes()).await?;
    stream.write_all(&vec![b' '; length - 1]).await?;
    stream.flush().await?;
    opened();
    until_closed(stream).await
}

/// Requests one after the other, and not one answer read.
pub(super) async fn no_reader(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut stream = target.stream(from, false).await?;
    let request = head(target, "GET", 0);
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    opened();
    loop {
        stream.write_all(request.as_bytes()).await?;
    }
}
