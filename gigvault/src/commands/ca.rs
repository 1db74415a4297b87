//! `ca list | show`.

use client::Ca;

use super::{now, times};
use crate::cli::{CaCommand, Connection};
use crate::context;
use crate::output::Output;

pub(super) async fn run(command: CaCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = context::client(connection)?;
    match command {
        CaCommand::List => {
            let list = client.cas().list().await?;
            let row = |ca: &Ca| {
                let left = times::left(ca.not_after, now());
                vec![
                    ca.name.clone(),
                    ca.subject.clone(),
                    ca.key_algorithm.clone(),
                    times::minute(ca.not_after),
                    left,
                ]
            };
            output.list(
                &list,
                &["name", "subject", "key", "not after", "left"],
                list.items.iter().map(row),
            )
        }
        CaCommand::Show { name } => {
            let ca = client.cas().get(&name).await?;
            output.one(
                &ca,
                &[
                    ("name", ca.name.clone()),
                    ("subject", ca.subject.clone()),
                    ("key", ca.key_algorithm.clone()),
                    ("signs with", ca.signature_algorithm.clone()),
                    ("not before", times::minute(ca.not_before)),
                    ("not after", times::until(ca.not_after, now())),
                    ("profiles", ca.profiles.join(", ")),
                    ("certificate", ca.certificate.clone()),
                ],
            )
        }
    }
}
