//! Show one key.

use super::App;
use crate::domain::{Key, KeyName};
use crate::error::Error;
use crate::tables;

impl App {
    /// The public side of a key.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Store`].
    pub async fn get(&self, name: &KeyName) -> Result<Key, Error> {
        tables::find(&self.db, name)
            .await?
            .ok_or_else(|| Error::NotFound(name.to_string()))
    }
}
