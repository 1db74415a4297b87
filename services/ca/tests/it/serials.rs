//! Serial numbers of issued certificates.

use std::collections::BTreeSet;

use testkit::on_both_databases;

use crate::world::{World, anyone, issue_all, key, server};

on_both_databases!(serials_are_positive_distinct_and_use_all_128_bits);

async fn serials_are_positive_distinct_and_use_all_128_bits(world: World) {
    const COUNT: usize = 2_000;
    let request = server(&key(), "a.example.test");
    let requests = (0..COUNT).map(|_| (world.ca.clone(), anyone(), request.clone()));
    let mut seen = BTreeSet::new();
    let mut ones = [0_usize; 128];
    for answer in issue_all(requests).await {
        let issued = answer.unwrap();
        let certificate = x509::Certificate::from_der(&issued.der).unwrap();
        assert_eq!(*certificate.serial(), issued.serial);
        let octets = issued.serial.as_bytes().to_vec();
        assert!(octets.len() <= 17, "{octets:?}");
        // Leading zeros are not part of the number: count bits from its end.
        for (at, octet) in octets.iter().rev().take(16).enumerate() {
            for bit in 0..8 {
                ones[at * 8 + bit] += usize::from(octet >> bit & 1);
            }
        }
        assert!(octets.iter().any(|&octet| octet != 0));
        assert!(seen.insert(octets));
    }
    assert_eq!(seen.len(), COUNT);
    // Every one of the 128 bits is set in about half of them; 6 standard deviations are 134.
    assert!(
        ones.iter().all(|count| count.abs_diff(COUNT / 2) < 134),
        "{ones:?}"
    );
}
