//! Lists of issuers whose keys are elsewhere. They are published lists like others, of issuers without the name of a key.

use store::time::to_micros;
use store::{StoreError, Tx};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::Scope;
use crate::domain::import::Acceptable;

/// Octets that are stored at a time.
const PIECE: usize = 256 * 1024;
/// Name of the lock; the service has no other.
const LOCK: i32 = 1;

/// One import at a time: each rests on the list that is out.
pub(crate) async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    store::lock::exclusive(tx, vec![LOCK]).await
}

/// Stores the octets as those of other lists are: what is before the TBSCertList, that in pieces, and what is behind it.
pub(crate) async fn put_pieces(tx: &mut Tx, list: Uuid, read: &Acceptable) -> Result<(), StoreError> {
    let sql = "INSERT INTO pieces (publication, ordinal, content) VALUES ($1, $2, $3)";
    let part = |range| read.list.der().get(range).unwrap_or_default();
    let first = part(0..read.before_tbs);
    let last = part(read.after_tbs..read.list.der().len());
    let middle = part(read.before_tbs..read.after_tbs).chunks(PIECE);
    let all = std::iter::once(first).chain(middle).chain([last]);
    for (ordinal, piece) in (0_i64..).zip(all) {
        store::tx!(tx, |c| sqlx::query(sql)
            .bind(list)
            .bind(ordinal)
            .bind(piece)
            .execute(c)
            .await?
            .rows_affected());
    }
    Ok(())
}

/// Removes lists that were replaced before that time; their octets go with them.
pub(crate) async fn prune(tx: &mut Tx, scope: &Scope, before: OffsetDateTime) -> Result<(), StoreError> {
    let sql = "DELETE FROM publications WHERE issuer = $1 AND shard = $2 AND replaced_us < $3";
    store::tx!(tx, |c| sqlx::query(sql)
        .bind(scope.issuer.as_str())
        .bind(i64::from(scope.shard))
        .bind(to_micros(before))
        .execute(c)
        .await?
        .rows_affected());
    Ok(())
}
