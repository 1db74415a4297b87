//! SHA-256 (FIPS 180-4), the one hash by which things are told apart here: certificates, keys, tokens, requests.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of these octets.
#[must_use]
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    // Both have 32 octets.
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_fips_180_4_comes_out() {
        let hash = data_encoding::HEXLOWER.encode(&sha256(b"abc"));
        assert_eq!(
            hash,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
