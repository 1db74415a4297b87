//! Makes again the RSA keys of Debian's broken OpenSSL (CVE-2008-0166) and packs them into the table that
//! `x509::weak::debian` embeds.
//!
//! In 0.9.8c-1 to 0.9.8g-8 the generator hashed everything but the entropy that it was given: its output depended on
//! the process id, the size and order of bytes in a `long`, and on how many bytes had been fed in, which differs
//! with the state of `~/.rnd`. This program follows that generator and the key generation of OpenSSL 0.9.8 call by
//! call. Its test compares with the keys that others made with the real thing.
//!
//! ```text
//! debian_keys moduli le64 rnd 0 32767 >> moduli    # le32 le64 be32, rnd nornd noreadrnd: minutes to hours each
//! debian_keys table < moduli > src/weak/debian-rsa2048.bin
//! ```
#![expect(
    clippy::indexing_slicing,
    reason = "all indices are bounded by the pool; run by hand on no foreign input"
)]

mod generator;

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

use aws_lc_rs::digest::{SHA256, digest};

use generator::{Machine, RandFile, modulus, small_primes};

fn machine(name: &str) -> Result<Machine, String> {
    match name {
        "le32" => Ok(Machine {
            long: 4,
            big_endian: false,
            stat: 88,
        }),
        "be32" => Ok(Machine {
            long: 4,
            big_endian: true,
            stat: 88,
        }),
        "le64" => Ok(Machine {
            long: 8,
            big_endian: false,
            stat: 144,
        }),
        other => Err(format!("{other}: not le32, be32 or le64")),
    }
}

fn rand_file(name: &str) -> Result<RandFile, String> {
    match name {
        "rnd" => Ok(RandFile::Read),
        "nornd" => Ok(RandFile::Absent),
        "noreadrnd" => Ok(RandFile::Unreadable),
        other => Err(format!("{other}: not rnd, nornd or noreadrnd")),
    }
}

/// First six octets of the SHA-256 of each modulus, sorted.
fn table(moduli: impl Iterator<Item = std::io::Result<String>>) -> Result<Vec<[u8; 6]>, Box<dyn Error>> {
    let mut entries = Vec::new();
    for line in moduli {
        let modulus = data_encoding::HEXUPPER.decode(line?.trim().as_bytes())?;
        let mut entry = [0; 6];
        entry.copy_from_slice(&digest(&SHA256, &modulus).as_ref()[..6]);
        entries.push(entry);
    }
    entries.sort_unstable();
    entries.dedup();
    Ok(entries)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["moduli", on, file, first, last] => {
            let small = small_primes();
            for pid in first.parse()?..=last.parse()? {
                writeln!(
                    stdout(),
                    "{:X}",
                    modulus(machine(on)?, rand_file(file)?, pid, &small)
                )?;
            }
        }
        ["table"] => stdout().write_all(table(stdin().lock().lines())?.as_flattened())?,
        _ => return Err("see the head of the source for the arguments".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;

    use super::*;

    /// The nine keys of process id 32767, proven by the checksum below.
    const KNOWN: &str = include_str!("../../tests/it/data/debian-32767.txt");

    fn hex_sha1(text: &str) -> String {
        data_encoding::HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
    }

    /// R. Stradling's key_generator, which runs OpenSSL 0.9.8f with the Debian patch, checks itself with this
    /// value: of `openssl rsa -modulus | sha1sum` of the nine keys, sorted.
    #[test]
    fn the_known_keys_are_those_of_the_real_generator() {
        let of_key = |line: &str| hex_sha1(&format!("Modulus={}\n", line.rsplit(' ').next().unwrap())) + "\n";
        let mut sums: Vec<_> = KNOWN.lines().map(of_key).collect();
        sums.sort();
        assert_eq!(
            hex_sha1(&sums.concat()),
            "2a910e906624766546114d300ca6b671c7acc08c"
        );
    }

    #[test]
    fn a_key_of_the_real_generator_is_made_again() {
        let line = KNOWN
            .lines()
            .find(|line| line.starts_with("be32 noreadrnd"))
            .unwrap();
        let made = modulus(
            machine("be32").unwrap(),
            RandFile::Unreadable,
            32_767,
            &small_primes(),
        );
        assert_eq!(format!("{made:X}"), line.rsplit(' ').next().unwrap());
    }

    #[test]
    fn the_embedded_table_holds_every_known_key() {
        let lines = KNOWN
            .lines()
            .map(|line| Ok(line.rsplit(' ').next().unwrap().to_owned()));
        let embedded = include_bytes!("../../src/weak/debian-rsa2048.bin");
        let (entries, rest) = embedded.as_chunks::<6>();
        assert!(rest.is_empty() && entries.is_sorted());
        for entry in table(lines).unwrap() {
            assert!(entries.binary_search(&entry).is_ok());
        }
    }
}
