//! What a server is asked before it is used: what would lose data, or make queries mean something else, is refused in
//! words, with the way out.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};
use vocabulary::service;

use crate::{Options, StoreError};

/// Oldest version that works: numbers of transactions are `xid8` since.
const OLDEST: u32 = 130_000;

/// What a server says of itself.
pub(super) struct Facts {
    pub(super) version: u32,
    synchronous_commit: String,
    fsync: bool,
    full_page_writes: bool,
    encoding: String,
    standby: bool,
    replication_role: String,
    /// Connections that an ordinary role may have open in all.
    connections: u32,
    role: String,
    database: String,
    /// Whether the role may make schemas.
    may_create: bool,
    schema: Schema,
}

struct Schema {
    exists: bool,
    usable: bool,
}

/// As text, because the simple protocol gives text, and nothing has to be prepared behind a pooler.
const ASK: &str = "SELECT current_setting('server_version_num'), current_setting('synchronous_commit'), \
    current_setting('fsync'), current_setting('full_page_writes'), \
    (SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()), \
    pg_is_in_recovery()::text, current_setting('session_replication_role'), \
    (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
        - coalesce(current_setting('reserved_connections', true)::int, 0))::text, \
    current_user::text, current_database()::text, has_database_privilege(current_database(), 'CREATE')::text";

pub(super) async fn facts(connection: &mut PgConnection, schema: &str) -> Result<Facts, sqlx::Error> {
    let sql = format!(
        "{ASK}, (SELECT has_schema_privilege(oid, 'USAGE')::text FROM pg_namespace WHERE nspname = '{schema}')"
    );
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    let flag = |at| text(&row, at).map(|value| matches!(value.as_str(), "on" | "true"));
    let number = |at| Ok::<u32, sqlx::Error>(text(&row, at)?.parse().unwrap_or_default());
    let usable: Option<String> = row.try_get(11)?;
    Ok(Facts {
        version: number(0)?,
        synchronous_commit: text(&row, 1)?,
        fsync: flag(2)?,
        full_page_writes: flag(3)?,
        encoding: text(&row, 4)?,
        standby: flag(5)?,
        replication_role: text(&row, 6)?,
        connections: number(7)?,
        role: text(&row, 8)?,
        database: text(&row, 9)?,
        may_create: flag(10)?,
        schema: Schema {
            exists: usable.is_some(),
            usable: usable.as_deref() == Some("true"),
        },
    })
}

fn text(row: &PgRow, at: usize) -> Result<String, sqlx::Error> {
    row.try_get(at)
}

impl Facts {
    /// `synchronous_commit` for our sessions: never less than `on`; more, where the server is set to more.
    pub(super) fn commit(&self) -> &'static str {
        match self.synchronous_commit.as_str() {
            "remote_apply" => "remote_apply",
            _ => "on",
        }
    }

    /// Connections that one service of one process takes unless it is told a number, beside the one that it listens on: what
    /// the server has for ordinary roles is shared by all services and whatever else connects, such as psql.
    pub(super) fn share(&self) -> u32 {
        let shares =
            u32::try_from(service::ALL.len()).map_or(u32::MAX, |services| services.saturating_add(1));
        (self.connections / shares)
            .saturating_sub(1)
            .max(super::FEWEST_CONNECTIONS)
    }

    /// Refuses a server that cannot keep what it is given, or not under that name.
    pub(super) fn judge(&self, schema: &str, options: &Options) -> Result<(), StoreError> {
        let Self { role, database, .. } = self;
        let reason = if self.version < OLDEST {
            format!("PostgreSQL {} is too old: use 13 or later", self.version / 10_000)
        } else if self.standby {
            "the server is a standby and takes no writes: name the primary, or all hosts, host1,host2, with \
             target_session_attrs=read-write"
                .to_owned()
        } else if self.encoding != "UTF8" {
            format!(
                "database {database:?} has the encoding {}, which cannot hold every name: make one with CREATE DATABASE \
                 … ENCODING 'UTF8' TEMPLATE template0",
                self.encoding
            )
        } else if self.replication_role != "origin" {
            format!(
                "session_replication_role of role {role:?} is {}, which turns foreign keys off: ALTER ROLE {role:?} \
                 RESET session_replication_role",
                self.replication_role
            )
        } else if !self.schema.exists && !self.may_create {
            format!(
                "there is no schema {schema:?} in database {database:?}, and role {role:?} may not make it: as an \
                 administrator run CREATE SCHEMA {schema} AUTHORIZATION {role:?}, or GRANT CREATE ON DATABASE \
                 {database:?} TO {role:?}"
            )
        } else if self.schema.exists && !self.schema.usable {
            let rights = match options.migrates {
                true => "USAGE, CREATE",
                false => "USAGE",
            };
            format!(
                "role {role:?} may not use schema {schema:?}: as its owner run GRANT {rights} ON SCHEMA {schema} TO {role:?}"
            )
        } else {
            return self.judge_durability(options);
        };
        Err(StoreError::Configuration(reason))
    }

    fn judge_durability(&self, options: &Options) -> Result<(), StoreError> {
        let (off, why) = match (self.fsync, self.full_page_writes) {
            (true, true) => return Ok(()),
            (false, _) => (
                "fsync",
                "a crash of the machine loses or corrupts certificates that were handed out",
            ),
            (true, false) => (
                "full_page_writes",
                "a crash of the machine can leave torn pages, unless its file system writes pages whole as ZFS does",
            ),
        };
        if options.allow_unsafe {
            tracing::warn!("{off} is off on the PostgreSQL server: {why}");
            return Ok(());
        }
        Err(StoreError::Configuration(format!(
            "{off} is off on the PostgreSQL server: {why}; turn it on with ALTER SYSTEM SET {off} = on and SELECT \
             pg_reload_conf(), or, where that may happen, set database.allow_unsafe: true"
        )))
    }
}
