//! `whoami`.

use crate::cli::Connection;
use crate::connection;
use crate::output::Output;

pub(super) async fn run(connection: &Connection, output: Output) -> anyhow::Result<()> {
    let me = connection::client(connection)?.whoami().await?;
    let facts = [
        ("subject", me.subject.clone()),
        ("roles", me.roles.join(", ")),
        ("permissions", me.permissions.join(", ")),
        ("names", me.allowed_names.join(", ")),
    ];
    output.one(&me, &facts)
}
