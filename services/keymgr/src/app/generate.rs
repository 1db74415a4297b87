//! Make a key.
//!
//! Order: make and seal the key pair, then in one transaction its row and the event, then answer. A process
//! that dies before the commit leaves nothing; one that dies after it has a key that a repeated request finds
//! by its name or Idempotency-Key.

use data_encoding::HEXLOWER;
use keys::{Binding, StoredKey};
use kit::dry_run::{Consequence, Intent, Plan, Severity};
use kit::idempotency::{self, IdempotencyKey, digest};
use serde_json::json;
use store::time::{from_micros, to_micros};
use store::{IdempotencyClaim, StoreError, outbox};
use vocabulary::EventType;
use x509::key::KeyAlgorithm;

use super::App;
use super::loaded::LoadedKey;
use crate::domain::{Caller, Key, KeyName, Purpose};
use crate::error::Error;
use crate::tables::{self, Stored};

/// The key to make, and who asked.
#[derive(Clone, Debug)]
pub struct GenerateRequest {
    /// A name that no key has.
    pub name: KeyName,
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// What it will sign, for good.
    pub purpose: Purpose,
    /// Who asks.
    pub caller: Caller,
    /// `service:ca` or the subject of a person or machine.
    pub requester: String,
    /// Makes a repeated request have one effect.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl GenerateRequest {
    fn claim(&self) -> Option<IdempotencyClaim> {
        let asked = asked_for(&self.name, self.algorithm, self.purpose);
        Some(self.idempotency_key.as_ref()?.claim(&self.requester, asked))
    }
}

/// The digest of a request. A key tells it of the request that made it: it is all that was asked for.
fn asked_for(name: &KeyName, algorithm: KeyAlgorithm, purpose: Purpose) -> [u8; 32] {
    let texts = [name.to_string(), algorithm.to_string(), purpose.to_string()];
    digest(&texts.each_ref().map(|text| Some(text.as_bytes())))
}

impl App {
    /// Makes a key; durable when this returns. Of several requests for one name, one succeeds.
    ///
    /// # Errors
    /// [`Error::Caller`], [`Error::Exists`], `Common::IdempotencyConflict`, [`Error::Key`], and when the service is overloaded or its database
    /// fails.
    pub async fn generate<I: Intent>(
        &self,
        request: GenerateRequest,
        intent: &I,
    ) -> Result<I::Answer<Key>, Error> {
        request.caller.check_makes(&request.name, request.purpose)?;
        let claim = request.claim();
        if let Some(earlier) = self.earlier(claim).await? {
            return Ok(self.previews.answer_again(intent, earlier, repetition).await?);
        }
        // Not the decision, which the unique index makes, but cheaper than a key pair that is thrown away.
        if tables::find(&self.db, &request.name).await?.is_some() {
            return self.taken(request, claim).await.map(I::done);
        }
        // A key pair is neither made nor thrown away for a dry run.
        if let Some(preview) = self.previews.settle(intent, || plan(&request)).await? {
            return Ok(I::planned(preview));
        }
        self.make_and_store(request, claim).await.map(I::done)
    }

    async fn make_and_store(
        &self,
        request: GenerateRequest,
        claim: Option<IdempotencyClaim>,
    ) -> Result<Key, Error> {
        let made = self.make(&request).await?;
        let now = self.clock.now();
        let key = Key {
            name: request.name.clone(),
            purpose: request.purpose,
            public_key: made.signer.public_key().clone(),
            backend: self.backend.backend().to_owned(),
            // As the database will give it back.
            created: from_micros(to_micros(now))?,
        };
        let stored = Stored {
            key,
            handle: made.handle,
        };
        match self.record(&stored, claim, &request.requester).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => return self.taken(request, claim).await,
            Err(error) => return Err(error.into()),
        }
        let backend = self.backend.backend();
        let Stored { key, .. } = stored;
        let loaded = LoadedKey {
            name: key.name.clone(),
            purpose: key.purpose,
            backend,
            signer: made.signer,
        };
        self.loaded.insert(loaded).await;
        tracing::info!(key = %key.name, algorithm = %key.public_key.algorithm(), purpose = %key.purpose, "key generated");
        Ok(key)
    }

    /// Another request was first. If that was this very request, its key is the answer.
    async fn taken(&self, request: GenerateRequest, claim: Option<IdempotencyClaim>) -> Result<Key, Error> {
        self.earlier(claim).await?.ok_or(Error::Exists(request.name))
    }

    /// What the same Idempotency-Key made before.
    async fn earlier(&self, claim: Option<IdempotencyClaim>) -> Result<Option<Key>, Error> {
        idempotency::earlier(claim, async |key| {
            let found = tables::find_by_request(&self.db, key).await?;
            Ok::<_, StoreError>(found.map(|key| {
                let asked = asked_for(&key.name, key.public_key.algorithm(), key.purpose);
                (asked, key)
            }))
        })
        .await
    }

    async fn make(&self, request: &GenerateRequest) -> Result<StoredKey, Error> {
        let backend = std::sync::Arc::clone(&self.backend);
        let (name, algorithm, purpose) = (request.name.clone(), request.algorithm, request.purpose);
        // The caller waits in the heavy queue, which has no signature waiting behind it.
        let made = self.heavy.run(&request.requester, move || {
            backend.generate(
                algorithm,
                Binding {
                    name: name.as_str(),
                    purpose: purpose.as_str(),
                },
            )
        });
        Ok(made.await??)
    }

    async fn record(
        &self,
        stored: &Stored,
        claim: Option<IdempotencyClaim>,
        requester: &str,
    ) -> Result<(), StoreError> {
        let key = &stored.key;
        let event = kit::trace::event(
            EventType::KeyGenerated,
            key.name.as_str(),
            json!({
                "name": key.name.as_str(),
                "algorithm": key.public_key.algorithm().to_string(),
                "purpose": key.purpose.as_str(),
                "backend": key.backend,
                "spki_sha256": HEXLOWER.encode(&key.public_key.fingerprint()),
                "requester": requester,
            }),
        );
        let mut tx = self.db.begin().await?;
        tables::insert(&mut tx, stored, claim).await?;
        outbox::append(&mut tx, &[event], key.created).await?;
        tx.commit().await
    }
}

/// What a dry run says.
fn plan(request: &GenerateRequest) -> Plan {
    let GenerateRequest {
        name,
        algorithm,
        purpose,
        ..
    } = request;
    let text =
        format!("makes the {algorithm} key {name} for purpose {purpose}; it never leaves the key manager");
    Plan::new()
        .causes(Consequence::new(EventType::KeyGenerated.name(), Severity::Info, text).of([name.to_string()]))
        .rests_on(format!("key {name}"), "does not exist")
}

fn repetition(earlier: &Key) -> Plan {
    let name = earlier.name.to_string();
    let text = format!("no key is made: this Idempotency-Key stands for key {name}");
    Plan::new().causes(Consequence::new("key.repeated", Severity::Info, text).of([name]))
}
