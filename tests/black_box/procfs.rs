//! What the kernel says of a process.

use std::collections::BTreeSet;
use std::time::Duration;

/// Resident memory of a process in bytes.
pub(crate) fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}

/// CPU time that a process has used.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name of the program may hold anything; it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 on every architecture that we build for.
    Duration::from_millis(ticks * 10)
}

/// The ports that are listened on in the network namespace of a process.
pub(crate) fn listening(pid: u32) -> BTreeSet<u16> {
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")));
    let lines = tables
        .iter()
        .flat_map(|table| table.as_ref().unwrap().lines().skip(1));
    lines
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (_, port) = fields[1].split_once(':')?;
            (fields[3] == "0A").then(|| u16::from_str_radix(port, 16).unwrap())
        })
        .collect()
}
