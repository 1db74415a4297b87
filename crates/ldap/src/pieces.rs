//! Messages as they are written: small octets together, values from where they are.

use std::io;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::ber::{head_length, tag, write, write_head, write_number};
use crate::directory::Content;
use crate::entry::Value;

/// Octets of one message or several.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    done: Vec<Piece>,
    pub(crate) open: Vec<u8>,
}

#[derive(Debug)]
enum Piece {
    Octets(Bytes),
    Value(Content),
}

impl Pieces {
    /// Everything of a message before its operation, which has this many octets.
    pub(crate) fn message_head(&mut self, id: u32, operation: usize) {
        let mut number = Vec::new();
        write_number(&mut number, tag::INTEGER, id);
        write_head(&mut self.open, tag::SEQUENCE, number.len() + operation);
        self.open.extend_from_slice(&number);
    }

    fn value(&mut self, value: &Value) {
        write_head(&mut self.open, tag::OCTET_STRING, value.length());
        match value {
            Value::Text(text) => self.open.extend_from_slice(text.as_bytes()),
            Value::Octets(content) => match content.small() {
                Some(pieces) => pieces.for_each(|piece| self.open.extend_from_slice(piece)),
                None => {
                    self.close();
                    self.done.push(Piece::Value(content.clone()));
                }
            },
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done
                .push(Piece::Octets(std::mem::take(&mut self.open).into()));
        }
    }

    /// Writes all of it, each piece forgotten when it was sent.
    pub(crate) async fn send(mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        self.close();
        for piece in self.done {
            match piece {
                Piece::Octets(octets) => write_all(stream, octets).await?,
                Piece::Value(content) => send_value(stream, &content).await?,
            }
        }
        stream.flush().await
    }
}

async fn write_all(stream: &mut (impl AsyncWrite + Unpin), mut octets: Bytes) -> io::Result<()> {
    while octets.has_remaining() {
        stream.write_buf(&mut octets).await?;
    }
    Ok(())
}

/// Its length was sent before it: with more octets or fewer, what follows would be read as something else.
async fn send_value(stream: &mut (impl AsyncWrite + Unpin), content: &Content) -> io::Result<()> {
    let mut left = content.length();
    let mut octets = content.read();
    while let Some(piece) = octets.next().await {
        let piece = piece.map_err(io::Error::other)?;
        left = left.checked_sub(piece.len()).ok_or(io::ErrorKind::InvalidData)?;
        write_all(stream, piece).await?;
    }
    match left {
        0 => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Octets of a value with a content of this length.
pub(crate) fn whole(length: usize) -> usize {
    head_length(length) + length
}

/// An attribute with values (RFC 4511 section 4.1.7).
pub(crate) struct Described<'a> {
    name: String,
    values: Vec<&'a Value>,
    set: usize,
    /// Octets of its content.
    size: usize,
}

impl<'a> Described<'a> {
    pub(crate) fn new(name: String, values: impl IntoIterator<Item = &'a Value>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        let set = values.iter().map(|value| whole(value.length())).sum();
        Self {
            size: whole(name.len()) + whole(set),
            name,
            values,
            set,
        }
    }

    /// Octets of all of it.
    pub(crate) fn length(&self) -> usize {
        whole(self.size)
    }

    pub(crate) fn write(&self, out: &mut Pieces) {
        write_head(&mut out.open, tag::SEQUENCE, self.size);
        write(&mut out.open, tag::OCTET_STRING, self.name.as_bytes());
        write_head(&mut out.open, tag::SET, self.set);
        for value in &self.values {
            out.value(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Octets, Stored, Unavailable};

    /// These pieces, and then an end.
    struct StoredPieces(Vec<Result<&'static [u8], Unavailable>>);

    impl Stored for StoredPieces {
        fn id(&self) -> u128 {
            7
        }

        fn read(&self) -> Octets {
            let pieces: Vec<_> = self.0.iter().map(|piece| piece.map(Bytes::from_static)).collect();
            futures::stream::iter(pieces).boxed()
        }
    }

    async fn sent(length: usize, pieces: Vec<Result<&'static [u8], Unavailable>>) -> io::Result<Vec<u8>> {
        let value = Value::Octets(Content::stored(length, StoredPieces(pieces)));
        let (mut out, mut sink) = (Pieces::default(), Vec::new());
        out.value(&value);
        out.send(&mut sink).await.map(|()| sink)
    }

    #[tokio::test]
    async fn a_value_is_read_while_it_is_sent() {
        let octets = sent(5, vec![Ok(b"ab"), Ok(b""), Ok(b"cde")]).await.unwrap();
        assert_eq!(octets, b"\x04\x05abcde");
    }

    #[tokio::test]
    async fn a_value_that_is_not_as_long_as_was_said_ends_the_connection() {
        for pieces in [
            vec![Ok(&b"abcd"[..])],
            vec![Ok(&b"abc"[..]), Ok(&b"def"[..])],
            vec![Ok(&b"abc"[..]), Err(Unavailable)],
        ] {
            assert!(sent(5, pieces).await.is_err());
        }
    }

    #[tokio::test]
    async fn large_values_are_sent_from_where_they_are() {
        let shared = Bytes::from(vec![7; 1 << 20]);
        let value = Value::Octets(Content::new([shared.clone(), Bytes::from_static(b"end")]));
        let mut out = Pieces::default();
        Described::new("a".to_owned(), [&value]).write(&mut out);
        assert!(out.open.is_empty(), "nothing is copied");
        let mut sink = Vec::new();
        out.send(&mut sink).await.unwrap();
        assert!(sink.ends_with(b"\x07end"));
        let head = b"\x30\x83\x10\x00\x10\x04\x01a\x31\x83\x10\x00\x08\x04\x83\x10\x00\x03";
        assert!(sink.starts_with(head), "{:02x?}", sink.get(..24));
    }
}
