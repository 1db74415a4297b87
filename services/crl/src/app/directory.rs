//! Keep the entries of another directory as ours are: what has changed is written, what was written is noted. Lists are out over HTTP
//! before, and wait for nothing here.

use std::future::Future;
use std::time::Duration;

use ldap::{Attribute, Client, ClientError, Entry, entries_of};
use secrecy::ExposeSecret;
use store::lease::Lease;
use time::OffsetDateTime;
use tokio::time::timeout;
use vocabulary::metric;

use super::App;
use crate::config::Target;
use crate::domain::digest_of;
use crate::error::Error;
use crate::tables::directory::{self, Place, Written};

/// Octets of a value for which a second is added to the time of a request.
const PER_SECOND: usize = 64 * 1024;

/// An entry, and the attributes of it that are not in the other directory.
pub(super) struct Change {
    entry: Entry,
    place: Vec<u8>,
    /// With the digests of their values.
    attributes: Vec<(Attribute, Vec<u8>)>,
    /// Whether it was never written.
    is_new: bool,
}

/// What another directory lacks, and why: the first of all causes, so that one outage has one text.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be written to{}: {source}", if *.others { ", nor can other entries" } else { "" })]
pub(crate) struct NotWritten {
    /// The directory or an entry of it.
    what: String,
    others: bool,
    source: ClientError,
}

impl NotWritten {
    fn whole(target: &Target, source: ClientError) -> Self {
        Self {
            what: target.url.clone(),
            others: false,
            source,
        }
    }

    fn entry(target: &Target, change: &Change, source: ClientError) -> Self {
        Self {
            what: format!("entry {} of {}", change.entry.name(), target.url),
            others: false,
            source,
        }
    }
}

impl App {
    /// Writes what is not in the other directory; answers what is not there then.
    ///
    /// # Errors
    /// `Common::Store`. A directory that cannot be written to is not an error of this service.
    pub(crate) async fn publish_to_directory(
        &self,
        target: &Target,
        lease: &Lease,
    ) -> Result<Option<NotWritten>, Error> {
        let changes = self.changes_of(target).await?;
        if changes.is_empty() {
            return Ok(None);
        }
        let mut missing: Option<NotWritten> = None;
        let mut client = match self.bound(target).await {
            Ok(client) => Some(client),
            Err(error) => {
                missing = Some(NotWritten::whole(target, error));
                None
            }
        };
        for change in &changes {
            let written = write_change(&mut client, target, change).await;
            self.note(target, lease, change, matches!(written, Some(Ok(()))))
                .await?;
            if let Some(Err(error)) = written {
                match &mut missing {
                    Some(first) => first.others = true,
                    None => missing = Some(NotWritten::entry(target, change, error)),
                }
            }
        }
        if let Some(client) = client {
            // A directory that does not take it is left alone.
            let _in_time = timeout(target.timeout, client.unbind()).await;
        }
        Ok(missing)
    }

    pub(super) async fn bound(&self, target: &Target) -> Result<Client, ClientError> {
        in_time(target.timeout, async {
            let mut client = Client::connect(&target.address, target.trust.as_ref()).await?;
            client
                .bind(&target.bind_dn, target.password.expose_secret())
                .await?;
            Ok(client)
        })
        .await
    }

    async fn changes_of(&self, target: &Target) -> Result<Vec<Change>, Error> {
        let written = directory::written(&self.db, &target.id).await?;
        let entries = self.entries_in(target).await?;
        let changes = entries.into_iter().map(|entry| Change::of(entry, &written));
        Ok(changes.filter(|change| !change.attributes.is_empty()).collect())
    }

    /// What is out, as the other directory is to have it.
    pub(super) async fn entries_in(&self, target: &Target) -> Result<Vec<Entry>, Error> {
        let mut placed = Vec::new();
        for item in self.published().await? {
            let at = item.at(&target.base_dn);
            let at = at
                .map_err(|error| Error::internal(format!("{} in another directory: {error}", item.name())))?;
            placed.push(at.into());
        }
        Ok(entries_of(&placed))
    }

    async fn note(&self, target: &Target, lease: &Lease, change: &Change, done: bool) -> Result<(), Error> {
        let result = if done { "ok" } else { "failed" };
        metrics::counter!(metric::CRL_DIRECTORY_WRITES_TOTAL, "result" => result).increment(1);
        let place = Place {
            target: &target.id,
            entry: &change.place,
            name: change.entry.name(),
        };
        let attributes: Vec<_> = change
            .attributes
            .iter()
            .map(|(attribute, digest)| (attribute.name(), digest.clone()))
            .collect();
        match done {
            true => directory::note(&self.db, lease, place, &attributes).await?,
            false => directory::note_behind(&self.db, lease, (place, &attributes), self.clock.now()).await?,
        }
        Ok(())
    }

    /// The entry that is behind in the other directory the longest, and since when; none if all is there, or there is no directory.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn behind(&self) -> Result<Option<(String, OffsetDateTime)>, Error> {
        match &self.target {
            Some(target) => Ok(directory::behind(&self.db, &target.id).await?),
            None => Ok(None),
        }
    }
}

impl Change {
    /// The attributes of an entry that were written as they are.
    pub(super) fn written_of(entry: &Entry, written: &Written) -> Vec<Attribute> {
        let place = digest_of([entry.name().as_bytes()]);
        let is_written = |attribute: &Attribute| {
            let digest = digest_of_values(entry, *attribute);
            written.get(&(place.clone(), attribute.name())) == Some(&digest)
        };
        Attribute::ALL.into_iter().filter(is_written).collect()
    }

    fn of(entry: Entry, written: &Written) -> Self {
        let place = digest_of([entry.name().as_bytes()]);
        let known = |attribute: Attribute| written.get(&(place.clone(), attribute.name()));
        let is_new = Attribute::ALL
            .into_iter()
            .all(|attribute| known(attribute).is_none_or(Vec::is_empty));
        let attributes = Attribute::ALL.into_iter().filter_map(|attribute| {
            let digest = digest_of_values(&entry, attribute);
            (known(attribute) != Some(&digest)).then_some((attribute, digest))
        });
        Self {
            attributes: attributes.collect(),
            place,
            is_new,
            entry,
        }
    }
}

fn digest_of_values(entry: &Entry, attribute: Attribute) -> Vec<u8> {
    let values: Vec<_> = entry.published(attribute).map(ldap::Content::identity).collect();
    digest_of(values.iter().map(Vec::as_slice))
}

/// Writes a change; none if there is no connection any more. One that broke is given up.
async fn write_change(
    client: &mut Option<Client>,
    target: &Target,
    change: &Change,
) -> Option<Result<(), ClientError>> {
    let written = write(client.as_mut()?, target, change).await;
    if matches!(&written, Err(error) if !error.is_of_entry()) {
        *client = None;
    }
    Some(written)
}

/// Writes a change: an entry that is not there is added with all that it has, which is more than what has changed.
async fn write(client: &mut Client, target: &Target, change: &Change) -> Result<(), ClientError> {
    let octets: usize = Attribute::ALL
        .into_iter()
        .flat_map(|attribute| change.entry.published(attribute))
        .map(ldap::Content::length)
        .sum();
    let longest = target.timeout + Duration::from_secs((octets / PER_SECOND) as u64);
    let attributes: Vec<_> = change
        .attributes
        .iter()
        .map(|(attribute, _)| *attribute)
        .collect();
    let entry = &change.entry;
    let first = match change.is_new {
        true => in_time(longest, client.add(entry)).await,
        false => in_time(longest, client.replace(entry, &attributes)).await,
    };
    match first {
        // An operator made it before us, or removed it.
        Err(error) if change.is_new && error.exists() => {
            in_time(longest, client.replace(entry, &attributes)).await
        }
        Err(error) if !change.is_new && error.is_missing() => in_time(longest, client.add(entry)).await,
        written => written,
    }
}

pub(super) async fn in_time<T>(
    longest: Duration,
    request: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    match timeout(longest, request).await {
        Ok(answered) => answered,
        Err(_elapsed) => Err(ClientError::Connection(std::io::ErrorKind::TimedOut.into())),
    }
}
