//! List API keys, newest first, and show one.

use kit::page::{Ask, Page, Sort};

use super::App;
use crate::domain::{ApiKey, Prefix};
use crate::error::Error;
use crate::tables;

impl App {
    /// A page of API keys, revoked and expired ones too.
    ///
    /// # Errors
    /// `Common::Cursor`, `Common::Store`.
    pub async fn list(&self, ask: &Ask) -> Result<Page<ApiKey>, Error> {
        let place = ask.place(Sort::of("-created_at"))?;
        let page = tables::list(&self.db, place).await?;
        let count = tables::count(&self.db, ask.counting).await?;
        Ok(page.counted(count))
    }

    /// What cannot be read of the newest keys, and how many were looked at.
    pub(crate) async fn damaged(&self) -> Result<(Vec<String>, usize), Error> {
        Ok(tables::damaged(&self.db).await?)
    }

    /// The API key of that prefix, revoked or expired or not.
    ///
    /// # Errors
    /// [`Error::NotFound`]; `Common::Store`.
    pub async fn find(&self, prefix: &Prefix) -> Result<ApiKey, Error> {
        let found = tables::by_prefix(&self.db, prefix).await?;
        found.ok_or_else(|| Error::NotFound(prefix.to_string()))
    }
}
