//! The handle to a service's database.
//!
//! One `Db` a service and process. It is cheap to clone; the clones share their pools and the wake-up signal of
//! the change feed.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, SqlitePool};
use tokio::sync::watch;
use vocabulary::EventType;

use crate::postgres::{self, Pg};
use crate::signal::Signal;
use crate::{StoreError, Tx, TxKind, sqlite};

/// How long a caller waits for a connection before the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Settings of a database handle.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for queries; without a number 16, and on PostgreSQL fewer where the server has few
    /// ([`Db::open`]). PostgreSQL: per process, beside one more that listens once something subscribes to the feed.
    /// SQLite: readers, of which it makes at most eight, beside the one writer.
    pub max_connections: Option<u32>,
    /// How long [`Db::begin`] and reads wait for a connection; on SQLite ten seconds at least.
    pub acquire_timeout: Duration,
    /// How a pooler in front of PostgreSQL shares its sessions.
    pub pooling: Pooling,
    /// Take a server that may lose what it acknowledged (`fsync`, `full_page_writes` off). For tests, and for file
    /// systems that write pages whole.
    pub allow_unsafe: bool,
    /// Whether [`Db::migrate`] is to follow, for which the role needs the right to create in its schema.
    pub migrates: bool,
}

/// How the sessions of a PostgreSQL server are shared with other clients.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Found out at the start.
    #[default]
    Auto,
    /// Not while a connection is open: no pooler, or one in session mode.
    Session,
    /// After each transaction: a pooler in transaction mode.
    Transaction,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: None,
            acquire_timeout: ACQUIRE_TIMEOUT,
            pooling: Pooling::Auto,
            allow_unsafe: false,
            migrates: true,
        }
    }
}

/// A service's database: a schema in PostgreSQL or a file of SQLite.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// What transactions of this handle may append to the outbox.
    events: &'static [EventType],
}

struct Inner {
    pools: Pools,
    schema: String,
    signal: Signal,
    /// When a write for readiness last succeeded.
    probed: Mutex<Option<Instant>>,
    /// Once it was read: it never changes.
    secret: OnceLock<[u8; 32]>,
}

/// The connection pools; named by the macros of this crate only.
#[doc(hidden)]
pub enum Pools {
    /// PostgreSQL.
    Pg(Pg),
    /// SQLite: many readers, one writer.
    Lite {
        /// Read-only connections.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
}

impl Db {
    /// Opens a database and checks that it answers.
    ///
    /// `url` is `postgres://…` or `sqlite:PATH`. `schema` is the service's name (`[a-z][a-z0-9_]*`, at most 40
    /// bytes): on PostgreSQL the schema of that name, which [`migrate`](Self::migrate) makes if there is none, and no
    /// other is looked at; SQLite has a file per service, created with mode 0600.
    ///
    /// # Errors
    /// [`StoreError::Configuration`] for a bad URL or name and for a server that cannot be used as it is, with what to
    /// do about it; [`StoreError::Unavailable`] when nothing answers.
    pub async fn open(url: &str, schema: &str, options: Options) -> Result<Self, StoreError> {
        check_schema(schema)?;
        let (pools, signal) = if is_postgres(url) {
            let pg = postgres::open(url, schema, &options).await?;
            let signal = Signal::postgres(pg.clone(), schema);
            (Pools::Pg(pg), signal)
        } else if let Some(path) = url.strip_prefix("sqlite:") {
            (sqlite::open(path, &options).await?, Signal::local())
        } else {
            return Err(unknown_kind(url));
        };
        Ok(Self::of(pools, schema, signal))
    }

    /// Opens the file of a service only to look into it, beside a process that works on it or without one.
    ///
    /// # Errors
    /// [`StoreError::Configuration`] for what is not a regular file; [`StoreError::Unavailable`] when it cannot be read.
    pub async fn open_to_read(file: &Path, schema: &str) -> Result<Self, StoreError> {
        check_schema(schema)?;
        let pools = sqlite::open_to_read(file).await?;
        Ok(Self::of(pools, schema, Signal::local()))
    }

    fn of(pools: Pools, schema: &str, signal: Signal) -> Self {
        Self {
            inner: Arc::new(Inner {
                pools,
                schema: schema.to_owned(),
                signal,
                probed: Mutex::default(),
                secret: OnceLock::new(),
            }),
            events: &[],
        }
    }

    /// The handle of the service that declares these types of events: its transactions may append them to the outbox, and no
    /// others. A handle that declares none appends nothing.
    #[must_use]
    pub fn declaring(self, events: &'static [EventType]) -> Self {
        Self { events, ..self }
    }

    /// Begins a transaction: READ COMMITTED on PostgreSQL, `BEGIN IMMEDIATE` on SQLite, where it waits its turn
    /// behind other writers. A transaction that is dropped is rolled back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be had in time.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let kind = match &self.inner.pools {
            Pools::Pg(pg) => TxKind::Pg(pg.begin().await?),
            Pools::Lite { write, .. } => TxKind::Lite(write.begin_with("BEGIN IMMEDIATE").await?),
        };
        Ok(Tx::new(kind, self.clone()))
    }

    /// Begins a transaction that only reads, and whose statements all see the state in which the first of them found the database,
    /// whatever is committed in the meantime: for what is read in pages, or twice. Writers do not wait for it. On PostgreSQL a
    /// statement must follow the one before within 30 seconds, and no event waits for it to end: it has no number.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection can be had in time, or no place ([`most_snapshots`](Self::most_snapshots)).
    pub async fn begin_snapshot(&self) -> Result<Tx, StoreError> {
        let kind = match &self.inner.pools {
            Pools::Pg(pg) => TxKind::Pg(pg.begin_snapshot().await?),
            // Of a pool whose connections cannot write.
            Pools::Lite { read, .. } => TxKind::Lite(read.begin_with("BEGIN DEFERRED").await?),
        };
        Ok(Tx::new(kind, self.clone()))
    }

    /// How many snapshots can be read at a time, each by who writes in the meantime. Who holds one begins no other: where there are
    /// few connections, it would wait for itself.
    #[must_use]
    pub fn most_snapshots(&self) -> usize {
        match &self.inner.pools {
            Pools::Pg(pg) => pg.most_snapshots(),
            // All else that is read has a connection then.
            Pools::Lite { read, .. } => usize::try_from(read.options().get_max_connections())
                .unwrap_or(1)
                .saturating_sub(1)
                .max(1),
        }
    }

    /// Asks the database for a sign of life; for readiness checks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        crate::read!(self, |c| sqlx::query("SELECT 1").execute(c).await.map(drop))?;
        Ok(())
    }

    /// How many rows a table has, counted up to `most`: what is beyond costs nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_rows(&self, table: &'static str, most: i64) -> Result<i64, StoreError> {
        let query = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT $1) AS counted");
        Ok(crate::read!(self, |c| sqlx::query_scalar(AssertSqlSafe(query))
            .bind(most)
            .fetch_one(c)
            .await)?)
    }

    /// Closes the pools; returns when all connections are given back and closed. SQLite's file then holds everything, and
    /// there is no log beside it.
    pub async fn close(&self) {
        self.inner.signal.close();
        match &self.inner.pools {
            Pools::Pg(pg) => pg.close().await,
            Pools::Lite { read, write } => {
                read.close().await;
                // One that was opened to look into it has one pool, and nothing to move.
                if !write.is_closed() {
                    sqlite::empty_log(write).await;
                }
                write.close().await;
            }
        }
    }

    /// The service's name, which is the PostgreSQL schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.inner.schema
    }

    /// For the macros of this crate.
    #[doc(hidden)]
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.inner.pools
    }

    pub(crate) fn declares(&self, event: EventType) -> bool {
        self.events.contains(&event)
    }

    pub(crate) fn probed(&self) -> Option<Instant> {
        *self.inner.probed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_probed(&self, at: Instant) {
        *self.inner.probed.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    pub(crate) fn known_secret(&self) -> &OnceLock<[u8; 32]> {
        &self.inner.secret
    }

    /// Changes whenever events may have been committed, by this process or another. Signals get lost where a pooler shares sessions:
    /// whoever waits for one looks by itself every so often.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<()> {
        self.signal().listen()
    }

    pub(crate) fn signal(&self) -> &Signal {
        &self.inner.signal
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database: &dyn fmt::Debug = match &self.inner.pools {
            Pools::Pg(pg) => pg,
            Pools::Lite { .. } => &"sqlite",
        };
        f.debug_struct("Db")
            .field("database", database)
            .field("schema", &self.inner.schema)
            .finish()
    }
}

/// Whether that is the URL of a database, without connecting to it.
///
/// # Errors
/// [`StoreError::Configuration`] with the reason; it holds no password.
pub fn check_url(url: &str) -> Result<(), StoreError> {
    if is_postgres(url) {
        return postgres::url::Target::parse(url).map(drop);
    }
    match url.strip_prefix("sqlite:") {
        Some(path) => sqlite::file_path(path).map(drop),
        None => Err(unknown_kind(url)),
    }
}

/// Where a PostgreSQL URL leads, for messages: `host:port/database`, without user and password. None for another URL.
#[must_use]
pub fn place_of_url(url: &str) -> Option<String> {
    let target = postgres::url::Target::parse(url).ok()?;
    Some(match target.database() {
        Some(database) => format!("{}/{database}", target.places()),
        None => target.places(),
    })
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn unknown_kind(url: &str) -> StoreError {
    let words = url.contains("dbname=") || url.contains("host=");
    StoreError::Configuration(match words && !url.contains("://") {
        true => {
            "database URL is a list of words as psql takes it: write it as postgres://host:port/dbname?user=name"
                .to_owned()
        }
        false => "database URL must start with postgres:// or sqlite:".to_owned(),
    })
}

/// The name goes into SQL and channel names as text, so nothing that would need quoting passes.
fn check_schema(schema: &str) -> Result<(), StoreError> {
    let letters = schema
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if letters && schema.len() <= 40 && schema.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "{schema:?} cannot name a schema: use a lower-case letter, then letters, digits and '_', at most 40"
    )))
}
