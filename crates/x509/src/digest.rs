//! SHA-256 (FIPS 180-4), the one hash by which things are told apart here: certificates, keys, tokens, requests.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};

/// SHA-256 of these octets.
#[must_use]
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    // Both have 32 octets.
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

/// SHA-256 of octets that arrive in pieces.
#[derive(Clone)]
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Takes the next octets.
    pub fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    /// The hash of all octets that were taken.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        // Both have 32 octets.
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256")
    }
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

    #[test]
    fn pieces_have_the_hash_of_the_whole() {
        let mut pieces = Sha256::default();
        [&b"a"[..], b"", b"bc"]
            .into_iter()
            .for_each(|piece| pieces.update(piece));
        assert_eq!(pieces.finish(), sha256(b"abc"));
    }
}
