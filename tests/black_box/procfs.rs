//! What the kernel says of a process.

use std::collections::{BTreeMap, BTreeSet};
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

/// The ports that a process listens on.
pub(crate) fn listening(pid: u32) -> BTreeSet<u16> {
    // Listeners in its network, by the inode of their socket.
    let tables =
        ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let listeners: BTreeMap<String, u16> = lines
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (_, port) = fields[1].split_once(':')?;
            let port = u16::from_str_radix(port, 16).unwrap();
            (fields[3] == "0A").then(|| (format!("socket:[{}]", fields[9]), port))
        })
        .collect();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors
        .filter_map(|descriptor| {
            // A connection may have ended in the meantime.
            let open = std::fs::read_link(descriptor.unwrap().path()).ok()?;
            listeners.get(open.to_str()?).copied()
        })
        .collect()
}
