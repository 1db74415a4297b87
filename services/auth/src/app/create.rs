//! Make an API key.
//!
//! A key that makes keys gives away no more than it has: no role that may do more, no wider limits on names, no longer
//! life. The maker is looked at again in the transaction that stores the new key.
//!
//! Order: check, draw the random bits, then the hash and the event in one transaction, then show the key. What is
//! not shown, because the answer was lost, is of no use to anybody; the prefix in the list tells what to revoke.

use std::time::Duration;

use kit::auth::{Caller, roles};
use kit::clock::rfc3339;
use kit::dry_run::Intent;
use kit::error::Common;
use kit::idempotency::{self, IdempotencyKey, digest};
use rules::NameLimits;
use serde_json::json;
use store::time::{from_micros, to_micros};
use store::{IdempotencyClaim, StoreError, Tx, outbox};
use time::OffsetDateTime;
use vocabulary::EventType;

use super::{App, event, plans};
use crate::domain::{ApiKey, End, Name, Prefix, Status, Token, permissions};
use crate::error::Error;
use crate::tables;

/// A prefix has 32 bits, so that one is taken is rare; that several in a row are is a broken generator.
const ATTEMPTS: usize = 4;

/// The API key to make, and who asked.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// For people.
    pub name: Name,
    /// At least one built-in role.
    pub roles: Vec<String>,
    /// How long it opens anything; `None` until it is revoked.
    pub validity: Option<Duration>,
    /// Patterns of the names that it may have certified; those of who asked if empty.
    pub allowed_names: Vec<String>,
    /// Who asked; gives away nothing that they do not have.
    pub requester: Caller,
    /// Makes a repeated request have one effect.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A new API key with its text, which is not kept.
#[derive(Clone, Debug)]
pub struct Created {
    /// What is kept.
    pub key: ApiKey,
    /// To be shown once.
    pub token: Token,
}

impl CreateRequest {
    fn claim(&self) -> Option<IdempotencyClaim> {
        let key = self.idempotency_key.as_ref()?;
        let asked = json!([
            self.name.as_str(),
            self.roles,
            self.validity.map(|validity| validity.as_secs()),
            self.allowed_names,
        ]);
        let asked = digest(&[Some(asked.to_string().as_bytes())]);
        Some(key.claim(&self.requester.subject, asked))
    }
}

impl App {
    /// Makes an API key; durable when this returns.
    ///
    /// # Errors
    /// `Common::Invalid` for an unknown role or a span out of bounds, [`Error::Escalation`],
    /// [`Error::Repeated`], `Common::IdempotencyConflict`, `Common::Store`.
    pub async fn create<I: Intent>(
        &self,
        mut request: CreateRequest,
        intent: &I,
    ) -> Result<I::Answer<Created>, Error> {
        request.roles.sort();
        request.roles.dedup();
        check_roles(&request.roles, &request.requester)?;
        request.allowed_names = limits(&request.allowed_names, &request.requester)?;
        // As the database will give it back.
        let now = from_micros(to_micros(self.clock.now()))?;
        let expires = match request.validity {
            Some(validity) => Some(self.expiry(now, validity)?),
            // Without a wish as long as its maker.
            None => request.requester.expires,
        };
        within_the_makers_life(expires, request.requester.expires.into())?;
        let claim = request.claim();
        self.refuse_repetition(claim).await?;
        // Prefixes are random, and one may be taken: then another is tried.
        for _ in 0..ATTEMPTS {
            let token = Token::generate()?;
            let key = ApiKey {
                prefix: token.prefix().clone(),
                name: request.name.clone(),
                roles: request.roles.clone(),
                created: now,
                created_by: request.requester.subject.clone(),
                expires,
                allowed_names: request.allowed_names.clone(),
                last_used: None,
                revoked: None,
            };
            match self.record(&key, &token, claim, intent).await {
                Ok(Some(preview)) => return Ok(I::planned(preview)),
                Ok(None) => {
                    tracing::info!(prefix = %key.prefix, roles = ?key.roles, actor = key.created_by, "API key made");
                    return Ok(I::done(Created { key, token }));
                }
                Err(Error::Common(Common::Store(StoreError::Conflict { .. }))) => {
                    self.refuse_repetition(claim).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("no free prefix was found"))
    }

    fn expiry(&self, now: OffsetDateTime, validity: Duration) -> Result<OffsetDateTime, Error> {
        if validity < Duration::from_secs(1) || validity > self.max_validity {
            let longest = kit::config::span::format(self.max_validity);
            return Err(Error::invalid("validity", format!("takes from 1s to {longest}")));
        }
        let span = time::Duration::try_from(validity).ok();
        let expires = span.and_then(|span| now.checked_add(span));
        expires.ok_or_else(|| Error::invalid("validity", "ends outside the calendar"))
    }

    /// What was made before cannot be shown again.
    async fn refuse_repetition(&self, claim: Option<IdempotencyClaim>) -> Result<(), Error> {
        let find = async |key| tables::find_by_request(&self.db, key).await;
        match idempotency::earlier(claim, find).await {
            Ok(None) => Ok(()),
            Ok(Some(prefix)) => Err(Error::Repeated(prefix)),
            Err(error) => Err(error),
        }
    }

    /// Stores it, or undoes that and answers a preview.
    async fn record<I: Intent>(
        &self,
        key: &ApiKey,
        token: &Token,
        claim: Option<IdempotencyClaim>,
        intent: &I,
    ) -> Result<Option<I::Preview>, Error> {
        let mut tx = self.db.begin().await?;
        let maker = match key.maker() {
            Some(maker) => Some(check_maker(&mut tx, &maker, key).await?),
            None => None,
        };
        tables::insert(&mut tx, key, &token.sha256(), claim).await?;
        outbox::append(&mut tx, &[created(key)], key.created).await?;
        let plan = || plans::create(key, maker.as_ref());
        Ok(self.previews.end(tx, intent, plan).await?)
    }
}

/// The maker may have been revoked since it was authenticated, and a cache may have remembered it. Its row is held until
/// the commit, so that whoever revokes it with its descendants finds this one.
async fn check_maker(tx: &mut Tx, maker: &Prefix, key: &ApiKey) -> Result<ApiKey, Error> {
    tables::hold(tx, maker).await?;
    let found = tables::find(tx, maker).await?;
    let active = found.filter(|maker| maker.status(key.created) == Status::Active);
    let found = active.ok_or(Error::BadCredential)?;
    within_the_makers_life(key.expires, tables::line_end_in(tx, maker).await?)?;
    Ok(found)
}

fn within_the_makers_life(expires: Option<OffsetDateTime>, maker: End) -> Result<(), Error> {
    match maker {
        End::At(end) if End::from(expires) > maker => Err(Error::Outlives(end)),
        End::At(_) | End::Never => Ok(()),
    }
}

/// The limits of the new key: those asked for, within those of the maker, or else the maker's.
fn limits(asked: &[String], requester: &Caller) -> Result<Vec<String>, Error> {
    let parse = |patterns: &[String]| {
        NameLimits::parse(patterns).map_err(|error| Error::invalid("allowed_names", error))
    };
    let (asked, own) = (parse(asked)?, parse(&requester.allowed_names)?);
    if asked.is_unlimited() {
        return Ok(own.patterns());
    }
    match own.exceeded_by(&asked) {
        None => Ok(asked.patterns()),
        Some(pattern) => Err(Error::WiderNames {
            pattern,
            own: own.patterns().join(", "),
        }),
    }
}

/// The event of a new key, whoever made it.
pub(super) fn created(key: &ApiKey) -> outbox::NewEvent {
    let expires = key.expires.map(rfc3339);
    event(
        EventType::ApiKeyCreated,
        key,
        &[
            ("created_by", json!(key.created_by)),
            ("expires_at", json!(expires)),
            ("allowed_names", json!(key.allowed_names)),
        ],
    )
}

fn check_roles(names: &[String], requester: &Caller) -> Result<(), Error> {
    if names.is_empty() {
        return Err(Error::invalid(
            "roles",
            format!("needs at least one of {}", roles::NAMES.join(", ")),
        ));
    }
    for role in names {
        if roles::permissions_of(role).is_none() {
            let known = roles::NAMES.join(", ");
            return Err(Error::invalid(
                "roles",
                format!("there is no role {role:?}; there are {known}"),
            ));
        }
        let missing = permissions(std::slice::from_ref(role))
            .into_iter()
            .find(|name| !requester.may(name));
        if let Some(permission) = missing {
            return Err(Error::Escalation {
                role: role.clone(),
                permission,
            });
        }
    }
    Ok(())
}
