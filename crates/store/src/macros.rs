//! The two macros that run one query text on either database.
//!
//! Both bind `$c` to something that sqlx takes as an executor, once per driver, so the body must be valid for
//! both: `$1` placeholders, types that exist on both, no driver-specific type names. A body may `.await` and
//! may use `?`.

/// Runs a read outside a transaction: `read!(db, |c| sqlx::query_as("SELECT …").fetch_all(c).await)`.
///
/// `$c` may be used more than once. What runs on it can only read: it is the read-only pool on SQLite, and a session
/// that is read-only outside of transactions on PostgreSQL.
#[macro_export]
macro_rules! read {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db.pools() {
            $crate::Pools::Pg($c) => $body,
            $crate::Pools::Lite { read: $c, .. } => $body,
        }
    };
}

/// Runs a statement inside a transaction: `tx!(tx, |c| sqlx::query("INSERT …").execute(c).await?.rows_affected())`.
///
/// The body must have one type for both drivers, so what `execute` returns ends in `.rows_affected()`.
///
/// `tx` is a [`Tx`](crate::Tx) or `&mut Tx`; `$c` is the connection. To run several statements in one body write
/// `&mut *c`.
#[macro_export]
macro_rules! tx {
    ($tx:expr, |$c:ident| $body:expr) => {
        match $tx.kind() {
            $crate::TxKind::Pg(transaction) => {
                let $c = &mut *transaction;
                $body
            }
            $crate::TxKind::Lite(transaction) => {
                let $c = &mut **transaction;
                $body
            }
        }
    };
}
