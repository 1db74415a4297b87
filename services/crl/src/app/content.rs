//! The octets of a list: in memory once for all who ask, as far as there is room, or else read from the database for each.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use store::{Db, StoreError};
use uuid::Uuid;

use super::App;
use crate::domain::Publication;
use crate::error::Error;
use crate::tables::pieces;

/// The octets of a list.
pub(crate) enum Content {
    /// Shared by all requests.
    InMemory(Arc<Vec<Bytes>>),
    /// Too large for the memory that there is.
    Stored(Db, Uuid),
}

/// A part of a list as it is sent.
pub(crate) type Octets = BoxStream<'static, Result<Bytes, StoreError>>;

/// Lists that were asked for last.
pub(super) struct Memory {
    most: usize,
    /// The one that was asked for last is the last.
    held: Mutex<Vec<CachedList>>,
    /// One list is read at a time, and not by each of those who ask for it.
    reading: tokio::sync::Mutex<()>,
}

struct CachedList {
    list: Uuid,
    pieces: Arc<Vec<Bytes>>,
    length: usize,
}

impl Memory {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    fn find(&self, list: Uuid) -> Option<Arc<Vec<Bytes>>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let place = held.iter().position(|held| held.list == list)?;
        let found = held.remove(place);
        let pieces = Arc::clone(&found.pieces);
        held.push(found);
        Some(pieces)
    }

    /// Removes those that were not asked for the longest until there is room.
    fn keep(&self, list: Uuid, pieces: &Arc<Vec<Bytes>>, length: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: usize = held.iter().map(|held| held.length).sum();
        while taken + length > self.most && !held.is_empty() {
            taken -= held.remove(0).length;
        }
        held.push(CachedList {
            list,
            pieces: Arc::clone(pieces),
            length,
        });
    }
}

impl App {
    /// The octets of a list.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn content(&self, list: &Publication) -> Result<Content, Error> {
        let length = usize::try_from(list.length).unwrap_or(usize::MAX);
        if length > self.memory.most {
            return Ok(Content::Stored(self.db.clone(), list.id));
        }
        if let Some(pieces) = self.memory.find(list.id) {
            return Ok(Content::InMemory(pieces));
        }
        let _reading = self.memory.reading.lock().await;
        if let Some(pieces) = self.memory.find(list.id) {
            return Ok(Content::InMemory(pieces));
        }
        let mut pieces = Vec::new();
        let (mut after, mut read) = (-1, 0);
        while let Some((ordinal, piece)) = pieces::next(&self.db, list.id, after).await? {
            after = ordinal;
            read += piece.len();
            pieces.push(Bytes::from(piece));
        }
        if read != length {
            let problem = format!("CRL {} of {}: {read} of {length} octets", list.number, list.scope);
            return Err(StoreError::Corrupt(problem).into());
        }
        let pieces = Arc::new(pieces);
        self.memory.keep(list.id, &pieces, length);
        Ok(Content::InMemory(pieces))
    }
}

impl Content {
    /// Whether its memory is shared by all requests.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self, Self::InMemory(_))
    }

    /// These octets of it.
    pub(crate) fn part(self, range: Range<u64>) -> Octets {
        let pieces = match self {
            Self::InMemory(pieces) => {
                let number = pieces.len();
                stream::iter((0..number).filter_map(move |place| pieces.get(place).cloned().map(Ok))).boxed()
            }
            Self::Stored(db, list) => stream::unfold(Some(-1), move |after| {
                let db = db.clone();
                async move {
                    match pieces::next(&db, list, after?).await {
                        Ok(Some((ordinal, piece))) => Some((Ok(Bytes::from(piece)), Some(ordinal))),
                        Ok(None) => None,
                        Err(error) => Some((Err(error), None)),
                    }
                }
            })
            .boxed(),
        };
        cut(pieces, range)
    }
}

/// Leaves out what is before and behind the range.
fn cut(pieces: Octets, range: Range<u64>) -> Octets {
    stream::unfold((pieces, 0_u64), move |(mut pieces, mut at)| {
        let range = range.clone();
        async move {
            while at < range.end {
                let piece = match pieces.next().await? {
                    Ok(piece) => piece,
                    Err(error) => return Some((Err(error), (stream::empty().boxed(), u64::MAX))),
                };
                let length = piece.len() as u64;
                let within =
                    |bound: u64| usize::try_from(bound.saturating_sub(at).min(length)).unwrap_or(usize::MAX);
                let part = piece.slice(within(range.start)..within(range.end));
                at += length;
                if !part.is_empty() {
                    return Some((Ok(part), (pieces, at)));
                }
            }
            None
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    async fn part(range: Range<u64>) -> Vec<u8> {
        let pieces = [&b"ab"[..], b"", b"cde", b"f"].map(Bytes::from_static);
        let content = Content::InMemory(Arc::new(pieces.to_vec()));
        let parts: Vec<Bytes> = content.part(range).try_collect().await.unwrap();
        parts.concat()
    }

    #[tokio::test]
    async fn a_part_is_cut_out_of_pieces() {
        for start in 0..6_usize {
            for end in start..=6 {
                let expected = b"abcdef".get(start..end).unwrap();
                assert_eq!(part(start as u64..end as u64).await, expected, "{start}..{end}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_what_was_asked_for_last_stays() {
        let memory = Memory::new(10);
        let ids: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        let pieces = Arc::new(Vec::new());
        memory.keep(ids[0], &pieces, 4);
        memory.keep(ids[1], &pieces, 4);
        assert!(memory.find(ids[0]).is_some());
        memory.keep(ids[2], &pieces, 4);
        assert!(memory.find(ids[1]).is_none());
        assert!(memory.find(ids[0]).is_some() && memory.find(ids[2]).is_some());
    }
}
