//! Durable state of a service, on PostgreSQL or SQLite.
//!
//! A service writes each query once. [`Db`] hides which database runs it behind two macros, [`read!`] and
//! [`tx!`], which expand the same body for both drivers; what only one database can do is behind a function
//! of this crate with its equivalent for the other. Around that are the parts every service needs: migrations
//! that several replicas may run at once, the [`outbox`] with its ordered change [`feed`], [`bulk`] inserts,
//! time-ordered [`id`]s and [`StoreError`], which says what a caller can do about a failure.
//!
//! The README of this crate tells a service author what to write.

pub mod bulk;
mod columns;
mod damage;
mod db;
mod error;
pub mod feed;
mod high_water;
pub mod id;
mod idempotency;
mod installation;
pub mod jobs;
mod keys;
pub mod lease;
pub mod lock;
mod macros;
mod migrate;
pub mod outbox;
mod postgres;
mod probe;
mod secret;
mod signal;
mod sqlite;
pub mod time;
mod tx;

pub use columns::{ColumnValue, Columns, TableRow};
pub use damage::{Damage, Rows};
#[doc(hidden)]
pub use db::Pools;
pub use db::{Db, Options, Pooling, check_url, place_of_url};
pub use error::{Cause, StoreError};
pub use high_water::{HIGHEST_MARK, Head};
pub use idempotency::IdempotencyClaim;
pub use installation::Installation;
pub use keys::KeyList;
#[doc(hidden)]
pub use postgres::{Pg, PgTx};
pub use tx::Tx;
#[doc(hidden)]
pub use tx::TxKind;
