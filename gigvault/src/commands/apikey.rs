//! `apikey create | list | revoke`.

use client::{ApiKey, NewApiKey};

use super::cert::note;
use super::confirm;
use crate::cli::{ApikeyCommand, Connection};
use crate::context;
use crate::output::Output;

pub(super) async fn run(command: ApikeyCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = context::client(connection)?;
    match command {
        ApikeyCommand::Create { name, role, validity } => {
            let made = client.create_api_key(&NewApiKey { name, roles: role, validity }).await?;
            let facts = [
                ("prefix", made.prefix.clone()),
                ("name", made.name.clone()),
                ("roles", made.roles.join(", ")),
                ("expires", text(&made, "expires_at")),
                ("token", made.token.clone().unwrap_or_default()),
            ];
            output.one(&made, &facts)?;
            note("The token can't be shown again.");
            Ok(())
        }
        ApikeyCommand::List { limit, cursor } => {
            let page = client.api_keys(limit, cursor.as_deref()).await?;
            let row = |key: &ApiKey| {
                vec![
                    key.prefix.clone(),
                    key.name.clone(),
                    key.roles.join(", "),
                    text(key, "status"),
                    text(key, "expires_at"),
                    text(key, "last_used_at"),
                ]
            };
            let columns = ["prefix", "name", "roles", "status", "expires", "last used"];
            output.list(&page, &columns, page.items.iter().map(row))?;
            if let Some(cursor) = &page.next_cursor {
                note(&format!("more: --cursor {cursor}"));
            }
            Ok(())
        }
        ApikeyCommand::Revoke { prefix, yes } => {
            confirm(&format!("revoke API key {prefix}?"), yes)?;
            client.revoke_api_key(&prefix).await?;
            note(&format!("API key {prefix} is revoked"));
            Ok(())
        }
    }
}

fn text(key: &ApiKey, member: &str) -> String {
    key.rest.get(member).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
