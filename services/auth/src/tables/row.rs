//! The row of an API key, read column by column: what cannot be read hides nothing of the rest.

use sqlx::FromRow;
use store::{Columns, StoreError, TableRow};

use crate::domain::{ApiKey, DamagedKey, Revocation, StoredKey};

/// The columns of [`ApiKeyRow`].
pub(super) const COLUMNS: &str = "prefix, name, roles, created_us, created_by, expires_us, allowed_names, last_used_us, \
                                  revoked_us, revoked_by, token_sha256";

/// Bytes of a SHA-256.
const SHA256: usize = 32;

/// A row.
pub(super) struct ApiKeyRow {
    /// Its place among keys by creation, if that can be read.
    pub(super) place: Option<(i64, String)>,
    pub(super) key: StoredKey,
}

impl<'r, R: TableRow> FromRow<'r, R> for ApiKeyRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let mut columns = Columns::of(row);
        // Without it no text is that of the key.
        let hash: Vec<u8> = columns.value("token_sha256")?;
        if hash.len() != SHA256 {
            let () = columns.damaged("token_sha256");
        }
        let created_us: Option<i64> = columns.value("created_us")?;
        let text: Option<String> = columns.value("prefix")?;
        let prefix = columns.parsed("prefix", |text| text.parse().ok())?;
        let name = columns.parsed("name", |text| text.parse().ok())?;
        let roles = columns.parsed("roles", |text| serde_json::from_str(text).ok())?;
        let created = columns.time("created_us")?;
        let created_by: Option<String> = columns.value("created_by")?;
        let expires = columns.time("expires_us")?;
        let allowed_names = columns.parsed("allowed_names", |text| serde_json::from_str(text).ok())?;
        let last_used = columns.time("last_used_us")?;
        let revoked = columns.time("revoked_us")?;
        let revoked_by: Option<String> = columns.value("revoked_by")?;
        let revoked = revoked.map(|time| Revocation {
            time,
            by: revoked_by.unwrap_or_default(),
        });
        let read = DamagedKey {
            prefix,
            name,
            roles,
            allowed_names,
            expires,
            revoked,
            damage: columns.damage(),
        };
        let whole = || {
            let read = read.clone();
            Some(ApiKey {
                prefix: read.prefix?,
                name: read.name?,
                roles: read.roles?,
                created: created?,
                created_by: created_by?,
                expires: read.expires,
                allowed_names: read.allowed_names?,
                last_used,
                revoked: read.revoked,
            })
        };
        let sound = if read.damage.is_none() { whole() } else { None };
        Ok(Self {
            place: created_us.zip(text),
            key: sound.map_or(StoredKey::Damaged(read), StoredKey::Sound),
        })
    }
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow) -> Result<Self, StoreError> {
        row.key.whole()
    }
}

/// A row with the SHA-256 of the text of its key.
pub(super) struct HashedRow {
    pub(super) key: StoredKey,
    /// Empty if it cannot be read.
    pub(super) token_sha256: Vec<u8>,
}

impl<'r, R: TableRow> FromRow<'r, R> for HashedRow {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: ApiKeyRow::from_row(row)?.key,
            token_sha256: Columns::of(row).value("token_sha256")?,
        })
    }
}
