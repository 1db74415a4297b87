//! The services of a test, as processes have them.

use std::sync::Arc;
use std::time::Duration;

use ca::Ca;
use keymgr::{Backends, Keymgr, Software};
use kit::clock::MockClock;
use kit::transport::Transport;
use store::Db;
use testkit::credentials::ByRole;
use testkit::database::TestDatabase;
use tokio_util::sync::CancellationToken;

use super::World;

pub(super) async fn key_manager(database: &TestDatabase, db: Db, clock: Arc<MockClock>) -> Keymgr {
    let kek_file = database.dir().join("kek");
    keys::KeyEncryptionKey::create_file(&kek_file).unwrap();
    let software = Software {
        kek_file: Some(kek_file),
        passphrase_file: None,
    };
    let config = keymgr::Config {
        backends: Backends { software },
        ..keymgr::Config::default()
    };
    let deps = keymgr::Deps {
        db,
        clock,
        authenticator: Arc::new(ByRole),
        stop: CancellationToken::new(),
    };
    Keymgr::build(config, deps).await.unwrap()
}

/// As the service has it: events of the types that it declares can be appended.
pub(super) async fn handle(database: &TestDatabase) -> Db {
    let db = database.open("ca", &ca::MIGRATIONS).await.unwrap();
    db.declaring(ca::EVENTS)
}

pub(super) async fn build(
    db: &Db,
    keymgr: Transport,
    clock: &Arc<MockClock>,
    stop: &CancellationToken,
    settings: ca::Config,
) -> Ca {
    Ca::build(settings, deps(db, keymgr, clock, stop)).await.unwrap()
}

fn deps(db: &Db, keymgr: Transport, clock: &Arc<MockClock>, stop: &CancellationToken) -> ca::Deps {
    ca::Deps {
        db: db.clone(),
        clock: Arc::<MockClock>::clone(clock),
        keymgr,
        crl: kit::transport::pending("no crl runs beside it".to_owned()).0,
        ocsp: kit::transport::pending("no ocsp runs beside it".to_owned()).0,
        authenticator: Arc::new(ByRole),
        public_http_url: "http://pki.example.test".to_owned(),
        stop: stop.clone(),
        trust_domain: "example.test".to_owned(),
        identity_validity: None,
        api_names: vec!["dns:api.example.test".parse().unwrap()],
    }
}

impl World {
    /// Another process on the same database, in which `identity.validity` says that.
    pub(crate) async fn with_identities_of(&self, validity: Duration) -> Ca {
        let deps = ca::Deps {
            identity_validity: Some(validity),
            ..deps(
                &self.another_handle().await,
                self.keymgr.clone(),
                &self.clock,
                &self.stop,
            )
        };
        Ca::build(ca::Config::default(), deps).await.unwrap()
    }
}
