//! What is published, as whoever publishes it hands it over.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use x509::{DistinguishedName, Oid};

use crate::dn::{Dn, InvalidDn, first_part};

/// The source of what is answered: asked once for each search.
pub trait Directory: Send + Sync + 'static {
    /// What is published now, one item for each issuer generation and each shard of it. Those of one name become one entry with
    /// several values.
    fn published(&self) -> BoxFuture<'_, Result<Vec<Arc<Published>>, Unavailable>>;
}

/// There is nothing to answer from now: result code `unavailable`, and a client asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory is not available now; ask again")]
pub struct Unavailable;

/// The octets of a value, read while they are sent, so that a search that does not ask for them does not cost them.
pub trait Stored: Send + Sync + 'static {
    /// Other octets have another one, and the same octets need not have the same.
    fn id(&self) -> u128;

    /// The octets, from the first one on: as many as the [`Content`] says, or an error, which ends the connection.
    fn read(&self) -> Octets;
}

/// Octets as they are read.
pub type Octets = BoxStream<'static, Result<Bytes, Unavailable>>;

/// The octets of a value. Clones share them: a CRL of 46 MiB is in memory once, however many clients fetch it, or not at all, where
/// it is read while it is sent.
#[derive(Clone)]
pub struct Content {
    length: usize,
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// In memory, in pieces as they are stored.
    Pieces(Arc<[Bytes]>),
    Stored(Arc<dyn Stored>),
}

impl Content {
    /// The value that these octets are, one after the other.
    #[must_use]
    pub fn new(pieces: impl Into<Arc<[Bytes]>>) -> Self {
        let pieces = pieces.into();
        Self {
            length: pieces.iter().map(Bytes::len).sum(),
            source: Source::Pieces(pieces),
        }
    }

    /// A value of that many octets, which are read while they are sent.
    #[must_use]
    pub fn stored(length: usize, stored: impl Stored) -> Self {
        Self {
            length,
            source: Source::Stored(Arc::new(stored)),
        }
    }

    /// Octets of the value.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The octets. Those in memory are shared, not copied.
    #[must_use]
    pub fn read(&self) -> Octets {
        match &self.source {
            Source::Pieces(pieces) => {
                let (pieces, number) = (Arc::clone(pieces), pieces.len());
                let piece = move |place: usize| pieces.get(place).cloned().map(Ok);
                stream::iter((0..number).filter_map(piece)).boxed()
            }
            Source::Stored(stored) => stored.read(),
        }
    }

    /// The octets, if they are few and in memory.
    pub(crate) fn small(&self) -> Option<impl Iterator<Item = &Bytes>> {
        // These are cheaper copied than sent as pieces of their own.
        const FEW: usize = 1024;
        match &self.source {
            Source::Pieces(pieces) if self.length < FEW => Some(pieces.iter()),
            _ => None,
        }
    }

    /// What tells it from other values: its number, or its octets.
    #[must_use]
    pub fn identity(&self) -> Vec<u8> {
        match &self.source {
            Source::Pieces(pieces) => pieces.concat(),
            Source::Stored(stored) => stored.id().to_be_bytes().to_vec(),
        }
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length
            && match (&self.source, &other.source) {
                (Source::Pieces(ours), Source::Pieces(theirs)) => ours == theirs,
                (Source::Stored(ours), Source::Stored(theirs)) => ours.id() == theirs.id(),
                (Source::Pieces(_), Source::Stored(_)) | (Source::Stored(_), Source::Pieces(_)) => false,
            }
    }
}

impl Eq for Content {}

impl From<Bytes> for Content {
    fn from(octets: Bytes) -> Self {
        Self::new([octets])
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} octets)", self.length)
    }
}

/// What an issuer generation, or a shard of it, has published.
#[derive(Clone, Debug)]
pub struct Published {
    name: String,
    key: Dn,
    naming: Vec<(Oid, String)>,
    is_shard: bool,
    /// Certificates of the issuer, DER.
    pub certificates: Vec<Content>,
    /// Complete CRLs, DER.
    pub complete: Vec<Content>,
    /// Delta CRLs, DER.
    pub deltas: Vec<Content>,
}

impl Published {
    /// Nothing yet, of the issuer of this name.
    #[must_use]
    pub fn new(subject: &DistinguishedName) -> Self {
        let key = Dn::of(subject);
        let mut naming: Vec<_> = subject.attributes().collect();
        // The most specific part comes last in the encoding.
        let naming = naming.split_off(naming.len().saturating_sub(key.first_types().count()));
        Self {
            name: subject.to_string(),
            key,
            naming,
            is_shard: false,
            certificates: Vec::new(),
            complete: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// Nothing yet, of a part of its certificates that has lists of its own: in an entry below that of the issuer, with this common
    /// name, which has letters, digits, and `-_./` only.
    ///
    /// # Errors
    /// For another name.
    pub fn shard(&self, common_name: &str) -> Result<Self, InvalidDn> {
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_./".contains(&octet);
        if common_name.is_empty() || !common_name.bytes().all(plain) {
            return Err(InvalidDn);
        }
        let name = format!("CN={common_name},{}", self.name);
        Ok(Self {
            key: Dn::parse(&name)?,
            name,
            naming: vec![(x509::name::oids::COMMON_NAME, common_name.to_owned())],
            is_shard: true,
            certificates: Vec::new(),
            complete: Vec::new(),
            deltas: Vec::new(),
        })
    }

    /// The same in a directory whose entries are at and below `base`: where its name says if that is there, or else directly below
    /// `base`, by the most specific part of the name of the issuer.
    ///
    /// # Errors
    /// If the base is not a name.
    pub fn at(&self, base: &str) -> Result<Self, InvalidDn> {
        let place = Dn::parse(base)?;
        if self.key.depth_below(&place).is_some() {
            return Ok(self.clone());
        }
        let (own, above) = first_part(&self.name);
        let name = match self.is_shard {
            true => format!("{own},{},{base}", first_part(above).0),
            false => format!("{own},{base}"),
        };
        Ok(Self {
            key: Dn::parse(&name)?,
            name,
            ..self.clone()
        })
    }

    /// Where its entry is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> &Dn {
        &self.key
    }

    /// What its entry is named by: attributes of it as well (RFC 4512 section 2.3.1).
    pub(crate) fn naming(&self) -> &[(Oid, String)] {
        &self.naming
    }

    pub(crate) fn is_shard(&self) -> bool {
        self.is_shard
    }
}
