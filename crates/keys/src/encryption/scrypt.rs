//! scrypt (RFC 7914), which `openssl pkcs8 -scrypt` uses. aws-lc has its PBKDF2; the mixing is here.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use x509::asn1::{Reader, tag, unsigned};
use zeroize::Zeroizing;

use super::malformed;
use crate::KeyError;

/// Most that a file may ask of us to fill, 128 times N times r times p. OpenSSL takes half of it, with p left out.
const MAX_MEMORY: u64 = 64 * 1024 * 1024;
const MAX_PARALLEL: u64 = 16;
const WORDS: usize = 16;

/// Reads scrypt-params (section 7.1) and derives a key.
pub(super) fn derive(
    parameters: &[u8],
    passphrase: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Reader::within(parameters, tag::SEQUENCE).map_err(malformed)?;
    let salt = fields.expect(tag::OCTET_STRING).map_err(malformed)?;
    let mut number = || fields.expect(tag::INTEGER).and_then(unsigned).map_err(malformed);
    let (cost, size, parallel) = (number()?, number()?, number()?);
    let factors = [size, cost, parallel];
    let memory = factors
        .iter()
        .try_fold(128_u64, |product, factor| product.checked_mul(*factor));
    let fits = memory.is_some_and(|memory| memory <= MAX_MEMORY);
    if !fits || size == 0 || cost < 2 || !cost.is_power_of_two() || !(1..=MAX_PARALLEL).contains(&parallel) {
        return Err(KeyError::UnsupportedEncryption(
            "scrypt with parameters outside our bounds",
        ));
    }
    let count = |number| usize::try_from(number).map_err(|_| KeyError::Crypto("run scrypt"));
    let key = scrypt(
        passphrase,
        salt,
        (count(cost)?, count(size)?, count(parallel)?),
        length,
    );
    Ok(key)
}

/// Section 6.
fn scrypt(
    passphrase: &[u8],
    salt: &[u8],
    (cost, size, parallel): (usize, usize, usize),
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let mut blocks = pbkdf2_once(passphrase, salt, parallel * 128 * size);
    for block in blocks.chunks_mut(128 * size) {
        mix(block, cost);
    }
    pbkdf2_once(passphrase, &blocks, length)
}

fn pbkdf2_once(passphrase: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        NonZeroU32::MIN,
        salt,
        passphrase,
        &mut out,
    );
    out
}

type Words = [u32; WORDS];

/// scryptROMix (section 5).
fn mix(block: &mut [u8], cost: usize) {
    let (quads, _) = block.as_chunks::<4>();
    let words: Vec<u32> = quads.iter().map(|quad| u32::from_le_bytes(*quad)).collect();
    let (chunks, _) = words.as_chunks::<WORDS>();
    let mut state = Zeroizing::new(chunks.to_vec());
    let mut table: Zeroizing<Vec<Words>> = Zeroizing::new(Vec::with_capacity(cost * state.len()));
    for _ in 0..cost {
        table.extend_from_slice(&state);
        block_mix(&mut state);
    }
    for _ in 0..cost {
        let picked = state.last().map_or(0, |last| last[0]);
        let row = usize::try_from(picked).unwrap_or_default() & (cost - 1);
        let start = row * state.len();
        for (words, other) in state.iter_mut().zip(table.iter().skip(start)) {
            xor(words, other);
        }
        block_mix(&mut state);
    }
    let words = state.iter().flatten();
    for (octets, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *octets = word.to_le_bytes();
    }
}

/// scryptBlockMix (section 4): even results first, then odd ones.
fn block_mix(state: &mut [Words]) {
    let mut last = state.last().copied().unwrap_or_default();
    let (mut even, mut odd) = (Vec::with_capacity(state.len()), Vec::with_capacity(state.len()));
    for (at, words) in state.iter().enumerate() {
        xor(&mut last, words);
        salsa(&mut last);
        if at % 2 == 0 {
            even.push(last);
        } else {
            odd.push(last);
        }
    }
    for (to, from) in state.iter_mut().zip(even.into_iter().chain(odd)) {
        *to = from;
    }
}

fn xor(words: &mut Words, other: &Words) {
    words
        .iter_mut()
        .zip(other)
        .for_each(|(word, other)| *word ^= other);
}

/// Salsa20/8 (section 3).
fn salsa(words: &mut Words) {
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let before = *words;
    for _ in 0..4 {
        for quarter in QUARTERS {
            quarter_round(words, quarter);
        }
    }
    for (word, before) in words.iter_mut().zip(before) {
        *word = word.wrapping_add(before);
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the indices are the constants of Salsa20, all below 16"
)]
fn quarter_round(words: &mut Words, [a, b, c, d]: [usize; 4]) {
    words[b] ^= words[a].wrapping_add(words[d]).rotate_left(7);
    words[c] ^= words[b].wrapping_add(words[a]).rotate_left(9);
    words[d] ^= words[c].wrapping_add(words[b]).rotate_left(13);
    words[a] ^= words[d].wrapping_add(words[c]).rotate_left(18);
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// RFC 7914 section 12.
    #[test]
    fn the_vectors_of_the_rfc_come_out() {
        for (passphrase, salt, parameters, hex) in [
            (&b""[..], &b""[..], (16, 1, 1), "77d6576238657b203b19ca42c18a0497"),
            (
                b"password",
                b"NaCl",
                (1024, 8, 16),
                "fdbabe1c9d3472007856e7190d01e9fe",
            ),
            (
                b"pleaseletmein",
                b"SodiumChloride",
                (16384, 8, 1),
                "7023bdcb3afd7348461c06cd81fd38eb",
            ),
        ] {
            let key = scrypt(passphrase, salt, parameters, 64);
            assert_eq!(HEXLOWER.encode(&key[..16]), hex);
        }
    }
}
