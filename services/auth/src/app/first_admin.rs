//! Make the first admin's API key.
//!
//! Order: the row, inside a transaction; the file; the commit. A process that dies before the commit leaves a file
//! that opens nothing, which the next start overwrites; one that dies after it has both. Of several processes that
//! start at once one inserts, because they all use the same request key.

use secrecy::SecretString;
use store::time::{from_micros, to_micros};
use store::{IdempotencyClaim, StoreError, outbox};
use x509::digest::sha256;

use super::App;
use super::create::created;
use crate::domain::{ApiKey, Token};
use crate::error::Error;
use crate::tables;

/// Puts an API key where its owner finds it.
///
/// It runs before the key becomes valid: a process that dies between the two leaves a useless file, which the next start
/// overwrites, and never a key that is lost at once.
pub type KeepToken = Box<dyn FnOnce(&SecretString) -> std::io::Result<()> + Send>;

/// Who makes it: the installation.
const MAKER: &str = "gigvault";

/// When no key is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unless {
    /// Where a usable key may make keys. One that comes from a key that has ended is not usable.
    ThereIsOne,
    /// It is made in any case.
    Never,
}

impl App {
    /// Whether a key was made. Where a usable key may make keys, nothing happens.
    pub(crate) async fn ensure_first_admin(&self, keep: KeepToken) -> Result<bool, Error> {
        self.make_admin(Unless::ThereIsOne, keep).await
    }

    /// Makes another admin's key where one was made before, and says whether it did.
    pub(crate) async fn replace_first_admin(&self, keep: KeepToken) -> Result<bool, Error> {
        if tables::count_made_by(&self.db, MAKER).await? == 0 {
            return Err(Error::NoAdmin);
        }
        self.make_admin(Unless::Never, keep).await
    }

    async fn make_admin(&self, unless: Unless, keep: KeepToken) -> Result<bool, Error> {
        // Before the look for an admin: whoever makes one in between takes this round, and the insert finds it taken.
        let round = self.round().await?;
        let mut tx = self.db.begin().await?;
        let now = from_micros(to_micros(self.clock.now()))?;
        let admin = tables::latest_admin(&mut tx).await?;
        if unless == Unless::ThereIsOne && admin.is_some_and(|end| !end.is_over(now)) {
            return Ok(false);
        }
        let token = Token::generate()?;
        let key = ApiKey {
            prefix: token.prefix().clone(),
            name: "first admin".parse()?,
            roles: vec![kit::auth::roles::ROOT_ADMIN.to_owned()],
            created: now,
            created_by: MAKER.to_owned(),
            expires: None,
            allowed_names: Vec::new(),
            last_used: None,
            revoked: None,
        };
        let claim = IdempotencyClaim {
            key: round,
            request: [0; 32],
        };
        match tables::insert(&mut tx, &key, &token.sha256(), Some(claim)).await {
            Ok(()) => {}
            Err(error @ StoreError::Conflict { .. }) => {
                tracing::info!(cause = %error, "another process makes the first admin's key");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        outbox::append(&mut tx, &[created(&key)], now).await?;
        keep(token.text()).map_err(Error::Keep)?;
        tx.commit().await?;
        tracing::info!(prefix = %key.prefix, "first admin's API key made");
        Ok(true)
    }

    /// The same for all who find the same keys: a later round follows once all admins' keys have expired.
    async fn round(&self) -> Result<[u8; 32], StoreError> {
        let earlier = tables::count_made_by(&self.db, MAKER).await?;
        Ok(sha256(format!("first admin {earlier}").as_bytes()))
    }
}
