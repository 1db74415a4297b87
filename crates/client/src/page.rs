//! Lists: one page, or all items page by page.

use std::collections::VecDeque;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Pairs};
use crate::connect::Client;
use crate::error::Error;

/// Items per page when all are read: the most that the server gives.
const PAGE: &str = "500";

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Asks for the next page; `None` on the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// Asks for the page before; `None` on the first.
    #[serde(default)]
    pub prev_cursor: Option<String>,
}

/// All items of a list, fetched page by page as they are needed.
pub struct Items<T> {
    client: Client,
    path: &'static [&'static str],
    query: Pairs,
    fetched: VecDeque<T>,
    next: Next,
    _items: PhantomData<T>,
}

enum Next {
    First,
    Behind(String),
    Done,
}

impl<T: DeserializeOwned> Items<T> {
    pub(crate) fn new(client: &Client, path: &'static [&'static str], mut query: Pairs) -> Self {
        query.push(("limit", PAGE.to_owned()));
        let (fetched, next) = (VecDeque::new(), Next::First);
        Self {
            client: client.clone(),
            path,
            query,
            fetched,
            next,
            _items: PhantomData,
        }
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// Those of the request for a page.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        while self.fetched.is_empty() && !matches!(self.next, Next::Done) {
            self.fetch().await?;
        }
        Ok(self.fetched.pop_front())
    }

    /// All that is left.
    ///
    /// # Errors
    /// Those of the request for a page.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await? {
            items.push(item);
        }
        Ok(items)
    }

    async fn fetch(&mut self) -> Result<(), Error> {
        let mut query = self.query.clone();
        if let Next::Behind(cursor) = &self.next {
            query.push(("cursor", cursor.clone()));
        }
        let page: Page<T> = Call::get(&self.client, self.path).query(&query).json().await?;
        self.next = match (page.next_cursor, &self.next) {
            (None, _) => Next::Done,
            (Some(cursor), Next::Behind(before)) if cursor == *before => {
                let what = "its next page is the page itself".to_owned();
                return Err(Error::Unexpected {
                    url: self.client.url().to_owned(),
                    status: 200,
                    what,
                });
            }
            (Some(cursor), _) => Next::Behind(cursor),
        };
        self.fetched.extend(page.items);
        Ok(())
    }
}
