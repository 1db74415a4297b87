//! List items by name.

use kit::page::{Ask, Page, Sort};

use super::App;
use crate::domain::Item;
use crate::error::Error;
use crate::tables;

impl App {
    /// A page of items.
    ///
    /// # Errors
    /// `Common::Cursor`, `Common::Store`.
    pub async fn list(&self, ask: &Ask) -> Result<Page<Item>, Error> {
        let place = ask.place(Sort::of("name"))?;
        let page = tables::list(&self.db, place).await?;
        let count = tables::count(&self.db, ask.counting).await?;
        Ok(page.counted(count))
    }
}
