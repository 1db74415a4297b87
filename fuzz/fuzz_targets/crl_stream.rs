//! Lists that stream by: no panic, the same reading whatever the pieces are, and what would be signed is a list for everyone else too.
#![no_main]

use x509::crl::{CrlError, TbsCertListReader, TbsCertListSummary};
use x509::kind::{SignedStructure, classify};

fn read(
    mut reader: TbsCertListReader,
    octets: &[u8],
    piece: usize,
) -> Result<TbsCertListSummary, CrlError> {
    for part in octets.chunks(piece) {
        reader.push(part)?;
    }
    reader.finish()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, octets)) = data.split_first() else {
        return;
    };
    for reader in [TbsCertListReader::new(), TbsCertListReader::ascending()] {
        let whole = read(reader.clone(), octets, octets.len().max(1));
        assert_eq!(read(reader, octets, usize::from(*first) + 1), whole);
        if let Ok(summary) = whole {
            assert_eq!(summary.length, octets.len() as u64);
        }
    }
    if read(TbsCertListReader::ascending(), octets, 4096).is_ok() {
        assert_eq!(classify(octets), Some(SignedStructure::Crl));
    }
});
