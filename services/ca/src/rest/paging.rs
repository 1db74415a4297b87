//! Lists that are in memory, in pages by name.

use serde::Deserialize;
use store::page::{Limit, Page};
use utoipa::IntoParams;

use crate::error::Error;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Items a page, 1 to 500; 50 if not given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Paging {
    /// The page of `all`, which is in the order of its names; `list` says what it is a list of.
    pub(super) fn of<T>(
        &self,
        list: &str,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Error> {
        let limit = self.limit.map_or(Ok(Limit::DEFAULT), Limit::try_from);
        let limit = limit.map_err(|error| Error::invalid("limit", error))?;
        Page::of_all(all, limit, self.cursor.as_deref(), list, name)
            .map_err(|error| Error::invalid("cursor", error))
    }
}
