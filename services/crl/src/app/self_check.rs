//! Look at each list where certificates point to, as a relying party does: fetched, verified, and compared with the database, with
//! what ca says, with OCSP, and with another directory where there is one. What the database has is looked at in `check.rs`; here it is
//! what is out.
//!
//! The URLs are those inside certificates that ca issued, and so requests go where certificates say. Which addresses are asked is
//! decided by [`Reach`]: public ones, and whatever `listen.public_http_url` leads to.

mod directory;
mod lists;
mod pointed;
mod statuses;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use client::{Reach, RelyingError, RelyingParty, Subject};
use kit::error::Common;
use time::OffsetDateTime;
use uuid::Uuid;
use x509::ReceivedSerial;
use x509::crl::{CrlEntry, Reason};

use super::App;
use crate::domain::due::ScopeState;
use crate::domain::{Issuer, Publication, Scope};
use crate::error::Error;
use lists::HighestSeen;
use pointed::CertificateSample;

/// Texts about one issuer that are told, of either kind.
const MOST: usize = 20;

/// What a look found, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// What is wrong.
    pub(crate) problems: Vec<String>,
    /// What could not be looked at.
    pub(crate) unknown: Vec<String>,
}

/// What was found of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct IssuerFindings {
    pub(crate) issuer: String,
    pub(crate) found: Findings,
}

/// What is remembered between two looks.
pub(crate) struct Checker {
    party: RelyingParty,
    seen: HighestSeen,
    /// The lists of a scope at the last look.
    looked_at: HashMap<Scope, Lists>,
    of_scopes: BTreeMap<Scope, Findings>,
    of_issuers: BTreeMap<String, Findings>,
    /// The serial number behind which entries are sampled.
    drawn: Uuid,
}

/// Ids of the complete list and the delta of a scope.
type Lists = (Option<Uuid>, Option<Uuid>);

impl Findings {
    pub(crate) fn is_nothing(&self) -> bool {
        self.problems.is_empty() && self.unknown.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.unknown.extend(other.unknown);
    }

    /// A URL from which nothing was learnt. One that is not asked, relying parties may well reach.
    fn failed(&mut self, error: &RelyingError) {
        let is_asked = !matches!(
            error,
            RelyingError::NotAsked { .. } | RelyingError::Private { .. } | RelyingError::Setup(_)
        );
        let texts = match is_asked {
            true => &mut self.problems,
            false => &mut self.unknown,
        };
        texts.push(error.to_string());
    }
}

impl Checker {
    /// One that asks public addresses, and those of the URL that certificates are given now, wherever that leads to.
    ///
    /// # Errors
    /// [`RelyingError::Setup`].
    pub(crate) fn new(base_url: &str) -> Result<Self, RelyingError> {
        Ok(Self {
            party: RelyingParty::new(Reach::public().and(base_url))?,
            seen: HighestSeen::default(),
            looked_at: HashMap::new(),
            of_scopes: BTreeMap::new(),
            of_issuers: BTreeMap::new(),
            drawn: Uuid::new_v4(),
        })
    }

    /// Samples other entries from now on; the same ones, while anything is wrong: what was found has to be found again, and be seen to
    /// be right.
    pub(crate) fn draw(&mut self) {
        if self.of_scopes.values().all(|found| found.problems.is_empty()) {
            self.drawn = Uuid::new_v4();
        }
    }

    /// Forgets scopes that there are no more.
    fn keep(&mut self, scopes: &[ScopeState]) {
        let is_there = |scope: &Scope| scopes.iter().any(|one| one.scope == *scope);
        self.of_scopes.retain(|scope, _| is_there(scope));
        self.looked_at.retain(|scope, _| is_there(scope));
    }

    /// Whether nothing was found in a scope.
    fn was_right(&self, scope: &Scope) -> bool {
        self.of_scopes.get(scope).is_some_and(Findings::is_nothing)
    }

    /// Whether something is wrong in a scope, as far as is known.
    fn was_wrong(&self, scope: &Scope) -> bool {
        self.of_scopes
            .get(scope)
            .is_none_or(|found| !found.problems.is_empty())
    }

    /// Whether there is a reason to look at a scope again.
    fn is_due(&self, scope_state: &ScopeState) -> bool {
        !self.was_right(&scope_state.scope)
            || self.looked_at.get(&scope_state.scope) != Some(&lists_of(scope_state))
    }

    fn note(&mut self, scope_state: &ScopeState, found: Findings) {
        self.looked_at
            .insert(scope_state.scope.clone(), lists_of(scope_state));
        self.of_scopes.insert(scope_state.scope.clone(), found);
    }

    /// All that is known of an issuer, as much as is told.
    fn checked(&self, issuer: &Issuer) -> IssuerFindings {
        let mut found = self.of_issuers.get(&issuer.name).cloned().unwrap_or_default();
        let of_scopes = self.of_scopes.iter();
        for (_, of_scope) in of_scopes.filter(|(scope, _)| scope.issuer == issuer.name) {
            found.add(of_scope.clone());
        }
        for texts in [&mut found.problems, &mut found.unknown] {
            let mut told = BTreeSet::new();
            texts.retain(|text| told.insert(text.clone()));
            texts.truncate(MOST);
        }
        IssuerFindings {
            issuer: issuer.name.clone(),
            found,
        }
    }
}

impl App {
    /// Looks at everything, or where not `all` is to be looked at, at what has new lists or was wrong. Answers what is known of each
    /// issuer that has lists.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn self_check(
        &self,
        checker: &mut Checker,
        all: bool,
    ) -> Result<Vec<IssuerFindings>, Error> {
        let state = self.state().await?;
        let now = self.clock.now();
        checker.keep(&state.scopes);
        let mut checked = Vec::new();
        for issuer in &state.issuers {
            let of_issuer = |scope_state: &&ScopeState| scope_state.scope.issuer == issuer.name;
            let scopes: Vec<&ScopeState> = state.scopes.iter().filter(of_issuer).collect();
            if scopes.is_empty() || issuer.certificate.not_after() <= now {
                continue;
            }
            let was_right = checker
                .of_issuers
                .get(&issuer.name)
                .is_some_and(Findings::is_nothing);
            let due: Vec<&ScopeState> = scopes
                .into_iter()
                .filter(|scope_state| all || checker.is_due(scope_state))
                .collect();
            if all || !was_right || !due.is_empty() {
                self.look_at_issuer(checker, issuer, (&due, all || !was_right))
                    .await?;
            }
            checked.push(checker.checked(issuer));
        }
        Ok(checked)
    }

    async fn look_at_issuer(
        &self,
        checker: &mut Checker,
        issuer: &Issuer,
        (due, all): (&[&ScopeState], bool),
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut found = Findings::default();
        let pointed = self.pointed(issuer, &mut found).await;
        let look = Look {
            app: self,
            issuer,
            pointed: &pointed,
            now,
        };
        look.issuer_certificates(&checker.party, &mut found).await;
        look.statuses_of_issuer(&checker.party, &mut found).await;
        if all {
            let looked = self.look_at_directory(issuer, &mut found).await;
            damage(looked, &mut found)?;
        }
        checker.of_issuers.insert(issuer.name.clone(), found);
        for scope_state in due {
            let mut found = Findings::default();
            // Whether one is missing is told by readiness.
            if let Some(complete) = &scope_state.complete {
                let looked = look.at_scope(checker, (scope_state, complete), &mut found).await;
                damage(looked, &mut found)?;
                // As long as reading all entries: not after each publication, unless something was wrong, which that may be.
                if all || checker.was_wrong(&scope_state.scope) {
                    let differs = self.count_differs(scope_state, complete).await;
                    let differs = damage(differs, &mut found)?.flatten();
                    found.problems.extend(differs);
                }
            }
            checker.note(scope_state, found);
        }
        Ok(())
    }
}

/// What cannot be read of the database is a problem of the issuer that it is about; the others are looked at all the same.
fn damage<T>(looked: Result<T, Error>, found: &mut Findings) -> Result<Option<T>, Error> {
    match looked {
        Ok(looked) => Ok(Some(looked)),
        Err(Error::Common(Common::Store(error))) if error.is_of_content() => {
            found.problems.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn lists_of(scope_state: &ScopeState) -> Lists {
    let id = |list: &Option<Publication>| list.as_ref().map(|list| list.id);
    (id(&scope_state.complete), id(&scope_state.delta))
}

/// A look at one issuer.
struct Look<'a> {
    app: &'a App,
    issuer: &'a Issuer,
    pointed: &'a CertificateSample,
    now: OffsetDateTime,
}

impl Look<'_> {
    fn subject<'s>(&'s self, serial: &'s ReceivedSerial) -> Subject<'s> {
        Subject {
            issuer: &self.issuer.certificate,
            serial,
            is_ca: false,
            now: self.now,
        }
    }
}

/// Why a certificate is revoked or on hold; `None` where the hold was released.
fn expected(entry: &CrlEntry) -> Option<Reason> {
    match entry.reason {
        Some(Reason::RemoveFromCrl) => None,
        reason => Some(reason.unwrap_or(Reason::Unspecified)),
    }
}

/// As it is told.
fn word(reason: Option<Reason>) -> &'static str {
    reason.map_or("good", |reason| reason.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrong_is_looked_at_again_by_the_same_sample_until_it_is_right() {
        let scope_state = ScopeState {
            scope: Scope::whole("a"),
            changes: 0,
            urgent: 0,
            requested: false,
            complete: None,
            delta: None,
        };
        let mut checker = Checker::new("http://a.example.test").unwrap();
        assert!(!checker.was_right(&scope_state.scope), "it was never looked at");
        let wrong = Findings {
            problems: vec!["it has 1 entries, and the database 0".to_owned()],
            ..Findings::default()
        };
        checker.note(&scope_state, wrong);
        let drawn = checker.drawn;
        checker.draw();
        assert_eq!(checker.drawn, drawn);
        assert!(checker.is_due(&scope_state) && !checker.was_right(&scope_state.scope));
        checker.note(&scope_state, Findings::default());
        checker.draw();
        assert_ne!(checker.drawn, drawn);
        assert!(!checker.is_due(&scope_state) && checker.was_right(&scope_state.scope));
    }
}
