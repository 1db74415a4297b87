//! `apikey create | list | show | revoke`.

use anyhow::Context;
use client::{ApiKey, Client, DamagedApiKey, NewApiKey, RevokedKeys};
use secrecy::ExposeSecret;
use serde::Serialize;
use time::OffsetDateTime;

use super::cert::note;
use super::interrupts::{Interrupted, Interrupts};
use super::{Unattended, confirm, listing, preview, times};
use crate::cli::{ApikeyCommand, Connection};
use crate::connection;
use crate::exit::Done;
use crate::output::{Column, Output};

pub(super) async fn run(
    command: ApikeyCommand,
    connection: &Connection,
    output: Output,
) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        ApikeyCommand::Create {
            name,
            role,
            validity,
            allow_name,
            dry_run,
        } => {
            let new = NewApiKey {
                name,
                roles: role,
                validity,
                allowed_names: allow_name,
            };
            match dry_run.dry_run {
                true => preview::show(&client.dry_run().create_api_key(&new).await?, output),
                false => create(&client, &new, output).await,
            }
        }
        ApikeyCommand::List { listing } => {
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
                Column::value("name", 0),
                Column::value("roles", 0),
                Column::whole("status", 1),
                Column::whole("expires", 2),
                Column::whole("last used", 3),
            ];
            listing::run(client.api_keys().list(), &listing, output, &COLUMNS, row).await
        }
        ApikeyCommand::Show { prefix } => show(&client.api_keys().get(&prefix).await?, output),
        ApikeyCommand::Revoke {
            prefix,
            descendants,
            dry_run,
            ..
        } if dry_run.dry_run => {
            let preview = client.dry_run().revoke_api_key(&prefix, descendants).await?;
            preview::show(&preview, output)
        }
        ApikeyCommand::Revoke {
            prefix,
            descendants,
            yes,
            ..
        } => {
            let also = if descendants {
                " and all keys that it made"
            } else {
                ""
            };
            let unattended = match descendants {
                true => Unattended::Refuse,
                false => Unattended::Proceed,
            };
            confirm(&format!("Revoke API key {prefix}{also}?"), yes, unattended)?;
            let done = client.api_keys().revoke(&prefix, descendants).await?;
            report(&prefix, &done, output)
                .with_context(|| Done::unshown(&format!("API key {prefix} is revoked{also}")))
        }
    }
}

fn show(key: &ApiKey, output: Output) -> anyhow::Result<()> {
    let minute = |time: Option<OffsetDateTime>| time.map(times::minute).unwrap_or_default();
    output.one(
        key,
        &[
            ("prefix", key.prefix.clone()),
            ("name", key.name.clone()),
            ("roles", key.roles.join(", ")),
            ("status", key.status.clone()),
            ("created", times::minute(key.created_at)),
            ("created by", key.created_by.clone()),
            ("expires", minute(key.expires_at)),
            ("names", key.allowed_names.join(", ")),
            ("last used", minute(key.last_used_at)),
            ("revoked", minute(key.revoked_at)),
            ("revoked by", key.revoked_by.clone().unwrap_or_default()),
        ],
    )
}

/// The text of a key is shown once: where it does not arrive, that is an error with the way to revoke it.
async fn create(client: &Client, new: &NewApiKey, output: Output) -> anyhow::Result<()> {
    let unanswered = || {
        format!(
            "whether API key {:?} was made is not known; `gigvault apikey list` shows it if it was: then its text is lost, revoke \
             it with `gigvault apikey revoke PREFIX`, and make another",
            new.name
        )
    };
    let mut interrupts = Interrupts::listen()?;
    let made = match interrupts.or(client.api_keys().create(new)).await {
        Err(exit_code) => return Err(Interrupted::new(exit_code, unanswered()).into()),
        Ok(Err(error)) if error.leaves_open() => {
            return Err(anyhow::Error::new(error).context(Done(unanswered())));
        }
        Ok(answer) => answer?,
    };
    let facts = [
        ("prefix", made.key.prefix.clone()),
        ("name", made.key.name.clone()),
        ("roles", made.key.roles.join(", ")),
        (
            "expires",
            made.key.expires_at.map(times::minute).unwrap_or_default(),
        ),
        ("names", made.key.allowed_names.join(", ")),
        ("token", made.token.expose_secret().to_owned()),
    ];
    output.must_arrive().one(&made, &facts).with_context(|| {
        Done(format!(
            "API key {prefix} was made, and its text is lost: revoke it with `gigvault apikey revoke {prefix}`, and make \
             another",
            prefix = made.key.prefix
        ))
    })?;
    note("The token cannot be shown again.");
    Ok(())
}

/// What a program reads: the key that was revoked, and what it had made.
#[derive(Serialize)]
struct Outcome<'a> {
    prefix: &'a str,
    #[serde(flatten)]
    done: &'a RevokedKeys,
}

/// What it made: what was revoked with it, and what is still good. A table without rows is not printed; a program reads
/// the same object every time.
fn report(prefix: &str, done: &RevokedKeys, output: Output) -> anyhow::Result<()> {
    const COLUMNS: [Column; 4] = [
        Column::whole("made by it", 0),
        Column::value("name", 0),
        Column::value("roles", 0),
        Column::whole("status", 0),
    ];
    note(&format!("API key {prefix} is revoked"));
    for key in &done.damaged {
        note(&damage(key));
    }
    if output.width().is_some() && done.revoked.is_empty() && done.remaining.is_empty() {
        to_revoke_more(prefix, done);
        return Ok(());
    }
    let row = |key: &ApiKey| {
        vec![
            key.prefix.clone(),
            key.name.clone(),
            key.roles.join(", "),
            key.status.clone(),
        ]
    };
    let rows: Vec<_> = done.revoked.iter().chain(&done.remaining).map(row).collect();
    output.list(&Outcome { prefix, done }, &COLUMNS, rows)?;
    to_revoke_more(prefix, done);
    Ok(())
}

/// Says how those that are left are revoked, if there are any.
fn to_revoke_more(prefix: &str, done: &RevokedKeys) {
    let left = done.damaged.iter().any(|key| key.status != "revoked");
    if left || !done.remaining.is_empty() {
        note(&format!(
            "to revoke those too: gigvault apikey revoke {prefix} --descendants"
        ));
    }
}

/// What is said of a key whose row cannot be read: doctor says what to do about it.
fn damage(key: &DamagedApiKey) -> String {
    let (named, below) = match &key.prefix {
        Some(prefix) => (format!("API key {prefix}"), ""),
        None => (
            "an API key of an unreadable prefix".to_owned(),
            ", and the keys that it made cannot be found",
        ),
    };
    format!(
        "{named} is {}; what the database holds of it is damaged ({} cannot be read){below}",
        key.status,
        key.damage.join(", ")
    )
}
