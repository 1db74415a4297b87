//! Make the lists of a CA now, because someone asked for it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{App, Out};
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
    pub(crate) async fn publish_now(&self, ca: &str) -> Result<Vec<Out>, Error> {
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
                "the key of {ca} is elsewhere: have it sign a CRL, and import that with `gigvault ca crl import {ca}`"
            );
            return Err(Error::Conflict(problem));
        }
        let mut asked: Vec<(Scope, i64)> = Vec::new();
        for standing in scopes::standings(&self.db).await?.read {
            if made_here.contains(&&*standing.scope.issuer) {
                let number = scopes::request(&self.db, &standing.scope).await?;
                asked.push((standing.scope, number));
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
        let standings = scopes::standings(&self.db).await?.read;
        Ok(asked.iter().all(|(scope, number)| {
            let standing = standings.iter().find(|standing| standing.scope == *scope);
            let complete = standing.and_then(|standing| standing.complete.as_ref());
            complete.is_some_and(|list| i64::try_from(list.number).unwrap_or(i64::MAX) > *number)
        }))
    }
}
