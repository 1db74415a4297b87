//! What a new passphrase must be. One that opens an existing key is never judged.
//!
//! A key file can be copied and guessed at without limit, so the rule is stricter than for a login (NIST SP 800-63B
//! section 3.1.1.2 asks for eight characters and a list of common ones): length counts, and what repeats, counts up or is
//! a common word adds none.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use crate::KeyError;

/// Shortest new passphrase, in characters.
const SHORTEST: usize = 12;
/// Characters that are left when runs and repetitions are taken out.
const FEWEST_EFFECTIVE: usize = 8;
/// Characters that differ from each other.
const FEWEST_DISTINCT: usize = 6;
/// What guessers try first.
const COMMON: [&str; 16] = [
    "1q2w3e4r",
    "admin",
    "asdfgh",
    "changeit",
    "changeme",
    "correcthorse",
    "gigvault",
    "iloveyou",
    "letmein",
    "passphrase",
    "password",
    "passwort",
    "qwerty",
    "qwertz",
    "secret",
    "welcome",
];

/// Refuses a new passphrase that is quickly guessed: shorter than 12 characters, fewer than 6 different ones, or fewer
/// than 8 when runs (`aaaa`, `1234`, `dcba`), repetitions of a part and common words count as one.
///
/// # Errors
/// [`KeyError::WeakPassphrase`], which says which part of the rule.
pub fn check_new(passphrase: &SecretString) -> Result<(), KeyError> {
    let text = passphrase.expose_secret().trim().to_lowercase();
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < SHORTEST {
        return Err(KeyError::WeakPassphrase("it has fewer than 12 characters"));
    }
    if characters.iter().collect::<BTreeSet<_>>().len() < FEWEST_DISTINCT {
        return Err(KeyError::WeakPassphrase(
            "it has fewer than 6 different characters",
        ));
    }
    let part = characters.get(..period(&characters)).unwrap_or_default();
    let mut rest: String = part.iter().collect();
    for word in COMMON {
        rest = rest.replace(word, " ");
    }
    if effective(&rest.chars().collect::<Vec<_>>()) < FEWEST_EFFECTIVE {
        return Err(KeyError::WeakPassphrase(
            "without repetitions, runs and common words it has fewer than 8 characters",
        ));
    }
    Ok(())
}

/// The length of the part that the whole repeats.
fn period(characters: &[char]) -> usize {
    let repeats = |length: &usize| {
        characters
            .iter()
            .zip(characters.iter().skip(*length))
            .all(|(a, b)| a == b)
    };
    (1..characters.len()).find(repeats).unwrap_or(characters.len())
}

/// Characters that do not continue a run: of equal ones, or one up or down.
fn effective(characters: &[char]) -> usize {
    let step = |(a, b): (&char, &char)| i64::from(u32::from(*b)) - i64::from(u32::from(*a));
    let breaks = characters.iter().zip(characters.iter().skip(1)).map(step);
    usize::from(!characters.is_empty()) + breaks.filter(|step| !(-1..=1).contains(step)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quickly_guessed_is_refused() {
        for weak in [
            "",
            "aaaaaaaa",
            "aaaaaaaaaaaaaaaa",
            "short",
            "abcdefghijklmnop",
            "123456789012",
            "abcabcabcabcabc",
            "abcd1234abcd1234",
            "zyxwvutsrqponm",
            "passwordpassword",
            "Password1234",
            "changeme12345",
            "gigvaultsecret1",
            "            ",
            "horse       ",
            "aabbccddeeff",
            "qwertyqwerty1",
        ] {
            assert!(check_new(&weak.into()).is_err(), "{weak}");
        }
    }

    #[test]
    fn words_and_random_characters_are_taken() {
        for good in [
            "correct horse battery staple",
            "five random words are best",
            "spoken only in this room",
            "x7!kQ2m#9vLp",
            "grüne kühe fliegen nachts",
            "牛が空を飛ぶ夜に月が笑う",
        ] {
            check_new(&good.into()).unwrap();
        }
    }
}
