//! What needs no more than a socket or HTTP/1.1. Each function returns when the server has ended the connection.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, split};

use super::{Stream, Target};

/// Reads and drops until the other side closes.
pub(super) async fn until_closed(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
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
    head_of(method, &target.path, &(credential + &body))
}

fn head_of(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
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
    let request = head_of("GET", &target.open_path, "");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    opened();
    loop {
        stream.write_all(request.as_bytes()).await?;
    }
}

/// Writes what `next` gives, one after the other, and reads all answers.
async fn pipeline(stream: impl Stream, mut next: impl FnMut() -> String) -> io::Result<()> {
    let (reader, mut writer) = split(stream);
    let writing = async {
        loop {
            writer.write_all(next().as_bytes()).await?;
        }
    };
    tokio::select! {
        ended = until_closed(reader) => ended,
        ended = writing => ended,
    }
}

/// An open document, nothing, and what the other methods say about them.
pub(super) async fn cheap_requests(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let stream = target.stream(from, false).await?;
    opened();
    let path = &target.open_path;
    let batch = [
        ("GET", path.as_str()),
        ("HEAD", path),
        ("OPTIONS", path),
        ("GET", "/nothing"),
    ];
    let batch: String = batch.map(|(method, path)| head_of(method, path, "")).concat();
    pipeline(stream, || batch.clone()).await
}

/// Credentials of the form of an API key, each another one.
pub(super) async fn bad_credentials(
    target: &Target,
    from: Ipv4Addr,
    opened: impl FnOnce(),
) -> io::Result<()> {
    let stream = target.stream(from, false).await?;
    opened();
    let mut number = 0_u64;
    let next = || {
        number += 1;
        let credential = format!("Authorization: Bearer gv_{number:08x}_{}\r\n", "a".repeat(43));
        head_of("GET", &target.path, &credential)
    };
    pipeline(stream, next).await
}

pub(super) async fn handshakes(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    opened();
    loop {
        drop(target.stream(from, target.h2_only).await?);
    }
}

pub(super) async fn new_connections(
    target: &Target,
    from: Ipv4Addr,
    opened: impl FnOnce(),
) -> io::Result<()> {
    let request = head_of("GET", &target.open_path, "Connection: close\r\n");
    opened();
    loop {
        one_request(target, from, &request).await?;
    }
}

async fn one_request(target: &Target, from: Ipv4Addr, request: &str) -> io::Result<()> {
    let mut stream = target.stream(from, false).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    until_closed(stream).await
}
