//! The generator of random numbers and of keys, call by call as OpenSSL 0.9.8 has it with the Debian patch.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use num_bigint::BigUint;

const BITS: usize = 2048;
const POOL: usize = 1023;
const ENTROPY_NEEDED: usize = 32;

/// Where the library ran.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    /// Octets in a `long`, a `time_t`.
    pub(crate) long: usize,
    pub(crate) big_endian: bool,
    /// Octets in a `struct stat`, which is fed in whole.
    pub(crate) stat: usize,
}

/// What `~/.rnd` was.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum RandFile {
    /// Read: 1,024 octets.
    Read,
    /// Absent.
    Absent,
    /// There but unreadable; before 0.9.8f also absent.
    Unreadable,
}

/// `crypto/rand/md_rand.c` without the line that mattered.
struct Generator {
    machine: Machine,
    pid: u32,
    /// One octet more than is ever read: the index can be past the end for one write.
    pool: [u8; POOL + 1],
    hash: [u8; 20],
    filled: usize,
    index: usize,
    counts: [u64; 2],
    entropy: usize,
    polled: bool,
    stirred: bool,
}

impl Generator {
    /// In the state in which `openssl genrsa` and `openssl req` begin to make a key.
    fn new(machine: Machine, file: RandFile, pid: u32) -> Self {
        let mut new = Self {
            machine,
            pid,
            pool: [0; POOL + 1],
            hash: [0; 20],
            filled: 0,
            index: 0,
            counts: [0; 2],
            entropy: 0,
            polled: false,
            stirred: false,
        };
        match file {
            RandFile::Read => {
                new.add(machine.stat, 0);
                new.add(1024, 1024);
            }
            RandFile::Unreadable => {
                new.add(machine.stat, 0);
                new.poll();
            }
            RandFile::Absent => new.poll(),
        }
        new
    }

    /// `RAND_poll`: 32 octets of /dev/urandom, the process id, the user id and the time, all of them ignored.
    fn poll(&mut self) {
        self.add(ENTROPY_NEEDED, ENTROPY_NEEDED);
        for _ in 0..3 {
            self.add(self.machine.long, 0);
        }
        self.polled = true;
    }

    /// `ssleay_rand_add`: only the length counts.
    fn add(&mut self, length: usize, entropy: usize) {
        let (mut at, mut counts, mut local) = (self.index, self.counts, self.hash);
        self.index += length;
        if self.index >= POOL {
            self.index %= POOL;
            self.filled = POOL;
        } else {
            self.filled = self.filled.max(self.index);
        }
        self.counts[1] += length.div_ceil(20) as u64;
        let mut left = length;
        while left > 0 {
            let now = left.min(20);
            left -= now;
            let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
            context.update(&local);
            self.update_from_pool(&mut context, at, now, POOL);
            context.update(&self.count_octets(counts));
            local = finish(context);
            counts[1] += 1;
            at = self.mix(at, &local[..now], POOL);
        }
        self.hash
            .iter_mut()
            .zip(local)
            .for_each(|(hash, local)| *hash ^= local);
        if self.entropy < ENTROPY_NEEDED {
            self.entropy += entropy;
        }
    }

    /// `ssleay_rand_bytes`.
    fn fill(&mut self, out: &mut [u8]) {
        if !self.polled {
            self.poll();
        }
        let enough = self.entropy >= ENTROPY_NEEDED;
        if !self.stirred {
            (0..POOL.div_ceil(20)).for_each(|_| self.add(20, 0));
            self.stirred = enough;
        }
        let (mut at, filled, mut local) = (self.index, self.filled, self.hash);
        let counts = self.count_octets(self.counts);
        self.index += out.len().next_multiple_of(10);
        if self.index > self.filled {
            self.index %= self.filled;
        }
        self.counts[0] += 1;
        for (round, chunk) in out.chunks_mut(10).enumerate() {
            let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
            if round == 0 && self.pid != 0 {
                context.update(&self.ordered(self.pid.to_le_bytes()));
            }
            context.update(&local);
            context.update(&counts);
            self.update_from_pool(&mut context, at, 10, filled);
            local = finish(context);
            at = self.mix(at, &local[..10], filled);
            chunk.copy_from_slice(&local[10..10 + chunk.len()]);
        }
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        context.update(&counts);
        context.update(&local);
        context.update(&self.hash);
        self.hash = finish(context);
    }

    fn update_from_pool(&self, context: &mut Context, at: usize, length: usize, end: usize) {
        let first = length.min(end.saturating_sub(at));
        context.update(&self.pool[at..at + first]);
        context.update(&self.pool[..length - first]);
    }

    fn mix(&mut self, mut at: usize, octets: &[u8], end: usize) -> usize {
        for octet in octets {
            self.pool[at] ^= octet;
            at += 1;
            if at >= end {
                at = 0;
            }
        }
        at
    }

    fn ordered<const N: usize>(&self, mut octets: [u8; N]) -> [u8; N] {
        if self.machine.big_endian {
            octets.reverse();
        }
        octets
    }

    /// Two `long`s as they are in memory.
    fn count_octets(&self, counts: [u64; 2]) -> Vec<u8> {
        counts
            .iter()
            .flat_map(|count| {
                let mut octets = count.to_le_bytes()[..self.machine.long].to_vec();
                if self.machine.big_endian {
                    octets.reverse();
                }
                octets
            })
            .collect()
    }

    /// `BN_rand`, which feeds in the time before it draws.
    fn number(&mut self, bits: usize) -> Vec<u8> {
        self.add(self.machine.long, 0);
        let mut octets = vec![0; bits / 8];
        self.fill(&mut octets);
        octets
    }

    /// `BN_generate_prime_ex` with the rounds of Miller and Rabin that its table has for 1024 bits.
    fn prime(&mut self, small: &[u32]) -> BigUint {
        loop {
            let candidate = self.candidate(small);
            let below = &candidate - 1u8;
            let base = self.below(&below) + 1u8;
            if is_probable_prime(&candidate, &below, &base) {
                (0..2).for_each(|_| drop(self.below(&below)));
                return candidate;
            }
        }
    }

    /// `probable_prime`: neither the number nor the one before it has a small odd factor.
    fn candidate(&mut self, small: &[u32]) -> BigUint {
        let mut octets = self.number(BITS / 2);
        octets[0] |= 0xc0;
        octets[BITS / 16 - 1] |= 1;
        let start = BigUint::from_bytes_be(&octets);
        let residues: Vec<u32> = small
            .iter()
            .map(|prime| u32::try_from(&start % *prime).unwrap_or_default())
            .collect();
        let clear = |delta: u32| {
            small
                .iter()
                .zip(&residues)
                .all(|(prime, residue)| (residue + delta) % prime > 1)
        };
        let mut delta = 0;
        while !clear(delta) {
            delta += 2;
        }
        start + delta
    }

    /// `BN_pseudo_rand_range` for a range whose first two bits are set.
    fn below(&mut self, range: &BigUint) -> BigUint {
        loop {
            let number = BigUint::from_bytes_be(&self.number(BITS / 2));
            if number < *range {
                return number;
            }
        }
    }
}

fn finish(context: Context) -> [u8; 20] {
    let mut hash = [0; 20];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn is_probable_prime(number: &BigUint, below: &BigUint, base: &BigUint) -> bool {
    let twos = below.trailing_zeros().unwrap_or_default();
    let mut power = base.modpow(&(below >> twos), number);
    if power == BigUint::from(1u8) || power == *below {
        return true;
    }
    for _ in 1..twos {
        power = &power * &power % number;
        if power == *below {
            return true;
        }
    }
    false
}

/// The odd ones of the first 2,048 primes, as in `bn_prime.h`.
pub(crate) fn small_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    let mut candidate = 3;
    while primes.len() < 2047 {
        if primes
            .iter()
            .take_while(|p| *p * *p <= candidate)
            .all(|p| candidate % p != 0)
        {
            primes.push(candidate);
        }
        candidate += 2;
    }
    primes
}

/// `RSA_generate_key_ex` with exponent 65537.
pub(crate) fn modulus(machine: Machine, file: RandFile, pid: u32, small: &[u32]) -> BigUint {
    let mut generator = Generator::new(machine, file, pid);
    let mut prime = || {
        loop {
            let prime = generator.prime(small);
            if &prime % 65_537u32 != BigUint::from(1u8) {
                return prime;
            }
        }
    };
    prime() * prime()
}
