//! Lists: one page, all items page by page, or the whole as CSV.

use std::collections::VecDeque;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Pairs};
use crate::connect::Client;
use crate::error::Error;
use crate::resources::Other;

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
    /// What a later server tells beside.
    #[serde(flatten)]
    pub other: Other,
}

/// An object that there is a list of.
pub trait Listed: DeserializeOwned {
    /// The orders that the list takes: a column, with `-` before it for descending.
    const SORTS: &'static [&'static str];
}

/// A list that nothing was asked of yet.
#[derive(Debug)]
#[must_use = "a list is asked for by what is called on it"]
pub struct List<'a, T> {
    client: &'a Client,
    path: Vec<String>,
    query: Pairs,
    _items: PhantomData<T>,
}

impl<'a, T: Listed> List<'a, T> {
    pub(crate) fn new(client: &'a Client, path: &[&str], query: Pairs) -> Self {
        Self {
            client,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query,
            _items: PhantomData,
        }
    }

    /// In this order, one of [`Listed::SORTS`]; in that of the server where there is none.
    pub fn sorted(mut self, sort: Option<&str>) -> Self {
        self.query.extend(sort.map(|sort| ("sort", sort.to_owned())));
        self
    }

    /// One page: of at most `limit` items, 1 to 500 (50 if there is none), from where the page that had `cursor` ended.
    ///
    /// # Errors
    /// [`Error::Problem`] for a filter, an order or a cursor that the server does not take, and those of every request.
    pub async fn page(&self, limit: Option<u32>, cursor: Option<&str>) -> Result<Page<T>, Error> {
        let limit = limit.map(|limit| ("limit", limit.to_string()));
        let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
        let page: Pairs = limit.into_iter().chain(cursor).collect();
        self.call().query(&page).json().await
    }

    /// All of them, page by page.
    pub fn items(self) -> Items<T> {
        Items::new(self)
    }

    /// All of them as CSV, piece by piece as they come.
    ///
    /// # Errors
    /// As [`Self::page`], and what `take` says; what was taken until then is not all of it.
    pub async fn csv<E: From<Error>>(&self, take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.call().csv(take).await
    }

    fn call(&self) -> Call<'_> {
        get(self.client, &self.path, &self.query)
    }
}

fn get<'a>(client: &'a Client, path: &[String], query: &[(&'static str, String)]) -> Call<'a> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Call::get(client, &path).query(query)
}

/// All items of a list, fetched page by page as they are needed.
pub struct Items<T> {
    client: Client,
    path: Vec<String>,
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

impl<T: Listed> Items<T> {
    fn new(list: List<'_, T>) -> Self {
        let List {
            client,
            path,
            mut query,
            ..
        } = list;
        query.push(("limit", PAGE.to_owned()));
        Self {
            client: client.clone(),
            path,
            query,
            fetched: VecDeque::new(),
            next: Next::First,
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
        let page: Page<T> = get(&self.client, &self.path, &query).json().await?;
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
