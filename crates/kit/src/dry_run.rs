//! What a request would do, asked before it is done.
//!
//! Every route that signs, revokes, grants, applies or destroys takes `dry_run=true`: the same body goes through the same
//! decisions on a transaction that is rolled back, and the answer is a [`Preview`] of the consequences. A permission that
//! acts ([`Permission`](crate::auth::Permission)) puts a [`RestIntent`] into the handler's [`Allow`](crate::auth::Allow), and
//! a use case that acts takes an [`Intent`]: a route that forgets it does not compile.
//!
//! A use case decides in its transaction, then calls [`Previews::end`] with its [`Plan`], which rolls the transaction back
//! and answers a preview, or commits it. One that has no transaction yet calls [`Previews::settle`] before it begins. The
//! preview's token names what the plan rested on. A commit that carries it (`Preview-Token`) is refused if any of that has
//! changed since: 409 with the difference.

mod answer;
mod asked;
mod token;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::Serialize;
use store::{Db, Tx};
use time::{Duration, OffsetDateTime};
use x509::digest::sha256;

use crate::clock::SharedClock;
use crate::error::Common;

pub use answer::Answer;
pub(crate) use asked::{BodyDigest, FromParts, TakenParameter};
pub use asked::{PARAMETER, RestIntent};
pub use token::{HEADER, Refusal};

/// How long a preview's token is taken.
const LIFE: Duration = Duration::minutes(10);
/// Most objects that a consequence names; `count` has them all.
const MOST_OBJECTS: usize = 100;
/// Most facts that a token lists one by one, so that it fits into a header; the rest is one fact, by its digest.
const MOST_FACTS: usize = 24;
/// Name of the fact that stands for those behind the ones that are listed.
const REST: &str = "the rest";
/// Most bytes of a fact's name and of its state.
const LONGEST_FACT: usize = 120;

/// How much a consequence matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// What was asked for, and can be undone or does no harm.
    Info,
    /// Worth a second look.
    Warning,
    /// Cannot be undone, or stops something from working.
    Danger,
}

/// One thing that a request would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Consequence {
    /// Stable name: the type of the event that it would cause, or `resource.what`.
    #[schema(example = "certificate.revoked")]
    pub kind: &'static str,
    /// `info`, `warning` or `danger`.
    pub severity: Severity,
    /// For people.
    pub text: String,
    /// How many objects it concerns.
    pub count: u64,
    /// Names or numbers of these, at most 100 of them.
    pub objects: Vec<String>,
}

impl Consequence {
    /// One that concerns no object by name.
    pub fn new(kind: &'static str, severity: Severity, text: impl Into<String>) -> Self {
        Self {
            kind,
            severity,
            text: text.into(),
            count: 0,
            objects: Vec::new(),
        }
    }

    /// Names what it concerns.
    #[must_use]
    pub fn of(mut self, objects: impl IntoIterator<Item = String>) -> Self {
        for object in objects {
            self.count += 1;
            if self.objects.len() < MOST_OBJECTS {
                self.objects.push(object);
            }
        }
        self
    }

    /// Counts what it concerns without naming it.
    #[must_use]
    pub fn counting(self, count: u64) -> Self {
        Self { count, ..self }
    }
}

/// What a use case is about to do, and what it decided that on.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    consequences: Vec<Consequence>,
    facts: BTreeMap<String, String>,
}

impl Plan {
    /// One that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a consequence; they are shown in this order.
    #[must_use]
    pub fn causes(mut self, consequence: Consequence) -> Self {
        self.consequences.push(consequence);
        self
    }

    /// Adds a fact that was looked at, such as a certificate and its status. The caller may see both: they are shown to
    /// them where they differ later.
    #[must_use]
    pub fn rests_on(mut self, what: impl AsRef<str>, state: impl AsRef<str>) -> Self {
        self.facts.insert(cut(what.as_ref()), cut(state.as_ref()));
        self
    }

    /// What it does, in the order in which it is shown.
    #[must_use]
    pub fn consequences(&self) -> &[Consequence] {
        &self.consequences
    }

    /// The facts as a token lists them.
    fn into_facts(self) -> BTreeMap<String, String> {
        let mut facts = self.facts;
        if facts.len() > MOST_FACTS
            && let Some(first) = facts.keys().nth(MOST_FACTS).cloned()
        {
            let rest = facts.split_off(&first);
            let listed = rest.iter().map(|(what, state)| format!("{what}\0{state}\0"));
            let digest = sha256(listed.collect::<String>().as_bytes());
            let digest = data_encoding::HEXLOWER.encode(&digest);
            facts.insert(
                REST.to_owned(),
                format!("{} more, in this state: {digest}", rest.len()),
            );
        }
        facts
    }
}

/// A text of a token: whole if it is short, else its beginning and what tells it from others.
fn cut(text: &str) -> String {
    const BEGINNING: usize = LONGEST_FACT - 20;
    if text.len() <= LONGEST_FACT {
        return text.to_owned();
    }
    let beginning = text.char_indices().take_while(|(at, _)| *at < BEGINNING);
    let beginning: String = beginning.map(|(_, character)| character).collect();
    let digest = data_encoding::HEXLOWER.encode(&sha256(text.as_bytes()));
    format!("{beginning}… {}", digest.get(..12).unwrap_or_default())
}

/// The answer to a dry run. Nothing was done.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// Always true: tells it from the answer of the request itself.
    pub dry_run: bool,
    /// What the request would do, in the order in which it matters; empty if nothing.
    pub consequences: Vec<Consequence>,
    /// To be sent as `Preview-Token` with the same request: it is refused with 409 if what the preview rested on has changed.
    pub preview_token: String,
    /// Until when the token is taken: RFC 3339, UTC.
    pub expires_at: String,
}

/// Something that changed between a preview and the commit that carries its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// Such as a certificate or a CA.
    #[schema(example = "certificate 4f1c0a9be27d5f60813e9a4c2b7d1e05")]
    pub what: String,
    /// As the preview saw it; null if it was not there.
    pub before: Option<String>,
    /// As it is; null if it is not there any more.
    pub now: Option<String>,
}

/// Whether a use case is to act, or to say what it would do.
pub trait Intent: Send + Sync {
    /// What answers in place of the outcome.
    type Preview: Send;
    /// What a use case answers to this intent.
    type Answer<T: Send>: Send;

    /// What to act or to preview by.
    fn asked(&self) -> Option<&RestIntent>;
    /// Whether the plan is shown, or compared with one that was.
    fn is_planned(&self) -> bool {
        self.asked().is_some_and(|asked| !asked.is_plain())
    }
    /// A preview, where this intent can be answered by one.
    fn preview(preview: Preview) -> Option<Self::Preview>;
    /// It was done.
    fn done<T: Send>(outcome: T) -> Self::Answer<T>;
    /// It was not done.
    fn planned<T: Send>(preview: Self::Preview) -> Self::Answer<T>;
}

/// The intent of a caller that always acts: another service, or this one by itself.
#[derive(Clone, Copy, Debug)]
pub struct Commit;

impl Intent for Commit {
    type Preview = Infallible;
    type Answer<T: Send> = T;

    fn asked(&self) -> Option<&RestIntent> {
        None
    }

    fn preview(_: Preview) -> Option<Infallible> {
        None
    }

    fn done<T: Send>(outcome: T) -> T {
        outcome
    }

    fn planned<T: Send>(preview: Infallible) -> T {
        match preview {}
    }
}

/// Makes previews of a service, and holds commits to them.
#[derive(Clone)]
pub struct Previews {
    db: Db,
    clock: SharedClock,
}

impl Previews {
    /// Tokens are recognized by all replicas on `db`.
    #[must_use]
    pub fn new(db: Db, clock: SharedClock) -> Self {
        Self { db, clock }
    }

    /// Ends the transaction of a use case, when everything is decided: with a preview it was rolled back, with `None` it was
    /// committed. `plan` is made only where it is shown or compared.
    ///
    /// # Errors
    /// Those of [`Self::settle`] and of the database; nothing is committed then.
    pub async fn end<I: Intent>(
        &self,
        tx: Tx,
        intent: &I,
        plan: impl FnOnce() -> Plan,
    ) -> Result<Option<I::Preview>, Common> {
        let preview = self.settle(intent, plan).await?;
        match preview {
            Some(_) => tx.rollback().await?,
            None => tx.commit().await?,
        }
        Ok(preview)
    }

    /// What a use case calls that decided everything before it begins a transaction: with a preview it ends, with `None` it
    /// goes on. `plan` is made only where it is shown or compared.
    ///
    /// # Errors
    /// [`Refusal`] for a token that is not of this request, is too old, or rested on what is different now.
    pub async fn settle<I: Intent>(
        &self,
        intent: &I,
        plan: impl FnOnce() -> Plan,
    ) -> Result<Option<I::Preview>, Refusal> {
        let Some(asked) = intent.asked().filter(|asked| !asked.is_plain()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let sealer = token::Sealer::new(&self.db.secret().await?);
        let plan = plan();
        if asked.is_dry_run() {
            return Ok(I::preview(preview(&sealer, asked, plan, now)?));
        }
        sealer.check(asked, plan.into_facts(), now)?;
        Ok(None)
    }

    /// Answers a request that was done before, under the same Idempotency-Key, with what was done then, whatever has changed
    /// since; a dry run of it with that plan.
    ///
    /// # Errors
    /// [`Refusal::Store`].
    pub async fn answer_again<I: Intent, T: Send>(
        &self,
        intent: &I,
        earlier: T,
        plan: impl FnOnce(&T) -> Plan,
    ) -> Result<I::Answer<T>, Refusal> {
        if intent.asked().is_some_and(RestIntent::is_dry_run)
            && let Some(preview) = self.settle(intent, || plan(&earlier)).await?
        {
            return Ok(I::planned(preview));
        }
        Ok(I::done(earlier))
    }
}

fn preview(
    sealer: &token::Sealer,
    asked: &RestIntent,
    plan: Plan,
    now: OffsetDateTime,
) -> Result<Preview, Refusal> {
    let expires = now + LIFE;
    Ok(Preview {
        dry_run: true,
        consequences: plan.consequences.clone(),
        preview_token: sealer.seal(asked, plan.into_facts(), expires)?,
        expires_at: crate::clock::rfc3339(expires),
    })
}

/// `1 certificate`, `2 certificates`.
#[must_use]
pub fn counted(count: u64, what: &str) -> Cow<'static, str> {
    match count {
        1 => format!("1 {what}").into(),
        count => format!("{count} {what}s").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consequence_counts_more_than_it_names() {
        let many = (0..250).map(|number| number.to_string());
        let consequence = Consequence::new("x.y", Severity::Info, "text").of(many);
        assert_eq!(
            (consequence.count, consequence.objects.len()),
            (250, MOST_OBJECTS)
        );
    }

    #[test]
    fn a_plan_of_any_size_has_few_facts_and_each_of_them_counts() {
        let plan = |changed: usize| {
            (0..1000).fold(Plan::new(), |plan, number| {
                let state = if number == changed { "revoked" } else { "valid" };
                plan.rests_on(format!("certificate {number:04}"), state)
            })
        };
        let before = plan(usize::MAX).into_facts();
        assert_eq!(before.len(), MOST_FACTS + 1);
        for changed in [0, MOST_FACTS, 999] {
            assert_ne!(plan(changed).into_facts(), before, "{changed}");
        }
    }

    #[test]
    fn facts_that_are_not_listed_are_one_fact_however_many_they_are() {
        let plan = |facts: usize| {
            let all = 0..facts;
            all.fold(Plan::new(), |plan, number| {
                plan.rests_on(format!("{number:04}"), "valid")
            })
        };
        let (before, now) = (plan(148).into_facts(), plan(149).into_facts());
        let names = |facts: &BTreeMap<String, String>| facts.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&now));
        assert!(before[REST].starts_with("124 more, "), "{before:?}");
        assert!(now[REST].starts_with("125 more, "), "{now:?}");
    }

    #[test]
    fn long_texts_are_cut_and_still_differ() {
        let long = |end: &str| cut(&format!("{}{end}", "ü".repeat(200)));
        assert!(long("a").len() <= LONGEST_FACT);
        assert_ne!(long("a"), long("b"));
        assert_eq!(cut("short"), "short");
    }
}
