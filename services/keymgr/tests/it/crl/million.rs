//! Millions of entries, for time and memory: run by hand with `--release -- --ignored --nocapture millions`.

use std::time::Instant;

use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use proto::keymgr::v1::sign_crl_request::Part;

use super::{Issuer, entry, octets, send};
use crate::structures::crl_spec;
use crate::world::World;

const COUNT: u32 = 5_000_000;

/// Most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn millions_of_entries_are_signed_in_little_memory() {
    let world = World::sqlite();
    let running = world.start().await;
    let issuer = Issuer::new(&running, "ca-issuing", "p384").await;
    let before = peak();
    let mut layout = crl_spec(issuer.algorithm).layout().unwrap();
    (0..COUNT).for_each(|number| layout.add(&entry(number)).unwrap());
    let started = Instant::now();
    let (mut pieces, parts) = mpsc::channel(0);
    let start = Part::Start(issuer.start());
    let writing = tokio::spawn(async move {
        pieces.send(Some(start)).await.unwrap();
        let mut out = Vec::new();
        let mut writer = layout.begin(&mut out).unwrap();
        for number in 0..COUNT {
            writer.entry(&entry(number), &mut out).unwrap();
            if out.len() >= 256 * 1024 {
                pieces.send(Some(octets(std::mem::take(&mut out)))).await.unwrap();
            }
        }
        let written = writer.finish(&mut out).unwrap();
        pieces.send(Some(octets(out))).await.unwrap();
        written.len()
    });
    send(&running, "crl", parts.map(|part| part)).await.unwrap();
    let length = writing.await.unwrap();
    let grown = peak() - before;
    println!(
        "{COUNT} entries, {length} octets: {:?}, {grown} KiB more",
        started.elapsed()
    );
    assert!(grown < 32 * 1024, "{grown} KiB");
}
