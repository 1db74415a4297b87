//! `apikey create | list | revoke`.

use client::{ApiKey, NewApiKey};
use secrecy::ExposeSecret;

use super::cert::note;
use super::{Unattended, confirm, times};
use crate::cli::{ApikeyCommand, Connection};
use crate::context;
use crate::output::{Column, Output};

pub(super) async fn run(
    command: ApikeyCommand,
    connection: &Connection,
    output: Output,
) -> anyhow::Result<()> {
    let client = context::client(connection)?;
    match command {
        ApikeyCommand::Create { name, role, validity } => {
            let made = client
                .api_keys()
                .create(&NewApiKey {
                    name,
                    roles: role,
                    validity,
                })
                .await?;
            let facts = [
                ("prefix", made.key.prefix.clone()),
                ("name", made.key.name.clone()),
                ("roles", made.key.roles.join(", ")),
                (
                    "expires",
                    made.key.expires_at.map(times::minute).unwrap_or_default(),
                ),
                ("token", made.token.expose_secret().to_owned()),
            ];
            output.one(&made, &facts)?;
            note("The token can't be shown again.");
            Ok(())
        }
        ApikeyCommand::List { limit, cursor } => {
            let page = client.api_keys().list(Some(limit), cursor.as_deref()).await?;
            let row = |key: &ApiKey| {
                vec![
                    key.prefix.clone(),
                    key.name.clone(),
                    key.roles.join(", "),
                    key.status.clone(),
                    key.expires_at.map(times::minute).unwrap_or_default(),
                    key.last_used_at.map(times::minute).unwrap_or_default(),
                ]
            };
            const COLUMNS: [Column; 6] = [
                Column::whole("prefix", 0),
                Column::text("name", 0),
                Column::text("roles", 0),
                Column::whole("status", 1),
                Column::whole("expires", 2),
                Column::whole("last used", 3),
            ];
            output.list(&page, &COLUMNS, page.items.iter().map(row))?;
            if let Some(cursor) = &page.next_cursor {
                note(&format!("more: --cursor {cursor}"));
            }
            Ok(())
        }
        ApikeyCommand::Revoke { prefix, yes } => {
            confirm(&format!("Revoke API key {prefix}?"), yes, Unattended::Proceed)?;
            client.api_keys().revoke(&prefix).await?;
            note(&format!("API key {prefix} is revoked"));
            Ok(())
        }
    }
}
