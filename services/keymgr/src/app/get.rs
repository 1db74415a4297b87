//! Show one key, and what it signed.

use super::App;
use crate::domain::{Key, KeyName, Signatures};
use crate::error::Error;
use crate::tables;

impl App {
    /// The public side of a key.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn get(&self, name: &KeyName) -> Result<Key, Error> {
        tables::find(&self.db, name)
            .await?
            .ok_or_else(|| Error::NotFound(name.to_string()))
    }

    /// The same, and what the key signed, as far as it is written.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn describe(&self, name: &KeyName) -> Result<(Key, Vec<Signatures>), Error> {
        Ok((self.get(name).await?, self.signatures(name).await?))
    }
}
