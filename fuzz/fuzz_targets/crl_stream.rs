//! Lists that stream by: no panic, the same reading whatever the pieces are, and what is taken is a list for everyone else too.
#![no_main]

use x509::crl::{CrlError, TbsCertListReader, TbsCertListSummary};
use x509::kind::{SignedStructure, classify};

fn read(octets: &[u8], piece: usize) -> Result<TbsCertListSummary, CrlError> {
    let mut reader = TbsCertListReader::new();
    for part in octets.chunks(piece) {
        reader.push(part)?;
    }
    reader.finish()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, octets)) = data.split_first() else {
        return;
    };
    let whole = read(octets, octets.len().max(1));
    assert_eq!(read(octets, usize::from(*first) + 1), whole);
    if let Ok(summary) = whole {
        assert_eq!(summary.length, octets.len() as u64);
        assert_eq!(classify(octets), Some(SignedStructure::Crl));
    }
});
