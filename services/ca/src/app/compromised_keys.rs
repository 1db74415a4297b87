//! Keys that are known to be compromised, and those that an earlier version did not record.

use store::StoreError;
use x509::crl::Reason;

use super::App;
use super::revoke::key_of;
use crate::error::Error;
use crate::tables::compromised::{self, AllUnrecorded};

/// Certificates that are read at a time.
const AT_ONCE: u32 = 200;
/// Those that the log names in each round.
const MOST_LOGGED: usize = 20;

/// Keys that cannot be recorded as compromised: they can be certified again.
#[derive(Default)]
pub(crate) struct Unrecordable {
    /// What is wrong with the first of them.
    pub(crate) named: Vec<String>,
    pub(crate) count: usize,
}

impl Unrecordable {
    fn add(&mut self, error: StoreError) -> Result<(), Error> {
        let StoreError::Damaged(problem) = error else {
            return Err(error.into());
        };
        self.count += 1;
        if self.named.len() < MOST_LOGGED {
            self.named.push(problem);
        }
        Ok(())
    }

    fn log(&self) {
        for problem in &self.named {
            tracing::error!(
                problem,
                "the key of a revoked certificate is not recorded as compromised and can be certified again"
            );
        }
        if self.count > self.named.len() {
            tracing::error!(
                keys = self.count,
                "keys of revoked certificates are not recorded as compromised and can be certified again"
            );
        }
    }
}

impl App {
    /// Records the keys of certificates that an earlier version revoked for compromise. Neither a start nor the others wait for
    /// one that cannot be read; each round tries it again, and the log names it.
    pub(crate) async fn record_compromised_keys(&self) -> Result<(), Error> {
        let mut failed = Unrecordable::default();
        let mut all = AllUnrecorded::default();
        loop {
            let found = all.next(&self.db, AT_ONCE).await?;
            if found.is_empty() {
                break;
            }
            let now = self.clock.now();
            for one in found {
                let (reason, certificate) = match one.read {
                    Ok(read) => read,
                    Err(error) => {
                        failed.add(error)?;
                        continue;
                    }
                };
                let mut tx = self.db.begin().await?;
                // ca-compromise was accepted for leaves, whose keys it says nothing about.
                let is_meant = reason == Reason::KeyCompromise || certificate.is_ca();
                match key_of(&certificate).filter(|_| is_meant) {
                    Some(key) => {
                        store::lock::exclusive(&mut tx, vec![compromised::lock(&key)]).await?;
                        compromised::record(&mut tx, &key, one.id, now).await?;
                    }
                    None => compromised::set_recorded(&mut tx, one.id).await?,
                }
                tx.commit().await?;
            }
        }
        failed.log();
        Ok(())
    }

    /// Those that the next round could not record either, among about the first `most` that are not recorded.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn unrecordable_keys(&self, most: usize) -> Result<Unrecordable, Error> {
        let (mut failed, mut read) = (Unrecordable::default(), 0);
        let mut all = AllUnrecorded::default();
        while read < most {
            let found = all.next(&self.db, AT_ONCE).await?;
            if found.is_empty() {
                break;
            }
            read += found.len();
            for error in found.into_iter().filter_map(|one| one.read.err()) {
                failed.add(error)?;
            }
        }
        Ok(failed)
    }

    /// Whether a key is known to be compromised: for issuing, and for who takes keys for accounts and enrollments.
    ///
    /// # Errors
    /// `Common::Store`.
    pub async fn is_compromised(&self, key: &x509::PublicKey) -> Result<bool, Error> {
        let key = key.material_id();
        Ok(compromised::among(&self.db, &[key]).await?.contains(&key))
    }
}
