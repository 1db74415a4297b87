//! The pool: what a new connection is set to, and which are not used again.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::time::timeout;

/// A connection that rested longer than this is tested before use. Testing each time would cost a round trip a
/// query; one that broke a moment ago is noticed at the BEGIN or the read, which then take another.
const TEST_AFTER: Duration = Duration::from_secs(1);
const TEST_PATIENCE: Duration = Duration::from_millis(500);

/// Connections made before this moment are not used again: one of them was dead, or led to a server that is no longer
/// the primary.
#[derive(Default)]
pub(super) struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    pub(super) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn covers(&self, age: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| age > since.elapsed())
    }
}

pub(super) fn options(
    most: u32,
    acquire_timeout: Duration,
    suspicion: Arc<Suspicion>,
    session: Option<Arc<str>>,
) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let condemned = suspicion.covers(meta.age);
            Box::pin(async move {
                if condemned || meta.idle_for <= TEST_AFTER {
                    return Ok(!condemned);
                }
                Ok(matches!(
                    timeout(TEST_PATIENCE, connection.ping()).await,
                    Ok(Ok(()))
                ))
            })
        })
        .after_connect(move |connection, _| {
            let session = session.clone();
            Box::pin(async move {
                match session {
                    Some(session) => set_up(connection, session).await,
                    None => Ok(()),
                }
            })
        })
}

async fn set_up(connection: &mut PgConnection, session: Arc<str>) -> Result<(), sqlx::Error> {
    let row = connection
        .fetch_one(sqlx::raw_sql(AssertSqlSafe(session)))
        .await?;
    match row.try_get::<String, _>(0)?.as_str() {
        "false" => Ok(()),
        _ => Err(sqlx::Error::Io(io::Error::new(
            io::ErrorKind::NotConnected,
            "the server is a standby",
        ))),
    }
}
