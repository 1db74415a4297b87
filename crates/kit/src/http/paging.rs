//! What every list takes and answers: pages in both directions, an order, a count, filters, JSON or CSV.
//!
//! A route takes [`Paging`] and answers [`Pages::answer`]; its list says its [`List`], and its rows say their [`Row`].

use std::fmt::Write;
use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, Schema};

use super::accept::prefers;
use super::csv::{self, Row};
use super::{Json, query};
use crate::page::{Ask, Counting, Limit, Page, Sort};
use crate::problem::Problem;

/// A list of the API.
pub trait List {
    /// Its name: the last segment of its path, and the name of the CSV file.
    const NAME: &'static str;
    /// The orders that can be asked for, as `sort` takes them: a column, with `-` before it for descending. Only such as an
    /// index has.
    const SORTS: &'static [&'static str];
    /// Its own query parameters; [`super::NoParameters`] for none. A member that is a list may be repeated.
    type Filters: DeserializeOwned + IntoParams + Send;
}

/// The query parameters of a list.
#[derive(Clone, Debug)]
pub struct Paging<L: List> {
    /// Those of the list itself.
    pub filters: L::Filters,
    /// Those that every list has.
    pub pages: Pages<L>,
}

/// Which pages of a list are asked for, and in which form.
#[derive(Clone, Debug)]
pub struct Pages<L> {
    ask: Ask,
    csv: Option<csv::Whole>,
    _list: PhantomData<L>,
}

/// What every list takes; `sort` beside it names its columns.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Common {
    /// Items per page, 1 to 500; 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` or `prev_cursor` of another page. It holds for the same filters and order only.
    cursor: Option<String>,
    /// Whether to count the list too: `none` (not given), `estimate` (exact up to 1,000 rows; beyond them a guess where the
    /// database has one, else a lower bound), or `exact` (up to 100,000 rows; then the count is a lower bound).
    /// `count.precision` of the answer says which it is. Rows that are damaged in the database are counted, though the list
    /// leaves them out.
    #[param(inline)]
    count: Option<Counting>,
    #[param(ignore)]
    sort: Option<String>,
}

/// The names of [`Common`].
const COMMON: [&str; 4] = ["limit", "cursor", "count", "sort"];

impl<S: Send + Sync, L: List> FromRequestParts<S> for Paging<L> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let all = query::pairs(parts.uri.query().unwrap_or_default());
        let (common, own): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(name, _)| COMMON.contains(&name.as_ref()));
        let list = bound(parts.uri.path(), &own);
        let common: Common = query::read(&common)?;
        let filters = query::read(&own)?;
        let csv = prefers(&parts.headers, csv::MEDIA_TYPE, "application/json");
        if csv {
            common.refuse_for_csv()?;
        }
        Ok(Self {
            filters,
            pages: Pages {
                ask: Ask {
                    limit: common.limit.map_or(Ok(Limit::DEFAULT), Limit::try_from)?,
                    sort: common.sort(L::SORTS)?,
                    counting: common.count.unwrap_or_default(),
                    cursor: common.cursor,
                    list,
                },
                csv: csv.then(|| csv::Whole::of(parts)),
                _list: PhantomData,
            },
        })
    }
}

/// The text that cursors are bound to beside the order: the path of the list, and its filters, sorted.
fn bound(path: &str, own: &[query::Pair<'_>]) -> String {
    let mut pairs: Vec<_> = own.iter().collect();
    pairs.sort();
    let mut text = path.to_owned();
    for (name, value) in pairs {
        // A value ends where its length says, so that no value looks like two.
        let _infallible = write!(text, "&{name}={}:{value}", value.len());
    }
    text
}

impl Common {
    fn sort(&self, sorts: &'static [&'static str]) -> Result<Option<Sort>, Problem> {
        let Some(asked) = self.sort.as_deref() else {
            return Ok(None);
        };
        let known = sorts.iter().find(|sort| **sort == asked);
        known.map(|sort| Some(Sort::of(sort))).ok_or_else(|| {
            let detail = format!("query parameter sort: takes {}", sorts.join(" or "));
            query::refuse(detail).at("sort")
        })
    }

    /// CSV has no place for cursors and a count, and is the whole list.
    fn refuse_for_csv(&self) -> Result<(), Problem> {
        let given = [
            ("limit", self.limit.is_some()),
            ("cursor", self.cursor.is_some()),
            ("count", self.count.is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                let detail =
                    format!("query parameter {name}: CSV is the whole list in one answer; leave it out");
                Err(query::refuse(detail).at(name))
            }
            None => Ok(()),
        }
    }
}

impl<L: List> Pages<L> {
    /// With columns that rows have only where they were asked for.
    #[must_use]
    pub fn with_columns(self, further: &'static [&'static str]) -> Self {
        Self {
            csv: self.csv.map(|whole| whole.with(further)),
            ..self
        }
    }

    /// The page that was asked for as JSON, or the whole list as CSV: then `read` is called for page after page, while the
    /// client takes them.
    ///
    /// # Errors
    /// Those of `read` for the first page. If a later one fails, the answer breaks off.
    pub async fn answer<T, F, R>(self, read: F) -> Result<Response, Problem>
    where
        T: Row + Send + 'static,
        F: Fn(Ask) -> R + Send + 'static,
        R: Future<Output = Result<Page<T>, Problem>> + Send + 'static,
    {
        match self.csv {
            None => Ok(Json(read(self.ask).await?).into_response()),
            Some(whole) => whole.answer(L::NAME, self.ask, read).await,
        }
    }
}

impl<L: List> IntoParams for Paging<L> {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = L::Filters::into_params(&parameter_in);
        all.extend(Common::into_params(&parameter_in));
        if !L::SORTS.is_empty() {
            let columns = ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(L::SORTS.iter().copied()));
            let sort = ParameterBuilder::new()
                .name("sort")
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(
                    "The order: a column, with `-` before it from the last to the first.",
                ))
                .schema(Some(RefOr::T(Schema::Object(columns.build()))));
            all.push(sort.build());
        }
        all
    }
}
