//! What tests of several crates need: real servers in temporary folders, started on free ports and gone with
//! their owner. For development only; nothing here is part of a release.
#![expect(
    clippy::disallowed_methods,
    reason = "files of tests need not survive a crash"
)]

pub mod allow;
pub mod credentials;
pub mod database;
pub mod fleet;
pub mod hostile;
pub mod judges;
pub mod logs;
pub mod pgbouncer;
pub mod port;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod system;

pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use redis::Redis;
