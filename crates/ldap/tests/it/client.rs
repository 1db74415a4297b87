//! A client that writes its octets by itself, right ones and wrong ones.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One value, with a length of four octets after 127, as some clients write it.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        _ => [&[tag, 0x84][..], &length.to_be_bytes()].concat(),
    };
    [&head, content].concat()
}

pub(crate) fn all(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    tlv(4, text.as_bytes())
}

pub(crate) fn int(number: u8) -> Vec<u8> {
    tlv(2, &[number])
}

pub(crate) fn enumerated(number: u8) -> Vec<u8> {
    tlv(10, &[number])
}

/// `(attribute=value)`.
pub(crate) fn equality(attribute: &str, value: &[u8]) -> Vec<u8> {
    all(0xa3, &[text(attribute), tlv(4, value)])
}

/// `(attribute=*)`.
pub(crate) fn present(attribute: &str) -> Vec<u8> {
    tlv(0x87, attribute.as_bytes())
}

/// A search.
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: u8,
    pub(crate) size_limit: u8,
    pub(crate) time_limit: u8,
    pub(crate) types_only: bool,
    pub(crate) filter: Vec<u8>,
    pub(crate) attributes: &'a [&'a str],
}

impl<'a> Search<'a> {
    pub(crate) fn at(base: &'a str, scope: u8) -> Self {
        Self {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: present("objectClass"),
            attributes: &[],
        }
    }

    pub(crate) fn operation(&self) -> Vec<u8> {
        let attributes: Vec<_> = self.attributes.iter().map(|name| text(name)).collect();
        all(
            0x63,
            &[
                text(self.base),
                enumerated(self.scope),
                enumerated(0),
                int(self.size_limit),
                int(self.time_limit),
                tlv(1, &[if self.types_only { 0xff } else { 0 }]),
                self.filter.clone(),
                all(0x30, &attributes),
            ],
        )
    }
}

/// An answer: message id, tag, content of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: u8,
    pub(crate) tag: u8,
    content: Vec<u8>,
}

/// An entry as it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Found {
    pub(crate) fn values(&self, name: &str) -> Vec<Vec<u8>> {
        let of_name = self.attributes.iter().filter(|(found, _)| found == name);
        of_name.flat_map(|(_, values)| values.clone()).collect()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let text = |value| String::from_utf8(value).unwrap();
        self.values(name).into_iter().map(text).collect()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.attributes.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// Tag, content, rest.
fn split(octets: &[u8]) -> (u8, &[u8], &[u8]) {
    let (start, length) = match octets[1] {
        short @ ..=0x7f => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let digits = &octets[2..2 + count];
            let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (2 + count, length)
        }
    };
    (
        octets[0],
        &octets[start..start + length],
        &octets[start + length..],
    )
}

fn items(mut octets: &[u8]) -> Vec<&[u8]> {
    let mut items = Vec::new();
    while !octets.is_empty() {
        let (_, content, rest) = split(octets);
        items.push(content);
        octets = rest;
    }
    items
}

impl Answer {
    /// The result code.
    pub(crate) fn code(&self) -> u8 {
        split(&self.content).1[0]
    }

    /// matchedDN.
    pub(crate) fn matched(&self) -> String {
        String::from_utf8(items(&self.content)[1].to_vec()).unwrap()
    }

    /// Content of the field at this place.
    pub(crate) fn field(&self, at: usize) -> Vec<u8> {
        items(&self.content)[at].to_vec()
    }

    fn found(&self) -> Found {
        let fields = items(&self.content);
        let attribute = |octets: &[u8]| {
            let parts = items(octets);
            let values = items(parts[1]).into_iter().map(<[u8]>::to_vec).collect();
            (String::from_utf8(parts[0].to_vec()).unwrap(), values)
        };
        Found {
            name: String::from_utf8(fields[0].to_vec()).unwrap(),
            attributes: items(fields[1]).into_iter().map(attribute).collect(),
        }
    }
}

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
    next: u8,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            received: Vec::new(),
            next: 0,
        }
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Sends an operation, with controls or not.
    pub(crate) async fn send(&mut self, operation: &[u8], controls: &[u8]) {
        self.next += 1;
        let message = tlv(
            0x30,
            &[int(self.next), operation.to_vec(), controls.to_vec()].concat(),
        );
        self.write(&message).await;
    }

    /// The next message; none when the server has ended the connection.
    pub(crate) async fn receive(&mut self) -> Option<Answer> {
        loop {
            if let Some(length) = self.whole() {
                let message: Vec<u8> = self.received.drain(..length).collect();
                let (_, content, _) = split(&message);
                let (_, id, rest) = split(content);
                let (tag, operation, _) = split(rest);
                return Some(Answer {
                    id: id[0],
                    tag,
                    content: operation.to_vec(),
                });
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.received.extend(&buffer[..read]),
            }
        }
    }

    fn whole(&self) -> Option<usize> {
        let digits = match self.received.get(1)? {
            ..=0x7f => 0,
            long => usize::from(long & 0x7f),
        };
        self.received.get(..2 + digits)?;
        let length = match digits {
            0 => usize::from(self.received[1]),
            _ => self.received[2..2 + digits]
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
        };
        (self.received.len() >= 2 + digits + length).then_some(2 + digits + length)
    }

    /// Sends an operation and returns its answer.
    pub(crate) async fn ask(&mut self, operation: &[u8]) -> Answer {
        self.send(operation, &[]).await;
        let answer = self.receive().await.unwrap();
        assert_eq!(answer.id, self.next);
        answer
    }

    /// Binds by this version, name and credentials.
    pub(crate) async fn bind(&mut self, version: u8, name: &str, credentials: Vec<u8>) -> Answer {
        self.ask(&all(0x60, &[int(version), text(name), credentials]))
            .await
    }

    pub(crate) async fn search(&mut self, search: &Search<'_>) -> (Vec<Found>, Answer) {
        self.send(&search.operation(), &[]).await;
        let mut found = Vec::new();
        loop {
            let answer = self.receive().await.unwrap();
            assert_eq!(answer.id, self.next);
            match answer.tag {
                0x64 => found.push(answer.found()),
                _ => return (found, answer),
            }
        }
    }

    /// What the server says before it ends the connection, which it then does.
    pub(crate) async fn notice(&mut self) -> Option<u8> {
        let notice = self.receive().await?;
        assert_eq!((notice.id, notice.tag), (0, 0x78));
        assert_eq!(notice.field(3), b"1.3.6.1.4.1.1466.20036");
        assert_eq!(self.receive().await, None);
        Some(notice.code())
    }
}
