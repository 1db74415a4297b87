//! Start, idle memory, size of the binary.

use std::time::{Duration, Instant};

use testkit::system::{self, System};

use crate::memory;
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
    let resident = memory::resident(system.ready().pid)?;
    report.figure(
        "idle memory of `up`, five seconds after ready",
        memory::mebibytes(resident),
    );
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
