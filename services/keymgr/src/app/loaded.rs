//! Keys held ready to sign, so that a signature costs no query and no parsing.
//!
//! A key never changes, so an entry is right for as long as it is here. Many who ask for the same key at once
//! cause one load.

use std::sync::Arc;

use keys::{Binding, KeyStore, Signer};
use kit::error::Common;
use moka::future::Cache;
use vocabulary::metric;

use super::App;
use crate::domain::{Key, KeyName, Purpose};
use crate::error::Error;
use crate::tables;

/// A key that can sign now.
pub(crate) struct LoadedKey {
    pub(crate) name: KeyName,
    pub(crate) purpose: Purpose,
    pub(crate) backend: &'static str,
    pub(crate) signer: Arc<dyn Signer>,
}

/// Loaded keys by name, the least used evicted first.
#[derive(Clone)]
pub(crate) struct Loaded {
    cache: Cache<KeyName, Arc<LoadedKey>>,
}

impl Loaded {
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            cache: Cache::new(capacity),
        }
    }

    pub(crate) async fn insert(&self, key: LoadedKey) {
        self.cache.insert(key.name.clone(), Arc::new(key)).await;
        self.measure();
    }

    fn measure(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a count of keys is far below 2^52")]
        metrics::gauge!(metric::CACHE_ENTRIES, "cache" => "keymgr-keys").set(self.cache.entry_count() as f64);
    }
}

impl App {
    /// The key of that name, from memory or else from the database.
    pub(crate) async fn loaded(&self, name: &KeyName) -> Result<Arc<LoadedKey>, Error> {
        if let Some(key) = self.loaded.cache.get(name).await {
            return Ok(key);
        }
        let key = self
            .loaded
            .cache
            .try_get_with_by_ref(name, self.load(name))
            .await
            .map_err(|error| Common::Shared(error))?;
        self.loaded.measure();
        Ok(key)
    }

    /// The key of that name from the database, whatever is in memory.
    pub(crate) async fn load(&self, name: &KeyName) -> Result<Arc<LoadedKey>, Error> {
        let stored = tables::find_stored(&self.db, name)
            .await?
            .ok_or_else(|| Error::NotFound(name.to_string()))?;
        let backend = Arc::clone(&self.backend);
        if stored.key.backend != backend.backend() {
            return Err(Error::internal(format!(
                "key {name} lives in backend {}, which is not set up",
                stored.key.backend
            )));
        }
        // Unsealing and parsing takes up to milliseconds.
        self.workers
            .run(move || open(backend.as_ref(), stored.key, &stored.handle))
            .await?
            .map(Arc::new)
    }
}

fn open(backend: &dyn KeyStore, key: Key, handle: &[u8]) -> Result<LoadedKey, Error> {
    let signer = backend.open(
        handle,
        Binding {
            name: key.name.as_str(),
            purpose: key.purpose.as_str(),
        },
    )?;
    // The public half is not under the seal: what others were told is compared with what the key is.
    if *signer.public_key() != key.public_key {
        return Err(Error::internal(format!(
            "the stored public key of {} is not that of its private key",
            key.name
        )));
    }
    Ok(LoadedKey {
        name: key.name,
        purpose: key.purpose,
        backend: backend.backend(),
        signer,
    })
}
