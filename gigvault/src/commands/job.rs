//! `job list | show | items | cancel`.

use client::{Client, Job, JobItem};

use super::{listing, preview, times};
use crate::cli::{Connection, JobCommand};
use crate::connection;
use crate::exit::say;
use crate::output::{Column, Output};

pub(super) async fn run(command: JobCommand, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let client = connection::client(connection)?;
    match command {
        JobCommand::List { listing } => {
            let row = |job: &Job| {
                vec![
                    job.id.clone(),
                    job.state.clone(),
                    items(job),
                    job.kind.clone(),
                    job.requester.clone(),
                    times::minute(job.created_at),
                ]
            };
            const COLUMNS: [Column; 6] = [
                Column::whole("id", 0),
                Column::whole("state", 0),
                Column::whole("items", 1),
                Column::whole("kind", 2),
                Column::whole("requested by", 3),
                Column::whole("created", 4),
            ];
            listing::run(client.jobs().list(), &listing, output, &COLUMNS, row).await?;
            if let Some(whose) = whose(&client).await {
                say(&whose);
            }
            Ok(())
        }
        JobCommand::Show { id } => show(&client.jobs().get(&id).await?, output),
        JobCommand::Items { id, state, listing } => {
            let row = |item: &JobItem| {
                vec![
                    item.object.clone(),
                    item.state.clone(),
                    item.detail.clone().unwrap_or_default(),
                ]
            };
            const COLUMNS: [Column; 3] = [
                Column::whole("object", 0),
                Column::whole("state", 0),
                Column::value("detail", 0),
            ];
            let list = client.jobs().items(&id, state.as_deref());
            listing::run(list, &listing, output, &COLUMNS, row).await
        }
        JobCommand::Cancel { id, dry_run } if dry_run.dry_run => {
            preview::show(&client.dry_run().cancel_job(&id).await?, output)
        }
        JobCommand::Cancel { id, .. } => show(&client.jobs().cancel(&id).await?, output),
    }
}

/// Whose jobs a list has, where that may not be all: a process lists those of its own services.
async fn whose(client: &Client) -> Option<String> {
    // What every caller is told, whatever the credential may do.
    let readiness = client.healthz().await.ok()?.readiness?;
    connection::some_only(&readiness)
        .map(|services| format!("the process that answers lists the jobs of {services}, and no others"))
}

/// `120 of 400`.
fn items(job: &Job) -> String {
    let looked_at = job.done + job.skipped + job.failed;
    match job.total {
        Some(total) => format!("{looked_at} of {total}"),
        None => format!("{looked_at} of more"),
    }
}

/// `2026-11-26 12:00 by alice`. What it is doing when it is asked is done first, so the state may still be `running`.
fn cancel_request(job: &Job) -> String {
    let time = job.cancel_requested_at.map(times::minute);
    let by = job.canceled_by.as_ref().map(|by| format!("by {by}"));
    time.into_iter().chain(by).collect::<Vec<_>>().join(" ")
}

fn show(job: &Job, output: Output) -> anyhow::Result<()> {
    let minute = |time: Option<time::OffsetDateTime>| time.map(times::minute).unwrap_or_default();
    output.one(
        job,
        &[
            ("id", job.id.clone()),
            ("kind", job.kind.clone()),
            ("state", job.state.clone()),
            ("items", items(job)),
            ("done", job.done.to_string()),
            ("skipped", job.skipped.to_string()),
            ("failed", job.failed.to_string()),
            ("failure", job.failure.clone().unwrap_or_default()),
            ("requested by", job.requester.clone()),
            ("created", times::minute(job.created_at)),
            ("started", minute(job.started_at)),
            ("cancel requested", cancel_request(job)),
            ("ended", minute(job.ended_at)),
        ],
    )
}
