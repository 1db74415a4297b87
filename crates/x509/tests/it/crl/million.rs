//! A list of a million entries, for its time and memory: run by hand with `--release -- --ignored --nocapture million`.
#![expect(clippy::unwrap_used, reason = "a measurement")]

use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA384};
use x509::crl::{CrlEntry, Reason, TbsCertListReader};
use x509::{KeyAlgorithm, Serial, SignatureAlgorithm};

use crate::issue::{Authority, NOW};
use crate::judges::crl_spec;

const COUNT: u64 = 1_000_000;

/// Most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Serial numbers of 16 octets in ascending order.
fn entry(number: u64) -> CrlEntry {
    let mut octets = [0x91; 16];
    octets[1..9].copy_from_slice(&(number << 20).to_be_bytes());
    CrlEntry {
        serial: Serial::from_bytes(&octets).unwrap(),
        time: NOW,
        reason: Some(Reason::KeyCompromise),
        invalidity: None,
    }
}

#[test]
#[ignore = "a measurement"]
fn a_million_entries_take_little_memory() {
    let ca = Authority::root(KeyAlgorithm::P384, SignatureAlgorithm::EcdsaSha384);
    let before = peak();
    let started = Instant::now();
    let mut layout = crl_spec(&ca).layout().unwrap();
    (0..COUNT).for_each(|number| layout.add(&entry(number)).unwrap());
    let counted = started.elapsed();
    let mut out = Vec::new();
    let mut hash = Context::new(&SHA384);
    let mut reader = TbsCertListReader::new();
    let (mut octets, mut reading) = (0, std::time::Duration::ZERO);
    let mut drain = |out: &mut Vec<u8>| {
        hash.update(out);
        octets += out.len();
        let started = Instant::now();
        reader.push(out).unwrap();
        reading += started.elapsed();
        out.clear();
    };
    let mut writer = layout.begin(&mut out).unwrap();
    for number in 0..COUNT {
        writer.entry(&entry(number), &mut out).unwrap();
        if out.len() > 64 * 1024 {
            drain(&mut out);
        }
    }
    let written = writer.finish(&mut out).unwrap();
    drain(&mut out);
    let total = started.elapsed();
    let summary = reader.finish().unwrap();
    assert_eq!((summary.entries, summary.length), (COUNT, written.len()));
    assert_eq!(written.len(), octets as u64);
    let more = peak() - before;
    println!(
        "{COUNT} entries, {octets} octets: first pass {counted:?}, both passes with SHA-384 {:?}, read as a stream {reading:?}, {more} KiB more",
        total - reading
    );
    // The list has 48 MiB; other tests of the process may be at work.
    assert!(more < 16 * 1024, "{more} KiB");
}
