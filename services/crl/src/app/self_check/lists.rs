//! A complete list and its deltas, as they are served.

use std::collections::HashMap;

use client::is_http;
use kit::clock::rfc3339;
use time::{Duration, OffsetDateTime};
use x509::ReceivedSerial;
use x509::crl::{Reason, ReceivedCrl, TbsCertListSummary};

use super::pointed::SOON_ENDED;
use super::{Checker, Findings, Look, expected};
use crate::domain::due::ScopeState;
use crate::domain::{Kind, Publication, SampledEntry};
use crate::error::Error;
use crate::tables::entries;

/// Entries that are compared: as many of the last that changed, and of any.
const SAMPLE: u32 = 4;
/// Within this time ca may not have told yet what it decided.
const TOLD: Duration = Duration::seconds(60);
/// URLs of which it is remembered what was there.
const MOST_SEEN: usize = 10_000;

/// The highest number and the latest time that were seen at a URL.
#[derive(Default)]
pub(super) struct HighestSeen(HashMap<String, (u64, OffsetDateTime)>);

impl HighestSeen {
    /// Notes what is there now; answers what was there, if this is before it.
    fn goes_back(&mut self, url: &str, now: (u64, OffsetDateTime)) -> Option<(u64, OffsetDateTime)> {
        if self.0.len() >= MOST_SEEN {
            self.0.clear();
        }
        let highest = self.0.entry(url.to_owned()).or_insert(now);
        let back = (now.0 < highest.0 || now.1 < highest.1).then_some(*highest);
        *highest = (highest.0.max(now.0), highest.1.max(now.1));
        back
    }
}

impl Look<'_> {
    /// Looks at the lists of a scope, and at what OCSP and ca say of a sample of its entries.
    pub(super) async fn at_scope(
        &self,
        checker: &mut Checker,
        (scope_state, complete): (&ScopeState, &Publication),
        found: &mut Findings,
    ) -> Result<(), Error> {
        let sample = entries::sample(
            &self.app.db,
            &scope_state.scope,
            complete.from.max(self.now + SOON_ENDED),
            (checker.drawn, SAMPLE),
        )
        .await?;
        found.problems.extend(sample.damaged);
        let sample = sample.read;
        let url = self.app.url(&scope_state.scope, Kind::Complete);
        for url in self.pointed.complete_list(&scope_state.scope, url) {
            let list = ServedLists {
                look: self,
                scope_state,
                complete,
                sample: &sample,
                url: &url,
            };
            list.look(checker, found).await;
        }
        self.statuses_of(&checker.party, &sample, found).await;
        Ok(())
    }

    /// Certificates that ca says are revoked or on hold, which the lists of a scope have to list, with the reason.
    fn to_be_listed(
        &self,
        scope_state: &ScopeState,
        complete: &Publication,
    ) -> Vec<(ReceivedSerial, Reason)> {
        let path = scope_state.scope.path(Kind::Complete);
        let lists = [Some(complete), scope_state.delta.as_ref()];
        let made = lists.into_iter().flatten().map(|list| list.made).max();
        let of_scope = self.pointed.revoked.iter().filter(|revoked| {
            revoked.urls.crl.iter().any(|url| url.ends_with(&path))
                && made.is_some_and(|made| revoked.decided + TOLD < made)
                && revoked.not_after >= complete.from.max(self.now)
        });
        of_scope
            .map(|revoked| (revoked.serial.into(), revoked.revocation.reason))
            .collect()
    }
}

/// Whether a list was published before that one.
fn is_older(list: &ReceivedCrl, published: &Publication) -> bool {
    let number = list.summary.extensions.number();
    number.is_some_and(|number| number < published.number)
}

/// The lists of a scope at one URL.
struct ServedLists<'a> {
    look: &'a Look<'a>,
    scope_state: &'a ScopeState,
    complete: &'a Publication,
    sample: &'a [SampledEntry],
    url: &'a str,
}

impl ServedLists<'_> {
    async fn look(&self, checker: &mut Checker, found: &mut Findings) {
        let to_be_listed = self.look.to_be_listed(self.scope_state, self.complete);
        let sampled = self.sample.iter().map(|one| one.entry.serial.into());
        let serials: Vec<ReceivedSerial> = to_be_listed
            .iter()
            .map(|(serial, _)| serial.clone())
            .chain(sampled)
            .collect();
        // Any serial number will do: the others are asked for beside it.
        let subject = self.look.subject(self.look.issuer.certificate.serial());
        let complete = match checker.party.crl(self.url, subject, &serials).await {
            Ok(complete) => complete,
            Err(error) => return found.failed(&error),
        };
        let before = found.problems.len();
        found
            .problems
            .extend(self.compare(&mut checker.seen, (self.url, &complete.summary), self.complete));
        let mut told = self.complete.change;
        let mut cached = is_older(&complete, self.complete);
        let mut delta = None;
        if let Some(expected) = &self.scope_state.delta {
            let points = complete.summary.extensions.freshest_crl().unwrap_or_default();
            let mut named = points.iter().flat_map(|point| &point.names.uris);
            let Some(url) = named.find(|url| is_http(url)) else {
                return found
                    .problems
                    .push(format!("{}: the CRL names no delta", self.url));
            };
            match checker.party.delta(url, &complete, subject, &serials).await {
                Ok(list) => {
                    let summary = (url.as_str(), &list.list.summary);
                    found
                        .problems
                        .extend(self.compare(&mut checker.seen, summary, expected));
                    told = told.max(expected.change);
                    cached |= is_older(&list.list, expected);
                    delta = Some(list.list).filter(|_| list.is_newer);
                }
                Err(error) => found.failed(&error),
            }
        }
        // A list that is older than the one that was published is told as such, or is one that a cache may keep: it does not list
        // everything yet.
        if found.problems.len() == before && !cached {
            let differs = self.entries((&complete, delta.as_ref()), told, &to_be_listed);
            found.problems.extend(differs);
        }
    }

    /// Whether the list is the one that was published, or a later one, and none before what was seen there.
    fn compare(
        &self,
        seen: &mut HighestSeen,
        (url, summary): (&str, &TbsCertListSummary),
        published: &Publication,
    ) -> Option<String> {
        let Some(number) = summary.extensions.number() else {
            return Some(format!("{url}: the CRL has no number"));
        };
        let this_update = summary.header.this_update;
        if let Some((earlier, time)) = seen.goes_back(url, (number, this_update)) {
            return Some(format!(
                "{url} went back from CRL {earlier} of {} to CRL {number} of {}",
                rfc3339(time),
                rfc3339(this_update)
            ));
        }
        if number < published.number {
            // What a cache may keep is not wrong yet.
            let cached = self.look.now < published.made + self.look.app.config.max_age;
            return (!cached).then(|| {
                format!(
                    "{url} has CRL {number}, and CRL {} was published at {}",
                    published.number,
                    rfc3339(published.made)
                )
            });
        }
        (number == published.number && summary.entries != published.entries).then(|| {
            format!(
                "{url} has {} entries, and {} were published",
                summary.entries, published.entries
            )
        })
    }

    /// Whether certificates are listed as the database has them, and ca. `told` is the last change that the lists tell.
    fn entries(
        &self,
        (complete, delta): (&ReceivedCrl, Option<&ReceivedCrl>),
        told: i64,
        to_be_listed: &[(ReceivedSerial, Reason)],
    ) -> Option<String> {
        let listed = |serial: &ReceivedSerial| {
            let entry = complete.revocation(delta, serial);
            entry.map(|entry| entry.reason.unwrap_or(Reason::Unspecified))
        };
        let by_database = self
            .sample
            .iter()
            .filter(|one| one.change <= told)
            .map(|one| (one.entry.serial.into(), expected(&one.entry)));
        let by_ca = to_be_listed
            .iter()
            .map(|(serial, reason)| (serial.clone(), Some(*reason)));
        let mut all = by_database.chain(by_ca);
        let (serial, _) = all.find(|(serial, wanted)| listed(serial) != *wanted)?;
        Some(format!(
            "{} does not list certificate {serial} as it is",
            self.url
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_at_a_url_stays_the_highest() {
        let mut seen = HighestSeen::default();
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds);
        assert_eq!(seen.goes_back("a", (4, at(4))), None);
        assert_eq!(seen.goes_back("a", (5, at(5))), None);
        assert_eq!(seen.goes_back("a", (4, at(4))), Some((5, at(5))));
        assert_eq!(seen.goes_back("a", (4, at(6))), Some((5, at(5))));
        assert_eq!(seen.goes_back("a", (5, at(5))), Some((5, at(6))));
        assert_eq!(seen.goes_back("b", (1, at(1))), None);
    }
}
