//! A secret that the replicas of a service share: what one of them writes under it, the others recognize.

use aws_lc_rs::rand;

use crate::{Db, StoreError, Tx};

/// Bytes of the secret: the size of a key for HMAC-SHA256.
const LENGTH: usize = 32;

impl Db {
    /// The secret, drawn at random when the database was first migrated. Whoever can read the database can read it: it
    /// proves where something comes from, and opens nothing by itself.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] in a database without one; [`StoreError::Unavailable`].
    pub async fn secret(&self) -> Result<[u8; LENGTH], StoreError> {
        if let Some(secret) = self.known_secret().get() {
            return Ok(*secret);
        }
        let found: Option<Vec<u8>> = crate::read!(self, |c| sqlx::query_scalar("SELECT secret FROM secret")
            .fetch_optional(c)
            .await)?;
        let secret = found
            .and_then(|secret| <[u8; LENGTH]>::try_from(secret).ok())
            .ok_or_else(|| StoreError::Corrupt(format!("the secret of {}", self.schema())))?;
        Ok(*self.known_secret().get_or_init(|| secret))
    }
}

/// Draws the secret if there is none: part of every migration.
pub(crate) async fn ensure(tx: &mut Tx) -> Result<(), StoreError> {
    let mut secret = [0; LENGTH];
    rand::fill(&mut secret)
        .map_err(|_| StoreError::Configuration("the system has no random bytes to give".to_owned()))?;
    crate::tx!(tx, |c| sqlx::query(
        "INSERT INTO secret (only_row, secret) VALUES (1, $1) ON CONFLICT (only_row) DO NOTHING"
    )
    .bind(secret.as_slice())
    .execute(c)
    .await?
    .rows_affected());
    Ok(())
}
