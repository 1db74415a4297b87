//! Connecting, and finding the one of several hosts that takes writes.

use std::io;

use futures::{StreamExt, stream};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};
use tokio::time::timeout;

use super::url::{SessionAttrs, Target, place};
use crate::StoreError;

/// A connection, and which of the target's hosts it goes to.
pub(super) struct Chosen {
    pub(super) host: usize,
    pub(super) connection: PgConnection,
}

/// Connects to the first host that is what the target asks for. All are asked at once, so that one that does not
/// answer holds up nothing; only where any will do their order counts.
pub(super) async fn choose(target: &Target) -> Result<Chosen, sqlx::Error> {
    let several = target.hosts.len();
    let attempts = stream::iter(0..several).map(async |host| (host, connect(target, host).await));
    let mut attempts = match target.attrs {
        SessionAttrs::Any => attempts.buffered(several).boxed(),
        SessionAttrs::ReadWrite | SessionAttrs::Primary => attempts.buffer_unordered(several).boxed(),
    };
    let mut failures = Vec::new();
    while let Some((host, attempt)) = attempts.next().await {
        match attempt {
            Ok(connection) => return Ok(Chosen { host, connection }),
            Err(error) if several == 1 => return Err(error),
            Err(error) => failures.push(error.to_string()),
        }
    }
    let text = format!("no host takes writes: {}", failures.join("; "));
    Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, text)))
}

async fn connect(target: &Target, host: usize) -> Result<PgConnection, sqlx::Error> {
    let Some(options) = target.hosts.get(host) else {
        return Err(sqlx::Error::Configuration("no host is named".into()));
    };
    let attempt = async {
        let mut connection = options.connect().await?;
        match refusal(&mut connection, target.attrs).await? {
            None => Ok(connection),
            Some(reason) => {
                connection.close().await?;
                Err(sqlx::Error::Io(io::Error::new(
                    io::ErrorKind::NotConnected,
                    reason,
                )))
            }
        }
    };
    let late = || sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"));
    match timeout(target.connect_timeout, attempt).await {
        Ok(result) => result.map_err(|error| placed(error, options)),
        Err(_) => Err(placed(late(), options)),
    }
}

async fn refusal(
    connection: &mut PgConnection,
    attrs: SessionAttrs,
) -> Result<Option<&'static str>, sqlx::Error> {
    const STATE: &str = "SELECT pg_catalog.pg_is_in_recovery()::text, \
        pg_catalog.current_setting('transaction_read_only')";
    if attrs == SessionAttrs::Any {
        return Ok(None);
    }
    let row = connection.fetch_one(sqlx::raw_sql(STATE)).await?;
    let (standby, read_only): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if standby == "true" {
        Some("it is a standby")
    } else if attrs == SessionAttrs::ReadWrite && read_only == "on" {
        Some("it is set to be read-only")
    } else {
        None
    })
}

/// Says which server it was, as the driver does not.
fn placed(error: sqlx::Error, options: &PgConnectOptions) -> sqlx::Error {
    match error {
        sqlx::Error::Io(error) => sqlx::Error::Io(io::Error::new(
            error.kind(),
            format!("{}: {error}", place(options)),
        )),
        other => other,
    }
}

/// What a failed first connection means to whoever wrote the URL.
pub(super) fn explain(error: sqlx::Error, target: &Target) -> StoreError {
    let places = target.places();
    let options = target.hosts.first();
    let user = options.map(PgConnectOptions::get_username).unwrap_or_default();
    let database = options.and_then(PgConnectOptions::get_database).unwrap_or(user);
    let reason = match &error {
        sqlx::Error::Tls(cause) => {
            format!(
                "no TLS with the PostgreSQL server at {places}: {cause}; see sslmode and sslrootcert of the URL"
            )
        }
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            Some("28P01") => format!(
                "the PostgreSQL server at {places} refuses the password of {user:?}; correct it in the database URL"
            ),
            Some("28000") => format!(
                "the PostgreSQL server at {places} does not let {user:?} in: {}; see the role and pg_hba.conf",
                cause.message()
            ),
            Some("3D000") => format!(
                "the PostgreSQL server at {places} has no database {database:?}: run CREATE DATABASE there, or name \
                 another in the URL"
            ),
            Some("42501") => format!(
                "role {user:?} may not connect to database {database:?}: run GRANT CONNECT ON DATABASE {database:?} TO \
                 {user:?}"
            ),
            _ => return error.into(),
        },
        _ => return error.into(),
    };
    StoreError::Configuration(reason)
}
