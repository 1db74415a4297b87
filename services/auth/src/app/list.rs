//! List API keys, newest first.

use store::page::{self, Limit, Page};
use store::time::to_micros;

use super::App;
use crate::domain::ApiKey;
use crate::error::Error;
use crate::tables;

const LIST: &str = "API keys by creation";

impl App {
    /// A page of API keys, revoked and expired ones too; `cursor` is `next_cursor` of the page before.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor of another list, [`Error::Store`].
    pub async fn list(&self, limit: Limit, cursor: Option<&str>) -> Result<Page<ApiKey>, Error> {
        let before: Option<(i64, String)> = cursor
            .map(|cursor| page::decode(LIST, cursor))
            .transpose()
            .map_err(|error| Error::invalid("cursor", error))?;
        let keys = tables::list(&self.db, before, limit).await?;
        Ok(Page::new(keys, limit, LIST, |key| {
            (to_micros(key.created), key.prefix.to_string())
        }))
    }
}
