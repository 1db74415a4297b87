//! Start, idle memory, size of the binary.

use std::time::{Duration, Instant};

use anyhow::Context;
use testkit::system::{self, System};

use crate::report::Report;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let size = std::fs::metadata(system::binary()?)?.len();
    report.figure("size of the binary", format!("{:.1} MB", size as f64 / 1e6));
    let start = Instant::now();
    let mut system = System::up()?;
    report.figure("ready after the first start", millis(start.elapsed()));
    system.terminate()?;
    let start = Instant::now();
    system.restart()?;
    report.figure("ready after the second start", millis(start.elapsed()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", system.ready().pid))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    report.figure(
        "idle memory of `up`, five seconds after ready",
        format!("{:.1} MiB", kib / 1024.0),
    );
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
