//! What is published, as whoever publishes it hands it over.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use x509::DistinguishedName;

use crate::dn::Dn;

/// The source of what is answered: asked once for each search.
pub trait Directory: Send + Sync + 'static {
    /// What is published now, one item for each issuer generation. Those of one name become one entry with several values.
    fn issuers(&self) -> BoxFuture<'_, Result<Vec<Arc<Issuer>>, Unavailable>>;
}

/// There is nothing to answer from now: result code `unavailable`, and a client asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory is not available now; ask again")]
pub struct Unavailable;

/// The octets of a value, in pieces as they are stored. Clones share them: a CRL of 46 MiB is in memory once, however many clients
/// fetch it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content {
    // Compared first.
    length: usize,
    pieces: Arc<[Bytes]>,
}

impl Content {
    /// The value that these octets are, one after the other.
    #[must_use]
    pub fn new(pieces: impl Into<Arc<[Bytes]>>) -> Self {
        let pieces = pieces.into();
        Self {
            length: pieces.iter().map(Bytes::len).sum(),
            pieces,
        }
    }

    /// Octets of all pieces.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The pieces, in their order.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }
}

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

/// A generation of an issuer, and what it has published.
#[derive(Clone, Debug)]
pub struct Issuer {
    subject: DistinguishedName,
    key: Dn,
    /// Certificates of the issuer, DER.
    pub certificates: Vec<Content>,
    /// Complete CRLs, DER.
    pub complete: Vec<Content>,
    /// Delta CRLs, DER.
    pub deltas: Vec<Content>,
}

impl Issuer {
    /// An issuer of this name that has published nothing yet.
    #[must_use]
    pub fn new(subject: DistinguishedName) -> Self {
        Self {
            key: Dn::of(&subject),
            subject,
            certificates: Vec::new(),
            complete: Vec::new(),
            deltas: Vec::new(),
        }
    }

    /// The name, which is where its entry is.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    pub(crate) fn key(&self) -> &Dn {
        &self.key
    }
}
