//! `key generate | list | show`.

use anyhow::Context;
use client::{Key, NewKey, Signatures};

use super::{listing, preview, times};
use crate::cli::{Connection, KeyCommand};
use crate::connection;
use crate::exit::Done;
use crate::output::{Column, Output};

pub(super) async fn run(command: KeyCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        KeyCommand::Generate {
            name,
            algorithm,
            purpose,
            // clap takes only the one that there is.
            backend: _,
            dry_run,
        } => {
            let new = NewKey {
                name,
                algorithm,
                purpose,
            };
            match dry_run.dry_run {
                true => preview::show(&client.dry_run().generate(&new).await?, output),
                false => show(&client.keys().generate(&new).await?, output)
                    .with_context(|| Done::unshown(&format!("key {} was made", new.name))),
            }
        }
        KeyCommand::Show { name } => show(&client.keys().get(&name).await?, output),
        KeyCommand::List { listing } => {
            let row = |key: &Key| {
                vec![
                    key.name.clone(),
                    key.algorithm.clone(),
                    key.purpose.clone(),
                    times::minute(key.created_at),
                ]
            };
            const COLUMNS: [Column; 4] = [
                Column::whole("name", 0),
                Column::whole("type", 2),
                Column::whole("purpose", 1),
                Column::whole("created", 3),
            ];
            listing::run(client.keys().list(), &listing, output, &COLUMNS, row).await
        }
    }
}

fn show(key: &Key, output: Output) -> anyhow::Result<()> {
    output.one(
        key,
        &[
            ("name", key.name.clone()),
            ("type", key.algorithm.clone()),
            ("purpose", key.purpose.clone()),
            ("backend", key.backend.clone()),
            ("created", times::minute(key.created_at)),
            ("signatures", signatures(&key.signatures)),
            ("key sha-256", key.spki_sha256.clone()),
            ("public key", key.public_key.clone()),
        ],
    )
}

/// What a key signed, on one line: `certificate: 14, crl: 2`.
pub(super) fn signatures(signatures: &[Signatures]) -> String {
    let kinds = signatures
        .iter()
        .map(|made| format!("{}: {}", made.structure, made.count));
    kinds.collect::<Vec<_>>().join(", ")
}
