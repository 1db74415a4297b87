//! List items by name.

use store::page::{self, Limit, Page};

use super::App;
use crate::domain::Item;
use crate::error::Error;
use crate::tables;

const LIST: &str = "items by name";

impl App {
    /// A page of items; `cursor` is `next_cursor` of the page before.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the cursor is not one of this list; [`Error::Store`].
    pub async fn list(&self, limit: Limit, cursor: Option<&str>) -> Result<Page<Item>, Error> {
        let after: Option<String> = cursor
            .map(|cursor| page::decode(LIST, cursor))
            .transpose()
            .map_err(|error| Error::invalid("cursor", error))?;
        let items = tables::list(&self.db, after.as_deref(), limit).await?;
        Ok(Page::new(items, limit, LIST, |item| item.name.to_string()))
    }
}
