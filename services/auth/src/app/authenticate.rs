//! Say whose a credential is.
//!
//! A credential that no key looks like is refused at once: that says nothing about any key. A wrong secret and an unknown
//! prefix cost the same: one row looked up by prefix and one comparison in constant time.

use aws_lc_rs::constant_time;
use vocabulary::metric;

use super::App;
use crate::domain::{ApiKey, Status, Token};
use crate::error::Error;
use crate::tables;

/// Compared with where there is no row; the SHA-256 of no text that is known.
const NOBODY: [u8; 32] = [0; 32];

impl App {
    /// The key that this credential is; one refusal for all that are not usable.
    ///
    /// # Errors
    /// [`Error::BadCredential`] for all that are not usable; `Common::Store`.
    pub async fn authenticate(&self, credential: &str) -> Result<ApiKey, Error> {
        let result = self.judge(credential).await;
        let label = match &result {
            Ok(_) => "accepted",
            Err(Error::BadCredential) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!(metric::AUTHENTICATIONS_TOTAL, "result" => label).increment(1);
        result
    }

    async fn judge(&self, credential: &str) -> Result<ApiKey, Error> {
        let token = Token::parse(credential).ok_or(Error::BadCredential)?;
        let row = tables::find_with_hash(&self.db, token.prefix()).await?;
        let stored = row
            .as_ref()
            .map_or(NOBODY.as_slice(), |(_, hash)| hash.as_slice());
        let same = constant_time::verify_slices_are_equal(stored, &token.sha256()).is_ok();
        let now = self.clock.now();
        let usable = row.filter(|(key, _)| same && key.status(now) == Status::Active);
        let (key, _) = usable.ok_or(Error::BadCredential)?;
        // Only who has the secret is told that something cannot be read.
        let mut key = key.whole()?;
        // A key ends with its maker at the latest, also one that was made when that was not checked.
        if key.maker().is_some() {
            key.expires = tables::line_end(&self.db, &key.prefix).await?.time();
        }
        if key.status(now) != Status::Active {
            return Err(Error::BadCredential);
        }
        self.last_used.note(&key, now);
        Ok(key)
    }
}
