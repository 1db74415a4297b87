//! The other directory, read as a client reads it.

use std::time::Duration;

use futures::StreamExt as _;
use kit::clock::rfc3339;
use ldap::{Attribute, Client, ClientError, Content, Entry, Published};

use super::super::App;
use super::super::directory::{Change, in_time};
use super::Findings;
use crate::config::Target;
use crate::domain::Issuer;
use crate::error::Error;
use crate::tables::directory;

/// Most octets of an entry that are read: they are in memory at once. Entries with more are not compared.
const MOST: usize = 16 * 1024 * 1024;
/// Octets of an answer beside the values, and of values that may be there too.
const SPARE: usize = 64 * 1024;
/// What could not be written for this time is told; it is tried again each minute.
const BEHIND: time::Duration = time::Duration::minutes(5);

impl App {
    /// Whether the other directory, if there is one, has what was written to it of an issuer and its shards.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(super) async fn look_at_directory(&self, issuer: &Issuer, found: &mut Findings) -> Result<(), Error> {
        let Some(target) = self.target.clone() else {
            return Ok(());
        };
        let place = Published::new(issuer.certificate.subject()).at(&target.base_dn);
        let place = place
            .map_err(|error| Error::internal(format!("{} in another directory: {error}", issuer.name)))?;
        let is_of_issuer = |name: &str| name == place.name() || name.ends_with(&format!(",{}", place.name()));
        if let Some((entry, since)) = self.behind().await?
            && is_of_issuer(&entry)
            && self.clock.now() - since > BEHIND
        {
            let since = rfc3339(since);
            let problem = format!("{}: {entry} could not be written since {since}", target.url);
            found.problems.push(problem);
        }
        let written = directory::written(&self.db, &target.id).await?;
        let entries = self.entries_in(&target).await?;
        let of_issuer: Vec<(Entry, Vec<Attribute>)> = entries
            .into_iter()
            .filter(|entry| is_of_issuer(entry.name()))
            .map(|entry| {
                let attributes = Change::written_of(&entry, &written);
                (entry, attributes)
            })
            .filter(|(entry, attributes)| !attributes.is_empty() && octets(entry, attributes) <= MOST)
            .collect();
        if of_issuer.is_empty() {
            return Ok(());
        }
        let mut client = match self.bound(&target).await {
            Ok(client) => client,
            Err(error) => {
                found.problems.push(format!("{}: {error}", target.url));
                return Ok(());
            }
        };
        for (entry, attributes) in &of_issuer {
            match differs(&mut client, &target, entry, attributes).await {
                Ok(None) => {}
                Ok(Some(attribute)) => found.problems.push(format!(
                    "{}: {} of {} is not what was written",
                    target.url,
                    attribute.name(),
                    entry.name()
                )),
                Err(error) if error.is_missing() => {
                    let problem = format!("{}: {} is not there", target.url, entry.name());
                    found.problems.push(problem);
                }
                Err(error) => {
                    let problem = format!("{}: {}: {error}", target.url, entry.name());
                    found.problems.push(problem);
                    if !error.is_of_entry() {
                        return Ok(());
                    }
                }
            }
        }
        let _in_time = tokio::time::timeout(target.timeout, client.unbind()).await;
        Ok(())
    }
}

fn octets(entry: &Entry, attributes: &[Attribute]) -> usize {
    let contents = attributes
        .iter()
        .flat_map(|attribute| entry.published(*attribute));
    contents.map(Content::length).sum()
}

/// The first of these attributes whose values are not those of the entry.
async fn differs(
    client: &mut Client,
    target: &Target,
    entry: &Entry,
    attributes: &[Attribute],
) -> Result<Option<Attribute>, ClientError> {
    let most = octets(entry, attributes) + SPARE;
    let longest = target.timeout + Duration::from_secs((most / SPARE) as u64);
    let mut values = in_time(longest, client.read(entry.name(), attributes, most)).await?;
    for attribute in attributes {
        let there = values.remove(attribute).unwrap_or_default();
        let mut here = Vec::new();
        for content in entry.published(*attribute) {
            match all(content).await {
                Some(octets) => here.push(octets),
                // It was replaced in the meantime, and is looked at again.
                None => return Ok(None),
            }
        }
        // Values have no order (RFC 4511 section 4.1.7).
        if there.len() != here.len() || !here.iter().all(|value| there.contains(value)) {
            return Ok(Some(*attribute));
        }
    }
    Ok(None)
}

async fn all(content: &Content) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(content.length());
    let mut pieces = content.read();
    while let Some(piece) = pieces.next().await {
        octets.extend_from_slice(&piece.ok()?);
    }
    Some(octets)
}
