//! What a session is set to, whatever defaults the server, the database or the role have.
//!
//! Where a session is ours alone it is set once, when it is opened. Behind a pooler that hands a server's session to
//! another client after each transaction nothing stays, so every transaction brings its settings along, in the same
//! message as its BEGIN. Not in the startup message: PgBouncer refuses the parameter `options` there.

use std::fmt::Write as _;
use std::sync::Arc;

use super::check::Facts;

/// Settings of a server with this version, as `name`, `value`.
///
/// - `search_path`: one schema and no other, as names in queries are not qualified.
/// - `synchronous_commit`: what is acknowledged is on disk, and on the synchronous standby where there is one.
/// - time limits: a transaction that is left open holds back the change feed of every service on that server, so none
///   may idle; a statement that runs this long has lost its caller.
/// - the rest: how texts are read and results written, so that a query means the same everywhere.
fn settings(schema: &str, facts: &Facts) -> Vec<(&'static str, String)> {
    let fixed = [
        ("lock_timeout", "10s"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("standard_conforming_strings", "on"),
        ("bytea_output", "hex"),
        ("row_security", "on"),
        ("transform_null_equals", "off"),
    ];
    let mut settings = vec![
        ("search_path", format!("\"{schema}\"")),
        ("synchronous_commit", format!("'{}'", facts.commit())),
    ];
    settings.extend(fixed.map(|(name, value)| (name, format!("'{value}'"))));
    if facts.version >= 170_000 {
        settings.push(("transaction_timeout", "0".to_owned()));
    }
    settings
}

/// Where rows go, and when they are durable.
const VITAL: [&str; 2] = ["search_path", "synchronous_commit"];

/// The texts that open sessions and transactions.
pub(super) struct Texts {
    /// For a session that is ours alone: sets it, and asks whether the server is a standby.
    pub(super) session: Arc<str>,
    /// Begins a transaction that may write.
    pub(super) write: Arc<str>,
    /// Begins one that only reads.
    pub(super) read: Arc<str>,
    /// Begins one that only reads, all of it in the state in which its first statement found the database.
    pub(super) snapshot: Arc<str>,
}

impl Texts {
    /// `ours`: whether a session stays ours from one transaction to the next.
    pub(super) fn new(schema: &str, facts: &Facts, ours: bool) -> Self {
        let mut session = String::new();
        let mut local = String::new();
        for (name, value) in settings(schema, facts) {
            // to a String this cannot fail
            let _ = write!(session, "SET {name} = {value}; ");
            let _ = write!(local, "; SET LOCAL {name} = {value}");
        }
        // Statements outside of transactions are reads (`read!`), which may be repeated after a lost connection.
        session.push_str(
            "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = on; \
             SET default_transaction_deferrable = off; SELECT pg_catalog.pg_is_in_recovery()::text",
        );
        if ours {
            // What must not go wrong even if the session is not ours after all.
            local = settings(schema, facts)
                .iter()
                .filter(|(name, _)| VITAL.contains(name))
                .fold(String::new(), |text, (name, value)| {
                    format!("{text}; SET LOCAL {name} = {value}")
                });
        }
        let begin = |mode: &str| format!("BEGIN ISOLATION LEVEL {mode} NOT DEFERRABLE{local}").into();
        Self {
            session: session.into(),
            write: begin("READ COMMITTED READ WRITE"),
            read: begin("READ COMMITTED READ ONLY"),
            snapshot: begin("REPEATABLE READ READ ONLY"),
        }
    }
}
