//! Why answers differ, in words.

use time::OffsetDateTime;

use super::channel::{Answer, Channel, Kind};
use super::verdict::{last_word, lists};
use crate::commands::times;

/// What is to be said of these answers beside themselves.
pub(super) fn notes(channels: &[Channel]) -> Vec<String> {
    let mut notes = Vec::new();
    if channels.is_empty() {
        notes.push("the certificate names nothing of what was to be asked".to_owned());
    }
    let of_ocsp = || channels.iter().filter(|channel| channel.channel == Kind::Ocsp);
    notes.extend(of_ocsp().filter_map(responder));
    for (complete, deltas) in lists(channels) {
        notes.extend(deltas.iter().filter_map(|delta| against_delta(complete, delta)));
        let word = last_word(complete, deltas);
        // The newest of what was seen, where none has it.
        let newest = deltas
            .iter()
            .filter(|delta| !delta.answer.is_missing())
            .filter(|delta| !matches!(delta.answer, Answer::Outdated | Answer::NotNeeded))
            .chain([complete])
            .max_by_key(|list| list.this_update)
            .unwrap_or(complete);
        let list = if word.answer == Answer::NotListed {
            newest
        } else {
            word
        };
        notes.extend(of_ocsp().filter_map(|ocsp| against_ocsp(ocsp, list)));
    }
    notes
}

fn minute(time: Option<OffsetDateTime>) -> String {
    time.map_or_else(
        || "an unknown time".to_owned(),
        |time| format!("{} UTC", times::minute(time)),
    )
}

fn responder(ocsp: &Channel) -> Option<String> {
    let text = match ocsp.answer {
        Answer::Unknown if ocsp.never_issued == Some(true) => {
            "the responder says that its CA never issued the certificate, which is written as revoked since 1970 (RFC 6960 section 4.4.8)"
        }
        Answer::Unknown => {
            "the responder does not know the certificate: its CA did not issue it, or the responder was not told yet"
        }
        _ if ocsp.no_check == Some(false) => {
            "the certificate of the responder does not say that its own status is not to be asked for (id-pkix-ocsp-nocheck); that \
             was not looked at"
        }
        _ => return None,
    };
    Some(format!("{}: {text}", ocsp.url))
}

/// Where a delta and its complete list differ.
fn against_delta(complete: &Channel, delta: &Channel) -> Option<String> {
    let next = minute(complete.next_update);
    Some(match (complete.answer, delta.answer) {
        (_, Answer::Outdated) => format!(
            "{}: the delta is older than the complete CRL, as one from a cache may be, and was not applied",
            delta.url
        ),
        (Answer::NotListed, Answer::Revoked | Answer::OnHold) => format!(
            "the delta is newer than the complete CRL, and lists the certificate; relying parties that take no deltas learn it from \
             the next complete CRL, which will be there by {next}"
        ),
        (Answer::OnHold | Answer::Revoked, Answer::Released) => format!(
            "the delta is newer than the complete CRL, and releases the certificate from hold; relying parties that take no deltas \
             take it for on hold up to the next complete CRL, which will be there by {next}"
        ),
        _ => return None,
    })
}

/// Where OCSP and a list, or a delta, differ.
fn against_ocsp(ocsp: &Channel, list: &Channel) -> Option<String> {
    let listed = list.answer.is_revoked();
    let unlisted = matches!(list.answer, Answer::NotListed | Answer::Released);
    match (ocsp.answer, list.answer) {
        (Answer::Good | Answer::Unknown, _) if listed => Some(ocsp_is_behind(ocsp, list)),
        (Answer::Revoked | Answer::OnHold, _) if unlisted => Some(list_is_behind(ocsp, list)),
        (ours, theirs) if ours.is_revoked() && theirs.is_revoked() && ours != theirs => Some(format!(
            "OCSP says {} and the CRL {}: one of them was made before that changed; OCSP is of {}, the CRL of {}",
            ours.as_str(),
            theirs.as_str(),
            minute(ocsp.this_update),
            minute(list.this_update)
        )),
        _ if ocsp.answer.is_revoked() && listed && ocsp.reason != list.reason => Some(format!(
            "OCSP and the CRL give different reasons, {} and {}: the reason was changed, and one of them was made before; OCSP is \
             of {}, the CRL of {}",
            ocsp.reason.as_deref().unwrap_or_default(),
            list.reason.as_deref().unwrap_or_default(),
            minute(ocsp.this_update),
            minute(list.this_update)
        )),
        _ => None,
    }
}

fn list_is_behind(ocsp: &Channel, list: &Channel) -> String {
    let (made, since) = (minute(list.this_update), minute(ocsp.revoked_at));
    let what = match list.channel {
        Kind::Delta => "the delta",
        _ => "the CRL",
    };
    match list.this_update < ocsp.revoked_at {
        true => format!(
            "OCSP says revoked since {since}, and {what} is of {made}, from before that: the next one, which will be there by {}, \
             will list it; a cache may have kept an older one",
            minute(list.next_update)
        ),
        false => format!(
            "OCSP says revoked since {since}, and {what} of {made} does not list it, although it was made after that; `gigvault \
             doctor` looks at the lists of the server"
        ),
    }
}

fn ocsp_is_behind(ocsp: &Channel, list: &Channel) -> String {
    let (made, since) = (minute(ocsp.this_update), minute(list.revoked_at));
    let why = match (ocsp.nonce_repeated, ocsp.this_update < list.revoked_at) {
        (Some(true), _) => {
            "the answer was made for this request, so that the responder does not know of the revocation; `gigvault doctor` looks at \
             the responder of the server"
                .to_owned()
        }
        (_, true) => format!(
            "the answer is from before that and was not made for this request: a cache may give it up to {}",
            minute(ocsp.next_update)
        ),
        (_, false) => "the answer is from after that, so that the responder does not know of the revocation".to_owned(),
    };
    format!(
        "the CRL says revoked since {since}, and OCSP says {} as of {made}: {why}",
        ocsp.answer.as_str()
    )
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::commands::cert_status::verdict::{Verdict, verdict};

    fn at(minutes: i64) -> Option<OffsetDateTime> {
        Some(OffsetDateTime::UNIX_EPOCH + Duration::minutes(minutes))
    }

    /// Of that minute.
    fn channel(kind: Kind, answer: Answer, made: i64) -> Channel {
        Channel {
            this_update: at(made),
            next_update: at(made + 60),
            revoked_at: at(10).filter(|_| answer.is_revoked()),
            reason: answer.is_revoked().then(|| "superseded".to_owned()),
            nonce_repeated: (kind == Kind::Ocsp).then_some(false),
            ..Channel::new(kind, "http://pki.example.test/x", answer)
        }
    }

    fn said(channels: &[Channel]) -> String {
        notes(channels).join("\n")
    }

    #[test]
    fn answers_that_agree_need_no_words() {
        for (ocsp, crl, delta) in [
            (Answer::Good, Answer::NotListed, Answer::NotListed),
            (Answer::Revoked, Answer::Revoked, Answer::NotListed),
            (Answer::OnHold, Answer::OnHold, Answer::OnHold),
        ] {
            let all = [
                channel(Kind::Ocsp, ocsp, 20),
                channel(Kind::Crl, crl, 20),
                channel(Kind::Delta, delta, 20),
            ];
            assert_eq!(said(&all), "");
        }
    }

    /// What is said where OCSP is of minute 7, and the lists of these.
    fn of(ocsp: Answer, (crl, made): (Answer, i64), (delta, later): (Answer, i64)) -> (String, Verdict) {
        let all = [
            channel(Kind::Ocsp, ocsp, 7),
            channel(Kind::Crl, crl, made),
            channel(Kind::Delta, delta, later),
        ];
        (said(&all), verdict(&all))
    }

    #[test]
    fn what_says_revoked_wins_and_why_others_do_not_is_explained() {
        use Answer::{Good, NotListed, OnHold, Revoked};
        for (ocsp, crl, delta, words) in [
            (Revoked, (NotListed, 5), (NotListed, 6), "from before that"),
            (
                Revoked,
                (NotListed, 5),
                (NotListed, 20),
                "although it was made after",
            ),
            (Revoked, (NotListed, 5), (Revoked, 20), "take no deltas"),
            (Good, (Revoked, 20), (NotListed, 20), "a cache may give it up to"),
            (OnHold, (Revoked, 20), (NotListed, 20), "before that changed"),
        ] {
            let (said, verdict) = of(ocsp, crl, delta);
            assert!(said.contains(words), "{ocsp:?} {crl:?} {delta:?}: {said}");
            assert_eq!(verdict, Verdict::Revoked, "{ocsp:?} {crl:?} {delta:?}");
        }
    }

    #[test]
    fn other_differences_are_explained_and_what_failed_is_not_good() {
        use Answer::{Failed, Good, NotListed, OnHold, Outdated, Released, Unknown};
        let unlisted = (NotListed, 20);
        for (ocsp, crl, delta, words, expected) in [
            (
                Good,
                (OnHold, 5),
                (Released, 20),
                "releases the certificate",
                Verdict::Good,
            ),
            (Good, unlisted, (Outdated, 5), "was not applied", Verdict::Good),
            (Unknown, unlisted, unlisted, "did not issue it", Verdict::Unknown),
            (Good, unlisted, (Failed, 20), "", Verdict::NotKnown),
        ] {
            let (said, verdict) = of(ocsp, crl, delta);
            assert!(said.contains(words), "{ocsp:?} {crl:?} {delta:?}: {said}");
            assert_eq!(verdict, expected, "{ocsp:?} {crl:?} {delta:?}");
        }
    }

    #[test]
    fn an_answer_made_for_the_request_is_not_from_a_cache() {
        let fresh = Channel {
            nonce_repeated: Some(true),
            ..channel(Kind::Ocsp, Answer::Good, 30)
        };
        let told = said(&[fresh, channel(Kind::Crl, Answer::Revoked, 20)]);
        assert!(told.contains("made for this request"), "{told}");
    }

    #[test]
    fn never_issued_is_said_and_is_not_a_hold() {
        let ocsp = Channel {
            never_issued: Some(true),
            ..channel(Kind::Ocsp, Answer::Unknown, 7)
        };
        assert_eq!(verdict(std::slice::from_ref(&ocsp)), Verdict::Unknown);
        assert!(said(&[ocsp]).contains("never issued"));
    }

    #[test]
    fn nothing_to_ask_is_not_good() {
        assert_eq!(verdict(&[]), Verdict::NotKnown);
        assert!(said(&[]).contains("names nothing"));
    }
}
