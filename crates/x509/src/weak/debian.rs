//! Keys of Debian's broken random generator (CVE-2008-0166).
//!
//! From September 2006 to May 2008 the OpenSSL of Debian and its derivatives made one of 294,912 keys of each size.
//! The embedded table holds **all of them for RSA with 2048 bits**: 32,768 process ids, three machines (i386,
//! amd64, and the 32-bit big-endian ones, which are alike) and three states of `~/.rnd`.
//! `examples/debian_keys/` makes it again from scratch.
//!
//! Not in the table: other sizes (they were rare, and cost days to make), keys of MIPS, and keys of process ids
//! above 32767. Smaller keys are refused for their size. Keys of `ssh-keygen` are others, but had the exponent 35
//! and are refused for that.

use aws_lc_rs::digest::{SHA256, digest};

/// First six octets of the SHA-256 of each modulus, in ascending order. A sound key is listed by a chance of 10⁻⁹.
static TABLE: &[u8] = include_bytes!("debian-rsa2048.bin");

const BITS: usize = 2048;

/// Whether the modulus (big-endian, without leading zeros) is in the table.
#[must_use]
pub fn is_listed(modulus: &[u8]) -> bool {
    let (entries, _) = TABLE.as_chunks::<6>();
    modulus.len() == BITS / 8
        && digest(&SHA256, modulus)
            .as_ref()
            .first_chunk::<6>()
            .is_some_and(|entry| entries.binary_search(entry).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        let (entries, rest) = TABLE.as_chunks::<6>();
        assert!(rest.is_empty());
        assert!(entries.is_sorted_by(|a, b| a < b));
        assert_eq!(entries.len(), 294_912);
    }
}
