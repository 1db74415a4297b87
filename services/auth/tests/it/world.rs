//! An auth service of its own for each test: a database, and a clock that moves when it is told to.

use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, Config, CreateRequest, Created, Deps, MIGRATIONS};
use kit::auth::{Caller, roles};
use kit::clock::MockClock;
use kit::dry_run::Commit;
use kit::transport::{Transport, in_process};
use secrecy::ExposeSecret;
use store::Db;
use testkit::credentials::with_role;
use testkit::database::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio_util::sync::CancellationToken;

/// Where all clocks start.
pub(crate) const START: OffsetDateTime = datetime!(2027-01-02 03:04:05.678901 UTC);

/// What outlives a restart.
pub(crate) struct World {
    database: TestDatabase,
    pub(crate) clock: Arc<MockClock>,
}

/// A running service.
pub(crate) struct Running {
    pub(crate) auth: Auth,
    pub(crate) db: Db,
}

impl World {
    pub(crate) fn sqlite() -> Self {
        Self::new(TestDatabase::sqlite().unwrap())
    }

    pub(crate) async fn on(database: TestDatabase) -> Self {
        Self::new(database)
    }

    fn new(database: TestDatabase) -> Self {
        Self {
            database,
            clock: Arc::new(MockClock::new(START)),
        }
    }

    pub(crate) async fn start(&self) -> Running {
        let db = self.database.open("auth", &MIGRATIONS).await.unwrap();
        let clock = Arc::<MockClock>::clone(&self.clock);
        let auth = Auth::build(
            Config::default(),
            Deps {
                db: db.clone(),
                clock,
                revocations: kit::auth::Epoch::default(),
                stop: CancellationToken::new(),
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

    /// Makes a key with these roles, as a caller who may do everything.
    pub(crate) async fn key(&self, roles: &[&str], validity: Option<Duration>) -> Created {
        let request = CreateRequest {
            name: "test".parse().unwrap(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            validity,
            allowed_names: Vec::new(),
            requester: caller_with(roles::ROOT_ADMIN),
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

/// A caller with that role.
pub(crate) fn caller_with(role: &str) -> Caller {
    with_role(role).unwrap()
}

/// The text of a key.
pub(crate) fn text(created: &Created) -> &str {
    created.token.text().expose_secret()
}
