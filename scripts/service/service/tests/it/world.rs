//! A service of its own for each test, with a database.

use std::sync::Arc;

use kit::transport::{Transport, in_process};
use proto::sample::v1::sample_client::SampleClient;
use sample::{Config, Deps, MIGRATIONS, Sample};
use store::Db;
use testkit::credentials::ByRole;
use testkit::database::TestDatabase;
use tokio_util::sync::CancellationToken;

/// A running service.
pub(crate) struct World {
    sample: Sample,
    db: Db,
    _database: TestDatabase,
}

impl World {
    pub(crate) async fn on(database: TestDatabase) -> Self {
        let db = database.open("sample", &MIGRATIONS).await.unwrap();
        let deps = Deps {
            db: db.clone(),
            authenticator: Arc::new(ByRole),
            stop: CancellationToken::new(),
        };
        Self {
            sample: Sample::build(&Config::default(), deps).unwrap(),
            db,
            _database: database,
        }
    }

    /// What service `caller` sees.
    pub(crate) fn client(&self, caller: &'static str) -> SampleClient<Transport> {
        SampleClient::new(in_process(self.sample.service().grpc, caller))
    }

    pub(crate) async fn add(&self, name: &str) {
        let mut tx = self.db.begin().await.unwrap();
        store::tx!(&mut tx, |c| {
            let insert = sqlx::query("INSERT INTO items (name, created_us) VALUES ($1, 0)");
            insert.bind(name).execute(c).await.map(drop)
        })
        .unwrap();
        tx.commit().await.unwrap();
    }
}
