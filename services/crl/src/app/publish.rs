//! Make the lists of a CA now, because someone asked for it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{App, PublishedList};
use crate::domain::Scope;
use crate::error::Error;
use crate::tables::{issuers, scopes};

/// Longest wait for the lists: shorter than the deadline of a call. They are made all the same.
const WAIT: Duration = Duration::from_secs(20);
/// Time between two looks whether they are out.
const LOOK: Duration = Duration::from_millis(50);

impl App {
    /// Asks for a complete list and a delta of each scope of a CA, and waits until they are out; answers what is out then. The process
    /// that holds the lease makes them, and who asks while one is being made waits for the one that follows it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] for an issuer whose key is elsewhere; [`Error::Late`]; `Common::Store`.
    pub(crate) async fn publish_now(&self, ca: &str) -> Result<Vec<PublishedList>, Error> {
        let all = issuers::all(&self.db).await?;
        let of_ca: Vec<_> = all.read.into_iter().filter(|issuer| issuer.ca == ca).collect();
        if of_ca.is_empty() {
            return Err(Error::NotFound(ca.to_owned()));
        }
        let made_here: Vec<&str> = of_ca
            .iter()
            .filter(|issuer| !issuer.key_name.is_empty())
            .map(|issuer| &*issuer.name)
            .collect();
        if made_here.is_empty() {
            let problem = format!(
                "the CRLs of {ca} are not made by this service: have whoever has its key sign one, and import that with \
                 `gigvault ca crl import {ca} FILE`"
            );
            return Err(Error::Conflict(problem));
        }
        let mut asked: Vec<(Scope, i64)> = Vec::new();
        for scope_state in scopes::states(&self.db).await?.read {
            if made_here.contains(&&*scope_state.scope.issuer) {
                let number = scopes::request(&self.db, &scope_state.scope).await?;
                asked.push((scope_state.scope, number));
            }
        }
        self.wake();
        let end = Instant::now() + WAIT;
        while Instant::now() < end {
            if self.are_out(&asked).await? {
                return self.out(Some(&ca.to_owned())).await;
            }
            sleep(LOOK).await;
        }
        Err(Error::Late(ca.to_owned()))
    }

    /// Whether lists with higher numbers than those are out.
    async fn are_out(&self, asked: &[(Scope, i64)]) -> Result<bool, Error> {
        let states = scopes::states(&self.db).await?.read;
        Ok(asked.iter().all(|(scope, number)| {
            let scope_state = states.iter().find(|scope_state| scope_state.scope == *scope);
            let complete = scope_state.and_then(|scope_state| scope_state.complete.as_ref());
            complete.is_some_and(|list| i64::try_from(list.number).unwrap_or(i64::MAX) > *number)
        }))
    }
}
