//! `keys/installation`: which installation the keys belong to, and how far it is.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::{Deserialize, Deserializer, Serialize};
use vocabulary::service;

use super::{Accept, HighWater, Kind, RESTORE, State, UNCHANGED};
use crate::wiring::layout::DataDir;
use crate::wiring::services::Service;

/// What `keys/installation` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) database: Kind,
    /// On PostgreSQL, where the database URL of the last start led: `host:port/database`. Earlier versions did not write it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) database_at: String,
    /// Whether the key-encryption key is `keys/kek`.
    pub(crate) own_kek: bool,
    /// The services whose databases have been part of it. Earlier versions did not write them: they had [`FIRST`].
    #[serde(default = "first_services")]
    pub(crate) services: BTreeSet<String>,
    /// An older database of `ca` was accepted, so that `crl` alone may have what was revoked in between: a copy of its database that is
    /// further than this has that too.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crl_mark"
    )]
    pub(crate) revocations_in_crl_alone: Option<i64>,
    /// How many starts there were.
    pub(crate) starts: i64,
    /// Whether a start was about to record its number in the databases.
    pub(crate) joining: bool,
}

impl Record {
    pub(crate) fn read(data: &DataDir) -> anyhow::Result<Option<Self>> {
        let path = data.installation();
        let content = match files::read(&path, 4096) {
            Err(error) if error.is_not_found() => return Ok(None),
            content => content?,
        };
        match serde_json::from_slice(&content) {
            Ok(record) => Ok(Some(record)),
            Err(error) => bail!("{} is damaged ({error}); {RESTORE}", path.display()),
        }
    }

    pub(crate) fn write(&self, data: &DataDir) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(files::replace(&data.installation(), &text, 0o600)?)
    }

    /// Everything is there.
    pub(crate) fn complete(mut self, data: &DataDir) -> anyhow::Result<()> {
        if self.state == State::Complete {
            return Ok(());
        }
        self.state = State::Complete;
        self.write(data)
    }

    /// Whether what is missing may be made.
    pub(crate) fn is_founding(&self) -> bool {
        self.state == State::Founding
    }

    /// Whether a service never had a database here: a later version brought it, so that an empty one was not lost. One that a
    /// process worked on had one, whatever is said of it in this record.
    pub(crate) fn is_new_to(&self, service: &str, high_water: &HighWater) -> bool {
        self.state != State::Founding
            && !self.services.contains(service)
            && !high_water.knows_of(&self.id, service)
    }

    /// Notes before they are accepted which databases are older than they were. Accepting them raises that of `crl`, which is at
    /// `crl_mark`, above this.
    pub(crate) fn note_older(
        &mut self,
        (older, crl_mark): (&BTreeSet<&str>, i64),
        accept: Accept,
        data: &DataDir,
    ) -> anyhow::Result<()> {
        let (ca, crl) = (older.contains(service::CA), older.contains(service::CRL));
        // A copy from after the last acceptance has what that one was about.
        let has_them = self.revocations_in_crl_alone.is_none_or(|then| crl_mark > then);
        if crl && !has_them {
            let before = self.revocations_in_crl_alone;
            self.give_up_crl("is older than it was", accept, data)?;
            // What is left of it may still be the only place that has some.
            self.revocations_in_crl_alone = before;
        }
        if ca {
            // Another copy with the same mark may lack what came last, unless this one is a copy too: then it has what that had.
            let then = if crl { crl_mark - 1 } else { crl_mark };
            self.revocations_in_crl_alone = self.revocations_in_crl_alone.max(Some(then));
            self.write(data)?;
        }
        Ok(())
    }

    /// Goes on without what the database of `crl` had, where an operator says so or nothing is lost with it.
    pub(super) fn give_up_crl(&mut self, why: &str, accept: Accept, data: &DataDir) -> anyhow::Result<()> {
        if self.revocations_in_crl_alone.is_some() && !accept.lost_revocations {
            bail!(
                "the database of crl ({}) {why}, and an older database of ca was accepted before: CRLs were the only place that had \
                 what was revoked in between, and those certificates would count as valid; restore that of crl from a backup that \
                 was made after that. If there is none, take note of what the CRLs list that clients or a directory still have, run \
                 `gigvault bootstrap --accept-restored --accept-lost-revocations`, and revoke it again; {UNCHANGED}",
                data.database(service::CRL).display()
            );
        }
        self.revocations_in_crl_alone = None;
        Ok(())
    }

    /// All databases are part of it.
    pub(crate) fn has_all_services(&mut self) {
        self.services
            .extend(Service::ALL.map(|service| service.name().to_owned()));
    }
}

/// An earlier version wrote whether there was such an acceptance, and not how far the database of `crl` was: no copy of it is known to
/// have what is needed.
fn crl_mark<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Mark(i64),
        Accepted(bool),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Mark(mark) => Some(mark),
        Written::Accepted(true) => Some(i64::MAX),
        Written::Accepted(false) => None,
    })
}

/// The services of the versions that did not record them.
pub(crate) fn first_services() -> BTreeSet<String> {
    FIRST.map(str::to_owned).into()
}

/// The services of the first version.
const FIRST: [&str; 3] = [service::CA, service::KEYMGR, service::AUTH];
