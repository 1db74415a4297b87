//! A responder that does nothing yet.

use super::*;

impl World {
    pub(crate) fn idle_replica(&self, config: Config) -> Ocsp {
        let deps = Deps {
            db: self.db.clone(),
            clock: Arc::<MockClock>::clone(&self.clock),
            ca: self
                .to_ca
                .before(in_process(self.responder.ca.service().grpc, "ocsp")),
            keymgr: self
                .to_keymgr
                .before(in_process(self.keymgr.service().grpc, "ocsp")),
            redis: None,
            stop: CancellationToken::new(),
        };
        Ocsp::build(config, deps).unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.databases[0].url().starts_with("sqlite:")
    }
}
