//! The key manager, and what operators do to databases behind the backs of services.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keymgr::{Backends, Keymgr, Software};
use kit::clock::MockClock;
use kit::transport::in_process;
use store::feed::{Cursor, Feed};
use testkit::credentials::ByRole;
use testkit::database::TestDatabase;
use tokio_util::sync::CancellationToken;
use vocabulary::EventType;
use x509::Certificate;

use super::{World, eventually};

impl World {
    /// Changes the row of a certificate in the database of ca, once the feed has all that was told of the certificate: on a shared
    /// server, a transaction of another test may hold that back, and a follower would then be told after its snapshot.
    pub(crate) async fn damage(&self, certificate: &Certificate, change: &str) {
        let feed = Feed::new(self.ca_db.clone(), Duration::from_secs(1));
        let subject = certificate.serial().to_string();
        eventually("the feed has the revocation", async || {
            let events = feed.after(Cursor::START, 1000).await.unwrap();
            let mut of_certificate = events.iter().filter(|event| event.subject == subject);
            of_certificate.any(|event| event.kind == EventType::CertificateRevoked.name())
        })
        .await;
        let serial = certificate.serial().proper().unwrap();
        let sql = format!("UPDATE certificates SET {change} WHERE serial = $1");
        let mut tx = self.ca_db.begin().await.unwrap();
        let damaged = store::tx!(&mut tx, |c| sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(serial.as_bytes())
            .execute(c)
            .await
            .map(drop));
        damaged.unwrap();
        tx.commit().await.unwrap();
    }

    /// What an operator did to the database of the key manager, which then has no key in memory.
    pub(crate) async fn restart_keymgr(&self, sql: Option<&'static str>, ca_keys_sign_ocsp: bool) {
        let database = &self.databases[2];
        if let Some(sql) = sql {
            let db = database.open("keymgr", &keymgr::MIGRATIONS).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            store::tx!(&mut tx, |c| sqlx::query(sql).execute(c).await.map(drop)).unwrap();
            tx.commit().await.unwrap();
        }
        let keymgr = key_manager(database, &self.clock, ca_keys_sign_ocsp).await;
        self.to_keymgr.lead_to(in_process(keymgr.service().grpc, "ocsp"));
    }
}

pub(super) fn kek_file(database: &TestDatabase) -> PathBuf {
    database.dir().join("kek")
}

pub(super) async fn key_manager(
    database: &TestDatabase,
    clock: &Arc<MockClock>,
    ca_keys_sign_ocsp: bool,
) -> Keymgr {
    let software = Software {
        kek_file: Some(kek_file(database)),
        passphrase_file: None,
    };
    let config = keymgr::Config {
        backends: Backends { software },
        ca_keys_sign_ocsp,
        ..keymgr::Config::default()
    };
    let deps = keymgr::Deps {
        db: database.open("keymgr", &keymgr::MIGRATIONS).await.unwrap(),
        clock: Arc::<MockClock>::clone(clock),
        authenticator: Arc::new(ByRole),
        stop: CancellationToken::new(),
    };
    Keymgr::build(config, deps).await.unwrap()
}
