//! What queries run on: a transaction, or for reads a connection that one read takes for itself.
//!
//! Both put the same two things around the driver: whether statements are prepared under a name, which a pooler in
//! transaction mode does not bear; and, for reads, that a connection which turns out dead is replaced by another.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    Acquire, AssertSqlSafe, Connection, Describe, Either, Execute, Executor, PgConnection, Postgres,
    Transaction,
};
use tokio::sync::OwnedSemaphorePermit;

use super::Pg;

type Step = Either<PgQueryResult, PgRow>;

/// A transaction on PostgreSQL.
pub struct PgTx {
    transaction: Transaction<'static, Postgres>,
    named: bool,
    /// Given back with the connection.
    _place: Option<OwnedSemaphorePermit>,
}

impl PgTx {
    pub(super) fn new(transaction: Transaction<'static, Postgres>, named: bool) -> Self {
        Self {
            transaction,
            named,
            _place: None,
        }
    }

    /// Keeps a place until its end.
    pub(super) fn holding(self, place: OwnedSemaphorePermit) -> Self {
        Self {
            _place: Some(place),
            ..self
        }
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

impl std::fmt::Debug for PgTx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgTx").finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for &'c mut PgTx {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match Statement::new(query, self.named) {
            Ok(statement) => self.transaction.fetch_many(statement),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match Statement::new(query, self.named) {
            Ok(statement) => self.transaction.fetch_optional(statement),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    fn prepare_with<'e>(
        self,
        sql: sqlx::SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.transaction.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: sqlx::SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.transaction.describe(sql)
    }
}

impl<'p> Executor<'p> for &'p Pg {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query, self.sessions_are_ours());
        stream::once(async move { self.read(statement?).await })
            .map_ok(|steps| stream::iter(steps.into_iter().map(Ok)))
            .try_flatten()
            .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::new(query, self.sessions_are_ours());
        Box::pin(async move {
            let steps = self.read(statement?).await?;
            Ok(steps.into_iter().find_map(Either::right))
        })
    }

    fn prepare_with<'e>(
        self,
        sql: sqlx::SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(async move { self.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: sqlx::SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        Box::pin(async move { self.acquire().await?.describe(sql).await })
    }
}

/// A query that can be run again, and that says how it is to be prepared.
#[derive(Clone)]
pub(super) struct Statement {
    sql: sqlx::SqlStr,
    arguments: Option<PgArguments>,
    named: bool,
}

impl Statement {
    fn new<'q>(mut query: impl Execute<'q, Postgres>, named: bool) -> Result<Self, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let named = named && query.persistent();
        Ok(Self {
            sql: query.sql(),
            arguments,
            named,
        })
    }
}

impl<'q> Execute<'q, Postgres> for Statement {
    fn sql(self) -> sqlx::SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        Ok(self.arguments.take())
    }

    fn persistent(&self) -> bool {
        self.named
    }
}

/// Runs a read on a connection.
pub(super) async fn run(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<Vec<Step>, sqlx::Error> {
    connection.fetch_many(statement).try_collect().await
}

/// Runs a read in a transaction of its own, where a statement and what prepares it could reach two sessions of the
/// server otherwise.
pub(super) async fn run_alone(
    connection: &mut PgConnection,
    statement: Statement,
    begin: Arc<str>,
) -> Result<Vec<Step>, sqlx::Error> {
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    let steps = transaction
        .acquire()
        .await?
        .fetch_many(statement)
        .try_collect()
        .await?;
    transaction.commit().await?;
    Ok(steps)
}

/// Whether the connection is of no use any more, and nothing was begun or changed on it.
pub(super) fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::BeginFailed | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(cause) => {
            // "cannot set transaction read-write mode during recovery": the server was made a standby; or a table has
            // changed under a prepared statement
            let demoted = |code: &str| code == "0A000";
            // a pooler that hands sessions round although it was not taken for one that does
            let shared = |code: &str| code == "26000" || code == "42P05";
            let gone = |code: &str| code.starts_with("57P0") || code.starts_with("08");
            cause
                .code()
                .is_some_and(|code| demoted(&code) || shared(&code) || gone(&code))
        }
        _ => false,
    }
}
