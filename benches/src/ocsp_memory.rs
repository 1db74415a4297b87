//! What valid certificates cost the OCSP responder in memory: it keeps revocations, and only what it was asked for.

use std::time::Duration;

use anyhow::ensure;

use crate::certificates::{self, Filled, serial_of_row};
use crate::load::Run;
use crate::ocsp::Responder;
use crate::report::Report;
use crate::storage::{Configured, Storage};
use crate::{Args, Database, memory};

/// Certificates that are asked about, in either case: the small inventory has no others.
const ASKED: usize = 1_000;
/// How often each of them is.
const TIMES: usize = 3;

pub(crate) async fn measure(report: &mut Report, args: &Args) -> anyhow::Result<()> {
    for database in &args.on {
        let storage = Storage::start(*database).await?;
        let few = i64::try_from(ASKED)?;
        let small = resident(&storage, args, few).await?;
        let large = resident(&storage, args, args.valid_rows.max(few)).await?;
        tell(report, *database, args, (small, large));
    }
    Ok(())
}

/// Octets of the resident set, and of those that no file has.
struct Memory {
    resident: f64,
    anonymous: f64,
}

fn tell(report: &mut Report, database: Database, args: &Args, (small, large): (Memory, Memory)) {
    let rows = args.valid_rows;
    for (rows, memory) in [(ASKED.to_string(), &small), (rows.to_string(), &large)] {
        report.figure(
            format!("{database}, {rows} valid certificates: memory of `up` after OCSP requests for {ASKED}"),
            memory::mebibytes(memory.resident),
        );
    }
    report.figure(
        format!("{database}: memory of {rows} valid certificates, and without that of files"),
        format!(
            "{}, {}",
            memory::mebibytes(large.resident - small.resident),
            memory::mebibytes(large.anonymous - small.anonymous)
        ),
    );
}

async fn resident(storage: &Storage, args: &Args, rows: i64) -> anyhow::Result<Memory> {
    let mut configured = Configured::start(storage, "").await?;
    configured.system.terminate()?;
    certificates::fill(&configured, rows, Filled::Valid).await?;
    configured.system.restart()?;
    let responder = Responder::of(&configured.system).await?;
    let serials: Vec<_> = (1..=ASKED).map(serial_of_row).collect::<Result<_, _>>()?;
    let mut least = usize::MAX;
    for serial in serials.iter().take(1) {
        // Lengths differ by an octet or two, as those of signatures do.
        least = responder.ask(*serial).await?.len() - 16;
    }
    let questions = responder.by_post(&serials, least)?;
    let clients = questions.connect(args.clients).await?;
    Run::counted(ASKED * TIMES).run(clients).await?;
    let refused = questions.refused();
    ensure!(refused == 0, "{refused} answers are refusals");
    // As for the idle memory of `up`.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let pid = configured.system.ready().pid;
    Ok(Memory {
        resident: memory::resident(pid)?,
        anonymous: memory::anonymous(pid)?,
    })
}
