//! What is between a relying party and the server: a cache that does its work, keeps the first answer forever, or damages it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Through,
    /// The first answer that was given at that path.
    First,
    /// With another last octet, which is one of a signature.
    Damaged,
}

#[derive(Default)]
struct State {
    upstream: String,
    modes: BTreeMap<&'static str, Mode>,
    first: BTreeMap<String, Vec<u8>>,
}

/// Ends with the test's runtime.
pub(crate) struct Between {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Between {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    pub(crate) fn lead_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.state.lock().unwrap().upstream);
    }

    /// For the paths that begin so.
    pub(crate) fn set(&self, path: &'static str, mode: Mode) {
        self.state.lock().unwrap().modes.insert(path, mode);
    }
}

/// One request for each connection.
async fn answer(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut kind) = (0, String::new());
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => value.trim().clone_into(&mut kind),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let upstream = state.lock().unwrap().upstream.clone();
    let client = reqwest::Client::new();
    let request = client.request(method.parse().ok()?, format!("{upstream}{path}"));
    let answered = request
        .header("content-type", kind)
        .body(body)
        .send()
        .await
        .ok()?;
    let status = answered.status().as_u16();
    let octets = answered.bytes().await.ok()?.to_vec();
    let octets = state.lock().unwrap().given(&path, octets);
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        octets.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&octets).await.ok()?;
    stream.shutdown().await.ok()
}

impl State {
    fn given(&mut self, path: &str, octets: Vec<u8>) -> Vec<u8> {
        let first = self
            .first
            .entry(path.to_owned())
            .or_insert_with(|| octets.clone());
        let mode = self.modes.iter().find(|(begin, _)| path.starts_with(*begin));
        match mode.map(|(_, mode)| *mode) {
            Some(Mode::First) => first.clone(),
            Some(Mode::Damaged) => damaged(octets),
            Some(Mode::Through) | None => octets,
        }
    }
}

/// The signature of a list is at its end. Behind that of a response are certificates: their octets are looked at too.
fn damaged(mut octets: Vec<u8>) -> Vec<u8> {
    if let Some(last) = octets.last_mut() {
        *last ^= 1;
    }
    octets
}
