//! An auth service of its own for each test: a database, and a clock that stands until it is moved.

use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, Config, CreateRequest, Created, Deps, MIGRATIONS};
use kit::auth::{Caller, roles};
use kit::clock::MockClock;
use kit::dry_run::Commit;
use kit::transport::{Transport, in_process};
use secrecy::ExposeSecret;
use store::{Db, Options};
use tempfile::TempDir;
use testkit::postgres::Postgres;
use time::OffsetDateTime;
use time::macros::datetime;

/// Runs `async fn name(world: World)` on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::world::World;

            #[tokio::test]
            async fn on_sqlite() {
                super::$name(World::sqlite()).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                super::$name(World::postgresql().await).await;
            }
        }
    )+};
}
pub(crate) use on_both_databases;

/// Where all clocks start.
pub(crate) const START: OffsetDateTime = datetime!(2027-01-02 03:04:05.678901 UTC);

/// What outlives a restart.
pub(crate) struct World {
    _dir: TempDir,
    url: String,
    pub(crate) clock: Arc<MockClock>,
}

/// A running service.
pub(crate) struct Running {
    pub(crate) auth: Auth,
    pub(crate) db: Db,
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("auth.db").display());
        Self::new(dir, url)
    }

    pub(crate) async fn postgresql() -> Self {
        let url = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
        Self::new(tempfile::tempdir().unwrap(), url)
    }

    pub(crate) fn new(dir: TempDir, url: String) -> Self {
        Self {
            _dir: dir,
            url,
            clock: Arc::new(MockClock::new(START)),
        }
    }

    pub(crate) async fn start(&self) -> Running {
        let db = Db::open(&self.url, "auth", unsafe_options()).await.unwrap();
        db.migrate(&MIGRATIONS).await.unwrap();
        let clock = Arc::<MockClock>::clone(&self.clock);
        let auth = Auth::build(
            Config::default(),
            Deps {
                db: db.clone(),
                clock,
                revocations: kit::auth::Epoch::default(),
            },
        )
        .unwrap();
        Running { auth, db }
    }
}

impl Running {
    /// The way that service `caller` has to this one.
    pub(crate) fn transport(&self, caller: &'static str) -> Transport {
        in_process(self.auth.service().grpc, caller)
    }

    /// Makes a key with these roles, as somebody who may do everything.
    pub(crate) async fn key(&self, roles: &[&str], validity: Option<Duration>) -> Created {
        let request = CreateRequest {
            name: "test".parse().unwrap(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            validity,
            allowed_names: Vec::new(),
            requester: somebody(roles::ROOT_ADMIN),
            idempotency_key: None,
        };
        self.auth.app().create(request, &Commit).await.unwrap()
    }

    /// Kind, subject and data of all events, in order.
    pub(crate) async fn events(&self) -> Vec<(String, String, serde_json::Value)> {
        let sql = "SELECT kind, subject, data FROM outbox ORDER BY tx, ordinal";
        let rows: Vec<(String, String, String)> =
            store::read!(self.db, |c| sqlx::query_as(sql).fetch_all(c).await).unwrap();
        rows.into_iter()
            .map(|(kind, about, data)| (kind, about, serde_json::from_str(&data).unwrap()))
            .collect()
    }
}

/// Somebody with that role.
pub(crate) fn somebody(role: &str) -> Caller {
    Caller {
        allowed_names: Vec::new(),
        subject: format!("test:{role}"),
        roles: vec![role.to_owned()],
        permissions: roles::permissions_of(role)
            .unwrap()
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        expires: None,
    }
}

/// The text of a key.
pub(crate) fn text(created: &Created) -> &str {
    created.token.text().expose_secret()
}

/// The servers of tests do without `fsync`, for speed.
fn unsafe_options() -> Options {
    Options {
        allow_unsafe: true,
        ..Options::default()
    }
}
