//! A key manager of its own for each test: a database, a key-encryption key, a clock that does not move.

use std::sync::Arc;

use keymgr::{Backends, Config, Deps, Error, Keymgr, Software};
use kit::clock::MockClock;
use kit::transport::{Transport, in_process};
use proto::keymgr::v1::keymgr_client::KeymgrClient;
use proto::keymgr::v1::{GenerateRequest, Key, Purpose};
use store::Db;
use testkit::credentials::ByRole;
use testkit::database::TestDatabase;
use time::macros::datetime;
use tokio_util::sync::CancellationToken;

/// What outlives a restart.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) config: Config,
}

/// A running key manager.
pub(crate) struct Running {
    pub(crate) keymgr: Keymgr,
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
        let kek_file = database.dir().join("kek");
        keys::KeyEncryptionKey::create_file(&kek_file).unwrap();
        let software = Software {
            kek_file: Some(kek_file),
            passphrase_file: None,
        };
        let config = Config {
            backends: Backends { software },
            ..Config::default()
        };
        Self { database, config }
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
            stop: CancellationToken::new(),
        };
        let keymgr = Keymgr::build(self.config.clone(), deps).await?;
        Ok(Running { keymgr, db })
    }

    pub(crate) async fn database(&self) -> Db {
        self.database.open("keymgr", &keymgr::MIGRATIONS).await.unwrap()
    }
}

impl Running {
    /// What service `caller` sees.
    pub(crate) fn client(&self, caller: &'static str) -> KeymgrClient<Transport> {
        KeymgrClient::new(in_process(self.keymgr.service().grpc, caller))
    }

    pub(crate) async fn generate(&self, name: &str, algorithm: &str, purpose: Purpose) -> Key {
        let maker = match purpose {
            Purpose::OcspSigner => "ocsp",
            Purpose::CertificateAuthority | Purpose::Unspecified => "ca",
        };
        self.client(maker)
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
