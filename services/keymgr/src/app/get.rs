//! Show one key, and what it signed.

use super::App;
use crate::domain::{Caller, Key, KeyName, Signatures};
use crate::error::Error;
use crate::tables;

impl App {
    /// The public side of a key.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Caller`] for a key that this caller may not be shown; `Common::Store`.
    pub async fn get(&self, caller: Caller, name: &KeyName) -> Result<Key, Error> {
        let found = tables::find(&self.db, name).await?;
        let key = found.ok_or_else(|| Error::NotFound(name.to_string()))?;
        caller.check_sees(key.purpose)?;
        Ok(key)
    }

    /// The same, and what the key signed, as far as it is written.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub async fn describe(&self, caller: Caller, name: &KeyName) -> Result<(Key, Vec<Signatures>), Error> {
        Ok((self.get(caller, name).await?, self.signatures(name).await?))
    }
}
