//! PostgreSQL (13 or newer): connections whose settings do not depend on anybody's defaults, that survive a restart
//! or a fail-over of the server, and that may be behind a pooler.
//!
//! What is asked of the server at the start is in [`check`], what sessions are set to in [`session`], what a URL
//! may say in [`url`].

mod check;
mod executor;
mod hosts;
mod pool;
mod pooling;
mod session;
mod snapshots;
pub(crate) mod url;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Postgres, SqlSafeStr, Transaction};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::check::Facts;
pub use self::executor::PgTx;
use self::executor::{Statement, is_dead, run, run_alone};
use self::pool::Suspicion;
use self::session::Texts;
use self::snapshots::Snapshots;
use self::url::Target;
use crate::{Options, Pooling, StoreError};

/// Most connections of a service, where nothing speaks for fewer.
const MOST_CONNECTIONS: u32 = 16;
/// Fewest: one for a snapshot, and one to write with in the meantime.
const FEWEST_CONNECTIONS: u32 = 2;
/// Behind a pooler in session mode each connection holds one of the few sessions that it has (20 by default).
const BEHIND_SESSION_POOLER: u32 = 3;
/// How often a transaction or a read begins again when its connection turns out dead.
const ATTEMPTS: u32 = 4;
/// With several hosts: how long a connection may take before another host may be the one, and how often to look.
const LOOK_AFTER: Duration = Duration::from_millis(200);
/// How long one attempt to find out why there is no connection may take.
const DIAGNOSIS: Duration = Duration::from_secs(1);

/// A PostgreSQL database; cheap to clone. Queries outside of transactions run on `&Pg`; they only read.
#[derive(Clone)]
pub struct Pg {
    shared: Arc<Shared>,
}

struct Shared {
    pool: PgPool,
    /// For the connection that listens; the pool may be busy when it is needed.
    listening: PgPool,
    target: Target,
    texts: Texts,
    pooling: Pooling,
    suspicion: Arc<Suspicion>,
    /// The host that connections go to.
    host: AtomicUsize,
    looking: AtomicBool,
    diagnosing: Semaphore,
    snapshots: Snapshots,
}

impl std::fmt::Debug for Pg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pg")
            .field("host", &self.shared.target.places())
            .field("pooling", &self.shared.pooling)
            .finish_non_exhaustive()
    }
}

/// What was found out before the pool is made.
struct Plan {
    target: Target,
    host: usize,
    texts: Texts,
    pooling: Pooling,
    /// Most connections.
    most: u32,
}

/// Connects and checks the server. Nothing is made there: a schema is made by the migrations.
pub(crate) async fn open(url: &str, schema: &str, options: &Options) -> Result<Pg, StoreError> {
    let mut target = Target::parse(url)?;
    for host in &mut target.hosts {
        *host = host
            .clone()
            .application_name(&format!("gigvault-{schema}"))
            .statement_cache_capacity(256);
    }
    let chosen = first_connection(&target, options.acquire_timeout).await?;
    let (host, mut connection) = (chosen.host, chosen.connection);
    let Some(connect) = target.hosts.get(host).cloned() else {
        return Err(StoreError::Configuration(
            "the database URL names no host".to_owned(),
        ));
    };
    let facts = check::facts(&mut connection, schema).await?;
    facts.judge(schema, options)?;
    let pooling = match options.pooling {
        Pooling::Transaction => Pooling::Transaction,
        wanted @ (Pooling::Auto | Pooling::Session) => match (pooling::detect(&mut connection, &connect).await?, wanted) {
            (Pooling::Transaction, Pooling::Session) => return Err(StoreError::Configuration(
                "database.pooling says session, but the pooler in front of PostgreSQL hands sessions round: set it to \
                 transaction or auto"
                    .to_owned(),
            )),
            (found, _) => found,
        },
    };
    let texts = Texts::new(schema, &facts, pooling != Pooling::Transaction);
    let most = match options.max_connections {
        // With one connection, who reads a snapshot would wait for its time limit to write.
        Some(most) => most.max(FEWEST_CONNECTIONS),
        None => default_connections(connection, &connect, &facts, pooling).await?,
    };
    tracing::debug!(schema, ?pooling, most, "PostgreSQL opened");
    let plan = Plan {
        target,
        host,
        texts,
        pooling,
        most,
    };
    Ok(Pg::new(plan, options.acquire_timeout))
}

/// Retries faults that may pass, such as a server that starts, until `patience` is over; the error is the real cause.
async fn first_connection(target: &Target, patience: Duration) -> Result<hosts::Chosen, StoreError> {
    let deadline = Instant::now() + patience;
    loop {
        match hosts::choose(target)
            .await
            .map_err(|error| hosts::explain(error, target))
        {
            Err(StoreError::Unavailable { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            result => return result,
        }
    }
}

async fn default_connections(
    connection: PgConnection,
    connect: &PgConnectOptions,
    facts: &Facts,
    pooling: Pooling,
) -> Result<u32, StoreError> {
    let most = MOST_CONNECTIONS.min(facts.share());
    if pooling == Pooling::Transaction {
        connection.close().await?;
        return Ok(MOST_CONNECTIONS);
    }
    Ok(match pooling::keeps_sessions(connection, connect).await {
        Ok(true) => most.min(BEHIND_SESSION_POOLER),
        _ => most,
    })
}

/// Serializes changes of a schema's shape among all replicas until the transaction ends.
pub(crate) fn lock_text(schema: &str) -> String {
    format!("SELECT pg_advisory_xact_lock(hashtext('gigvault schema'), hashtext('{schema}'))")
}

impl Pg {
    fn new(plan: Plan, acquire_timeout: Duration) -> Self {
        let Plan {
            target,
            host,
            texts,
            pooling,
            most,
        } = plan;
        let suspicion = Arc::new(Suspicion::default());
        let session = (pooling != Pooling::Transaction).then(|| Arc::clone(&texts.session));
        let pool = |most| {
            let connect = target.hosts.get(host).cloned().unwrap_or_default();
            pool::options(most, acquire_timeout, Arc::clone(&suspicion), session.clone())
                .connect_lazy_with(connect)
        };
        Self {
            shared: Arc::new(Shared {
                pool: pool(most),
                listening: pool(1),
                target,
                texts,
                pooling,
                suspicion,
                host: AtomicUsize::new(host),
                looking: AtomicBool::new(false),
                diagnosing: Semaphore::new(1),
                snapshots: Snapshots::new(most, acquire_timeout),
            }),
        }
    }

    /// Begins a transaction; on another connection where the one taken first turns out dead.
    pub(crate) async fn begin(&self) -> Result<PgTx, sqlx::Error> {
        self.begin_as(&self.shared.texts.write).await
    }

    /// Begins one whose statements all see the same state of the database, and change nothing. Waits for others to end where
    /// there are as many as there may be, as long as for a connection.
    pub(crate) async fn begin_snapshot(&self) -> Result<PgTx, sqlx::Error> {
        let place = self.shared.snapshots.place().await?;
        let begun = self.begin_as(&self.shared.texts.snapshot).await?;
        Ok(begun.holding(place))
    }

    /// Most snapshots at a time.
    pub(crate) fn most_snapshots(&self) -> usize {
        self.shared.snapshots.most()
    }

    async fn begin_as(&self, begin: &Arc<str>) -> Result<PgTx, sqlx::Error> {
        let mut attempt = 1;
        loop {
            match self.patiently(self.begin_once(begin)).await {
                Ok(transaction) => return Ok(PgTx::new(transaction, self.sessions_are_ours())),
                Err(error) => self.consider(error, attempt).await?,
            }
            attempt += 1;
        }
    }

    async fn begin_once(&self, begin: &Arc<str>) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let connection = self.shared.pool.acquire().await?;
        let begin = AssertSqlSafe(Arc::clone(begin)).into_sql_str();
        let result = to_its_end(Transaction::begin(connection, Some(begin))).await;
        // Of a session that does not even begin a transaction nothing good is known.
        result.inspect_err(|_| self.shared.suspicion.raise())
    }

    /// Runs a read, and again where its connection turns out dead: it has changed nothing.
    async fn read(&self, statement: Statement) -> Result<Vec<ReadStep>, sqlx::Error> {
        let begin = (!self.sessions_are_ours()).then(|| Arc::clone(&self.shared.texts.read));
        let mut attempt = 1;
        loop {
            let statement = statement.clone();
            let read = async {
                let mut connection = self.shared.pool.acquire().await?;
                match begin.clone() {
                    None => run(&mut connection, statement).await,
                    Some(begin) => {
                        to_its_end(async move { run_alone(&mut connection, statement, begin).await }).await
                    }
                }
            };
            match self.patiently(read).await {
                Ok(steps) => return Ok(steps),
                Err(error) => self.consider(error, attempt).await?,
            }
            attempt += 1;
        }
    }

    /// A connection of the pool.
    async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.shared.pool.acquire().await
    }

    /// Whether a session of the server stays ours from one statement to the next.
    pub(crate) fn sessions_are_ours(&self) -> bool {
        self.shared.pooling != Pooling::Transaction
    }

    /// Tells other processes that something was committed. A NOTIFY counts as a transaction, which would wait for
    /// the disk with nothing to keep there; one message, so one transaction.
    pub(crate) async fn notify(&self, channel: &str, payload: &str) -> Result<(), sqlx::Error> {
        let sql = format!(
            "SELECT set_config('synchronous_commit', 'off', true); SELECT pg_notify('{channel}', '{payload}')"
        );
        self.shared
            .pool
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await?;
        Ok(())
    }

    /// The pool of the connection that listens; none where a session does not stay ours.
    pub(crate) fn listening(&self) -> Option<&PgPool> {
        self.sessions_are_ours().then_some(&self.shared.listening)
    }

    pub(crate) async fn close(&self) {
        self.shared.listening.close().await;
        self.shared.pool.close().await;
    }

    /// Whether it makes sense to try that again at once; else the error to answer.
    async fn consider(&self, error: sqlx::Error, attempt: u32) -> Result<(), sqlx::Error> {
        match error {
            sqlx::Error::PoolTimedOut => {
                self.look_for_primary();
                Err(self.diagnose().await)
            }
            error if is_dead(&error) => {
                self.shared.suspicion.raise();
                self.look_for_primary();
                if attempt < ATTEMPTS { Ok(()) } else { Err(error) }
            }
            error => Err(error),
        }
    }

    /// With several hosts: looks for the primary while a connection is slow to come.
    async fn patiently<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        if self.shared.target.hosts.len() < 2 {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        // The work goes on while we look. Idle connections say that the server is there and the work itself is slow.
        loop {
            match timeout(LOOK_AFTER, &mut work).await {
                Ok(result) => return result,
                Err(_) if self.shared.pool.num_idle() == 0 => self.look_for_primary(),
                Err(_) => {}
            }
        }
    }

    /// Looks, in the background and once at a time, for the host that takes writes now, and sends new connections
    /// there. The pool reads where to connect to before each attempt, so those that wait follow.
    fn look_for_primary(&self) {
        if self.shared.target.hosts.len() < 2 || self.shared.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let pg = self.clone();
        tokio::spawn(async move {
            match hosts::choose(&pg.shared.target).await {
                Ok(chosen) => {
                    pg.turn_to(chosen.host);
                    let _ = chosen.connection.close().await;
                }
                Err(error) => tracing::debug!(%error, "no primary yet"),
            }
            tokio::time::sleep(LOOK_AFTER).await;
            pg.shared.looking.store(false, Ordering::Release);
        });
    }

    fn turn_to(&self, host: usize) {
        let Some(connect) = self.shared.target.hosts.get(host) else {
            return;
        };
        if self.shared.host.swap(host, Ordering::AcqRel) == host {
            return;
        }
        self.shared.suspicion.raise();
        for pool in [&self.shared.pool, &self.shared.listening] {
            pool.set_connect_options(connect.clone());
        }
        tracing::warn!(host = url::place(connect), "turned to another PostgreSQL server");
    }

    /// Why no connection came in time. The pool does not tell; one caller at a time connects to see.
    async fn diagnose(&self) -> sqlx::Error {
        let Ok(_permit) = self.shared.diagnosing.try_acquire() else {
            return sqlx::Error::PoolTimedOut;
        };
        match timeout(DIAGNOSIS, hosts::choose(&self.shared.target)).await {
            Ok(Ok(chosen)) => {
                let _ = chosen.connection.close().await;
                sqlx::Error::PoolTimedOut
            }
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::Io(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{}: no answer in time", self.shared.target.places()),
            )),
        }
    }
}

/// Does that even when the caller goes away: the driver loses sight of a BEGIN whose caller is gone, and the next user
/// of its connection would be in that transaction.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::WorkerCrashed),
    }
}

/// What one read gives: rows, and how many a statement touched.
type ReadStep = sqlx::Either<sqlx::postgres::PgQueryResult, sqlx::postgres::PgRow>;
