//! The current list of a scope, and what is out of all.

use std::time::Duration;

use kit::clock::rfc3339;
use time::OffsetDateTime;

use super::App;
use crate::domain::due::ScopeState;
use crate::domain::{Issuer, Kind, Publication, Scope};
use crate::error::Error;
use crate::tables::{issuers, publications, scopes, snapshots};

/// A list that is out.
pub(crate) struct PublishedList {
    pub(crate) list: Publication,
    /// Where it is served.
    pub(crate) url: String,
    /// The key of its issuer is elsewhere.
    pub(crate) imported: bool,
}

/// What is out, and what should be.
pub(crate) struct State {
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) scopes: Vec<ScopeState>,
    /// Whether the entries are known: a snapshot of ca was taken, and none was removed that the clock of now calls unexpired.
    pub(crate) known: bool,
    /// Everything that ca had committed by then is in them.
    pub(crate) caught_up: Option<OffsetDateTime>,
    /// Rows that cannot be read, and are in none of these.
    pub(crate) damaged: Vec<String>,
}

impl App {
    /// The list that is to be served, asked of the database each time: no process serves an older one after another has served a
    /// newer one.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotYet`] for a list that will be made; `Common::Store`.
    pub(crate) async fn current(&self, scope: &Scope, kind: Kind) -> Result<Publication, Error> {
        if let Some(found) = publications::current(&self.db, scope, kind).await? {
            return Ok(found);
        }
        let name = scope.path(kind);
        let issuer = issuers::find(&self.db, &scope.issuer).await?;
        Err(
            match issuer.filter(|issuer| scope.shard <= issuer.shards && !issuer.key_name.is_empty()) {
                Some(_) => Error::NotYet(name),
                None => Error::NotFound(name),
            },
        )
    }

    /// What is out of every scope.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn state(&self) -> Result<State, Error> {
        let known = snapshots::known(&self.db).await?;
        let (issuers, scopes) = (issuers::all(&self.db).await?, scopes::states(&self.db).await?);
        Ok(State {
            known: known.is_complete(self.clock.now()),
            caught_up: known.caught_up,
            damaged: [issuers.damaged, scopes.damaged].concat(),
            issuers: issuers.read,
            scopes: scopes.read,
        })
    }
}

impl App {
    /// The lists that are out of one CA, or of all, by scope, each complete list before its delta; then those that were imported.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn out(&self, ca: Option<&String>) -> Result<Vec<PublishedList>, Error> {
        let state = self.state().await?;
        let of_ca = |issuer: &&Issuer| ca.is_none_or(|ca| issuer.ca == *ca);
        let wanted: Vec<&str> = state
            .issuers
            .iter()
            .filter(of_ca)
            .map(|issuer| &*issuer.name)
            .collect();
        let is_wanted = |scope: &Scope| wanted.contains(&&*scope.issuer);
        let states = state.scopes.into_iter();
        let made = states
            .filter(|scope_state| is_wanted(&scope_state.scope))
            .flat_map(|scope_state| [scope_state.complete, scope_state.delta])
            .flatten()
            .map(|list| self.shown(list, false));
        let imported = publications::imported(&self.db).await?.read.into_iter();
        let imported = imported
            .filter(|list| is_wanted(&list.scope))
            .map(|list| self.shown(list, true));
        Ok(made.chain(imported).collect())
    }

    /// The lists of issuers whose keys are elsewhere.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn imported(&self) -> Result<Vec<Publication>, Error> {
        Ok(publications::imported(&self.db).await?.read)
    }
}

impl State {
    /// How long ago ca said for the last time that nothing was left to tell.
    pub(crate) fn lag(&self, now: OffsetDateTime) -> Option<Duration> {
        // Where that is in the future, the clock was ahead then: how long ago it was is not known, and may be as much.
        Some((now - self.caught_up?).unsigned_abs())
    }

    /// What is missing for every certificate to have a list that is in force; empty if nothing is.
    pub(crate) fn missing(&self, now: OffsetDateTime) -> Vec<String> {
        if !self.known {
            return vec!["revocations are not known yet: a snapshot of ca is to be taken".to_owned()];
        }
        let mut missing = Vec::new();
        for scope_state in &self.scopes {
            for kind in [Kind::Complete, Kind::Delta] {
                let path = scope_state.scope.path(kind);
                match scope_state.current(kind) {
                    None => missing.push(format!("{path} is not made yet")),
                    Some(list) if list.next_update <= now => {
                        missing.push(format!(
                            "{path} has run out: its nextUpdate is {}",
                            rfc3339(list.next_update)
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
        missing
    }
}
