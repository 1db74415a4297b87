//! `ca list | show | suspend | resume`.

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
        CaCommand::Show { name } => show(&client.cas().get(&name).await?, output),
        CaCommand::Suspend { name } => show(&client.cas().suspend(&name).await?, output),
        CaCommand::Resume { name } => show(&client.cas().resume(&name).await?, output),
    }
}

fn show(ca: &Ca, output: Output) -> anyhow::Result<()> {
    let suspended = ca.suspended_since.map(|since| {
        let by = ca.suspended_by.as_deref().unwrap_or_default();
        format!("since {} by {by}; issues nothing", times::minute(since))
    });
    output.one(
        ca,
        &[
            ("name", ca.name.clone()),
            ("subject", ca.subject.clone()),
            ("suspended", suspended.unwrap_or_default()),
            ("key", ca.key_algorithm.clone()),
            ("signs with", ca.signature_algorithm.clone()),
            ("not before", times::minute(ca.not_before)),
            ("not after", times::until(ca.not_after, now())),
            ("profiles", ca.profiles.join(", ")),
            ("certificate", ca.certificate.clone()),
        ],
    )
}
