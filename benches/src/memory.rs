//! Memory of a process, as the kernel counts it.

use anyhow::Context;

const MIB: f64 = 1024.0 * 1024.0;

/// Octets of its resident set.
pub(crate) fn resident(pid: u32) -> anyhow::Result<f64> {
    of_status(pid, "VmRSS:")
}

/// Those of them that no file has: what the program asked for.
pub(crate) fn anonymous(pid: u32) -> anyhow::Result<f64> {
    of_status(pid, "RssAnon:")
}

pub(crate) fn mebibytes(octets: f64) -> String {
    format!("{:.1} MiB", octets / MIB)
}

/// The largest resident set from a moment on.
pub(crate) struct Peak {
    pid: u32,
    before: f64,
}

impl Peak {
    #[expect(clippy::disallowed_methods, reason = "no file: the kernel takes it")]
    pub(crate) fn begin(pid: u32) -> anyhow::Result<Self> {
        // proc(5): 5 sets the peak back to what is resident now.
        std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        let before = resident(pid)?;
        Ok(Self { pid, before })
    }

    /// Octets of the peak beyond what was resident at the beginning.
    pub(crate) fn end(self) -> anyhow::Result<f64> {
        // The kernel counts in batches: a peak may seem lower than what was before.
        Ok((of_status(self.pid, "VmHWM:")? - self.before).max(0.0))
    }
}

fn of_status(pid: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.with_context(|| format!("no {name} of process {pid}"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0)
}
