//! What all answers together say.

use super::channel::{Answer, Channel, Kind};

/// What all answers together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Revoked,
    OnHold,
    Unknown,
    NotKnown,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::OnHold => "on_hold",
            Self::Unknown => "unknown",
            Self::NotKnown => "not_known",
        }
    }
}

/// Each complete list with its deltas.
pub(super) fn lists(channels: &[Channel]) -> Vec<(&Channel, &[Channel])> {
    let mut lists = Vec::new();
    for (at, channel) in channels.iter().enumerate() {
        if channel.channel == Kind::Crl {
            let behind = channels.get(at + 1..).unwrap_or_default();
            let deltas = behind
                .iter()
                .take_while(|channel| channel.channel == Kind::Delta)
                .count();
            lists.push((channel, behind.get(..deltas).unwrap_or_default()));
        }
    }
    lists
}

/// The row by which a complete list and its deltas say what they say: the newest delta with a word, by its number. Of deltas with one
/// number, the word that is worst for the certificate.
pub(super) fn last_word<'a>(complete: &'a Channel, deltas: &'a [Channel]) -> &'a Channel {
    let words = deltas.iter().filter_map(|delta| {
        let weight = match delta.answer {
            Answer::Revoked => 2,
            Answer::OnHold => 1,
            Answer::Released => 0,
            Answer::Good
            | Answer::Unknown
            | Answer::NotListed
            | Answer::Outdated
            | Answer::Failed
            | Answer::NotAsked
            | Answer::NotNeeded => return None,
        };
        Some((delta.number, weight, delta))
    });
    let last = words.max_by_key(|(number, weight, _)| (*number, *weight));
    last.map_or(complete, |(_, _, delta)| delta)
}

/// The rows that count: those of OCSP, the last word of each list, and what is missing.
fn words(channels: &[Channel]) -> Vec<&Channel> {
    let others = channels
        .iter()
        .filter(|channel| channel.channel == Kind::Ocsp || channel.answer.is_missing());
    let of_lists = lists(channels).into_iter();
    others
        .chain(of_lists.map(|(complete, deltas)| last_word(complete, deltas)))
        .collect()
}

/// The row by which the certificate is revoked or on hold.
pub(super) fn revocation(channels: &[Channel]) -> Option<&Channel> {
    let words = words(channels);
    let first = |answer| words.iter().find(|channel| channel.answer == answer).copied();
    first(Answer::Revoked).or_else(|| first(Answer::OnHold))
}

/// What all answers together say: a relying party believes the one that says revoked, and does without none.
pub(super) fn verdict(channels: &[Channel]) -> Verdict {
    let words: Vec<Answer> = words(channels).iter().map(|channel| channel.answer).collect();
    let has = |answer| words.contains(&answer);
    match () {
        () if has(Answer::Revoked) => Verdict::Revoked,
        () if has(Answer::OnHold) => Verdict::OnHold,
        () if words.is_empty() || words.iter().any(|answer| answer.is_missing()) => Verdict::NotKnown,
        () if has(Answer::Unknown) => Verdict::Unknown,
        () => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(number: u64, answer: Answer) -> Channel {
        Channel {
            number: Some(number.into()),
            ..Channel::new(Kind::Delta, "http://pki.example.test/d.crl", answer)
        }
    }

    #[test]
    fn the_newest_delta_has_the_last_word_and_of_equal_ones_the_worst() {
        use Answer::{NotListed, OnHold, Outdated, Released, Revoked};
        let held = Channel::new(Kind::Crl, "http://pki.example.test/c.crl", OnHold);
        for (deltas, expected) in [
            (vec![delta(9, Released), delta(12, Revoked)], Verdict::Revoked),
            (vec![delta(12, Revoked), delta(9, Released)], Verdict::Revoked),
            (vec![delta(12, Released), delta(9, OnHold)], Verdict::Good),
            (vec![delta(9, Released), delta(9, Revoked)], Verdict::Revoked),
            (vec![delta(9, Revoked), delta(9, Released)], Verdict::Revoked),
            (vec![delta(9, Released), delta(9, OnHold)], Verdict::OnHold),
            (vec![delta(9, Released), delta(12, NotListed)], Verdict::Good),
            (vec![delta(12, NotListed), delta(13, Outdated)], Verdict::OnHold),
        ] {
            let all = [&[held.clone()][..], &deltas].concat();
            assert_eq!(verdict(&all), expected, "{deltas:?}");
        }
    }

    #[test]
    fn what_is_told_of_a_revocation_is_of_the_row_that_says_it() {
        let held = Channel {
            reason: Some("certificate-hold".to_owned()),
            ..Channel::new(Kind::Crl, "http://pki.example.test/c.crl", Answer::OnHold)
        };
        let revoked = Channel {
            reason: Some("key-compromise".to_owned()),
            ..delta(9, Answer::Revoked)
        };
        let ocsp = Channel::new(Kind::Ocsp, "http://ocsp.example.test", Answer::OnHold);
        let reason = |channels: &[Channel]| revocation(channels).and_then(|row| row.reason.clone());
        let all = [ocsp, held.clone(), revoked];
        assert_eq!(reason(&all).as_deref(), Some("key-compromise"));
        assert_eq!(
            reason(std::slice::from_ref(&held)).as_deref(),
            Some("certificate-hold")
        );
        assert!(revocation(&[held, delta(9, Answer::Released)]).is_none());
    }

    #[test]
    fn what_was_not_asked_is_not_good() {
        let ocsp = |answer| Channel::new(Kind::Ocsp, "http://ocsp.example.test", answer);
        let all = [ocsp(Answer::Good), ocsp(Answer::NotAsked)];
        assert_eq!(verdict(&all), Verdict::NotKnown);
        let all = [ocsp(Answer::NotAsked), ocsp(Answer::Revoked)];
        assert_eq!(verdict(&all), Verdict::Revoked);
    }
}
