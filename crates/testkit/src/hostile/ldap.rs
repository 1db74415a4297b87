//! Clients of an LDAP directory. Each function returns when the server has ended the connection.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::http1::{silence, until_closed};
use super::{Abuse, Target};

/// A search below the root for all that every entry has.
const EVERYTHING: &[u8] = b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";
/// A search for the root DSE.
const ROOT: &[u8] = b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";

/// One hostile connection. What makes no sense here is silence.
pub(super) async fn once(
    target: &Target,
    abuse: Abuse,
    from: Ipv4Addr,
    opened: impl FnOnce(),
) -> io::Result<()> {
    match abuse {
        Abuse::SlowHeads => slow_message(target, from, opened).await,
        Abuse::StalledBodies => stalled_message(target, from, opened).await,
        Abuse::SlowReaders => no_reader(target, from, opened).await,
        Abuse::CheapRequests => cheap_requests(target, from, opened).await,
        Abuse::NewConnections => new_connections(target, from, opened).await,
        _ => silence(target, from, opened).await,
    }
}

/// A message of 30,000 octets, one at a time.
async fn slow_message(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut socket = target.socket(from).await?;
    socket.write_all(&[0x30, 0x82, 0x75, 0x30]).await?;
    opened();
    loop {
        socket.write_all(&[2]).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// All of a message of 30,000 octets but its last one.
async fn stalled_message(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut socket = target.socket(from).await?;
    socket.write_all(&[0x30, 0x82, 0x75, 0x30]).await?;
    socket.write_all(&vec![2; 29_999]).await?;
    opened();
    until_closed(socket).await
}

/// Searches one after the other, and not one answer read.
async fn no_reader(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut socket = target.socket(from).await?;
    socket.write_all(EVERYTHING).await?;
    opened();
    loop {
        socket.write_all(EVERYTHING).await?;
    }
}

/// Cheap searches one after the other, and all answers read.
async fn cheap_requests(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (reader, mut writer) = target.socket(from).await?.into_split();
    opened();
    let writing = async {
        loop {
            writer.write_all(ROOT).await?;
        }
    };
    tokio::select! {
        ended = until_closed(reader) => ended,
        ended = writing => ended,
    }
}

/// A connection for each search.
async fn new_connections(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let mut opened = Some(opened);
    loop {
        let mut socket = target.socket(from).await?;
        socket.write_all(ROOT).await?;
        if socket.read(&mut [0; 64]).await? == 0 {
            return Ok(());
        }
        if let Some(opened) = opened.take() {
            opened();
        }
    }
}
