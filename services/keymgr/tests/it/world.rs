//! A key manager of its own for each test: a database, a key-encryption key, a clock that stands.

use std::pin::Pin;
use std::sync::Arc;

use keymgr::{Backends, Config, Deps, Error, Keymgr, Software};
use kit::auth::{AuthFault, Authenticator, Caller, roles};
use kit::clock::MockClock;
use kit::transport::{Transport, in_process};
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Key, Purpose};
use store::{Db, Options};
use tempfile::TempDir;
use testkit::postgres::Postgres;
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

/// What outlives a restart.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) url: String,
    pub(crate) config: Config,
}

/// A running key manager.
pub(crate) struct Running {
    pub(crate) keymgr: Keymgr,
    pub(crate) db: Db,
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("keymgr.db").display());
        Self::new(dir, url)
    }

    pub(crate) async fn postgresql() -> Self {
        let url = Postgres::shared().await.unwrap().fresh_database().await.unwrap();
        Self::new(tempfile::tempdir().unwrap(), url)
    }

    pub(crate) fn new(dir: TempDir, url: String) -> Self {
        let kek_file = dir.path().join("kek");
        keys::KeyEncryptionKey::create_file(&kek_file).unwrap();
        let software = Software {
            kek_file: Some(kek_file),
            passphrase_file: None,
        };
        let config = Config {
            backends: Backends { software },
            ..Config::default()
        };
        Self { dir, url, config }
    }

    pub(crate) async fn start(&self) -> Running {
        self.try_start().await.unwrap()
    }

    pub(crate) async fn try_start(&self) -> Result<Running, Error> {
        let db = self.database().await;
        let deps = Deps {
            db: db.clone(),
            clock: Arc::new(MockClock::new(datetime!(2027-01-02 03:04:05.678901 UTC))),
            authenticator: Arc::new(ByRole),
        };
        let keymgr = Keymgr::build(self.config.clone(), deps).await?;
        Ok(Running { keymgr, db })
    }

    pub(crate) async fn database(&self) -> Db {
        let db = Db::open(&self.url, "keymgr", unsafe_options()).await.unwrap();
        db.migrate(&keymgr::MIGRATIONS).await.unwrap();
        db
    }
}

impl Running {
    /// What service `caller` sees.
    pub(crate) fn client(&self, caller: &'static str) -> KeymgrClient<Transport> {
        KeymgrClient::new(in_process(self.keymgr.service().grpc, caller))
    }

    pub(crate) async fn generate(&self, name: &str, algorithm: &str, purpose: Purpose) -> Key {
        self.client("ca")
            .generate(request(name, algorithm, purpose))
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) async fn stop(self) {
        self.db.close().await;
    }
}

pub(crate) fn request(name: &str, algorithm: &str, purpose: Purpose) -> GenerateRequest {
    GenerateRequest {
        name: name.to_owned(),
        algorithm: algorithm.to_owned(),
        purpose: purpose.into(),
    }
}

/// A credential is the name of a role.
struct ByRole;

impl Authenticator for ByRole {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Caller, AuthFault>> + Send + 'a>> {
        Box::pin(async move {
            let permissions = roles::permissions_of(token).ok_or(AuthFault::Invalid)?;
            Ok(Caller {
                allowed_names: Vec::new(),
                subject: format!("test:{token}"),
                roles: vec![token.to_owned()],
                permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
                expires: None,
            })
        })
    }
}

/// The servers of tests do without `fsync`, for speed.
fn unsafe_options() -> Options {
    Options {
        allow_unsafe: true,
        ..Options::default()
    }
}
