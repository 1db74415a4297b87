//! Write a list in two passes over its entries: octets go to the linter, to keymgr, and into the database as they are made.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use store::Tx;
use store::lease::Lease;
use time::OffsetDateTime;
use x509::crl::{CrlEntry, CrlSpec};
use x509::signature::StreamVerifier;

use super::App;
use super::progress::Work;
use super::sign::Signing;
use crate::domain::{Issuer, Publication, Scope};
use crate::error::Error;
use crate::tables::{entries, pieces, publications};

/// Octets that are sent and stored at a time.
const PIECE: usize = 256 * 1024;
/// Ordinal of the octets before the TBSCertList, which are known last: how long they are depends on the signature.
const FIRST: i64 = 0;

/// A list that is to be written.
pub(super) struct Draft<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) lease: &'a Lease,
    pub(super) spec: CrlSpec,
    pub(super) list: Publication,
    pub(super) work: &'a Work<'a>,
}

/// The entries of a list, which are read twice.
pub(super) enum Rows {
    /// All of a scope whose certificates end from that time on, read from the database in pages.
    All(OffsetDateTime),
    /// These.
    These(Vec<CrlEntry>),
}

impl Rows {
    pub(super) fn all(from: OffsetDateTime) -> Self {
        Self::All(from)
    }

    pub(super) fn of(entries: Vec<CrlEntry>) -> Self {
        Self::These(entries)
    }

    /// Certificates that ended before this are left out.
    pub(super) fn from(&self) -> OffsetDateTime {
        match self {
            Self::All(from) => *from,
            Self::These(_) => OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// What follows that entry; empty at the end.
    async fn page(
        &self,
        snapshot: &mut Tx,
        scope: &Scope,
        after: Option<&CrlEntry>,
    ) -> Result<Vec<CrlEntry>, Error> {
        match (self, after) {
            (Self::All(from), after) => {
                let after = after.map(|entry| &entry.serial);
                Ok(entries::page(snapshot, scope, *from, after).await?)
            }
            (Self::These(entries), None) => Ok(entries.clone()),
            (Self::These(_), Some(_)) => Ok(Vec::new()),
        }
    }
}

impl App {
    /// Writes the list into the database, signed. It is not published.
    pub(super) async fn write(
        &self,
        snapshot: &mut Tx,
        draft: Draft<'_>,
        rows: Rows,
    ) -> Result<Publication, Error> {
        let Draft {
            issuer,
            lease,
            spec,
            mut list,
            work,
        } = draft;
        publications::begin(&self.db, lease, &list).await?;
        let mut layout = spec.layout()?;
        let mut page = rows.page(snapshot, &list.scope, None).await?;
        while let Some(last) = page.last().copied() {
            work.goes_on();
            page.iter().try_for_each(|entry| layout.add(entry))?;
            page = rows.page(snapshot, &list.scope, Some(&last)).await?;
        }
        let mut out = Vec::with_capacity(PIECE + 1024);
        let mut writer = layout.begin(&mut out)?;
        let mut sink = Sink::new(self, lease, (issuer, &spec), list.id);
        let mut page = rows.page(snapshot, &list.scope, None).await?;
        while let Some(last) = page.last().copied() {
            work.goes_on();
            for entry in &page {
                writer.entry(entry, &mut out)?;
                if out.len() >= PIECE {
                    sink.put(std::mem::take(&mut out)).await?;
                    out.reserve(PIECE + 1024);
                }
            }
            page = rows.page(snapshot, &list.scope, Some(&last)).await?;
        }
        let written = writer.finish(&mut out)?;
        sink.put(out).await?;
        list.entries = written.entries();
        (list.length, list.digest) = sink.close(&spec, &written).await?;
        Ok(list)
    }
}

/// Where the octets of a list go.
struct Sink<'a> {
    app: &'a App,
    lease: &'a Lease,
    issuer: &'a Issuer,
    list: uuid::Uuid,
    ordinal: i64,
    signing: Signing,
    verifier: StreamVerifier,
    digest: Context,
}

impl<'a> Sink<'a> {
    fn new(app: &'a App, lease: &'a Lease, (issuer, spec): (&'a Issuer, &CrlSpec), list: uuid::Uuid) -> Self {
        Self {
            app,
            lease,
            issuer,
            list,
            ordinal: FIRST,
            signing: Signing::begin(app.keymgr.clone(), issuer),
            verifier: StreamVerifier::new(spec.signature_algorithm),
            digest: Context::new(&SHA256),
        }
    }

    async fn put(&mut self, octets: Vec<u8>) -> Result<(), Error> {
        let octets = Bytes::from(octets);
        self.verifier.push(&octets);
        self.signing.push(octets.clone()).await?;
        self.store(&octets).await
    }

    async fn store(&mut self, octets: &Bytes) -> Result<(), Error> {
        self.ordinal += 1;
        self.digest.update(octets);
        pieces::put(&self.app.db, self.lease, (self.list, self.ordinal), octets).await?;
        Ok(())
    }

    /// Has the list signed, looks at the signature, and stores what is around the TBSCertList. Answers the length and the digest.
    async fn close(
        mut self,
        spec: &CrlSpec,
        written: &x509::crl::WrittenTbs,
    ) -> Result<(u64, Vec<u8>), Error> {
        let signature = self.signing.finish(self.issuer, spec).await?;
        let key = self.issuer.certificate.public_key();
        let key =
            key.map_err(|error| Error::internal(format!("certificate of {}: {error}", self.issuer.name)))?;
        self.verifier.verify(key, &signature).map_err(|error| {
            Error::internal(format!("keymgr signed a list of {}: {error}", self.issuer.name))
        })?;
        let frame = written.close(&signature)?;
        self.ordinal += 1;
        self.digest.update(&frame.after);
        let (list, last) = (self.list, self.ordinal);
        pieces::put(&self.app.db, self.lease, (list, last), &frame.after).await?;
        pieces::put(&self.app.db, self.lease, (list, FIRST), &frame.before).await?;
        let length = written.len() + (frame.before.len() + frame.after.len()) as u64;
        Ok((length, self.digest.finish().as_ref().to_vec()))
    }
}
