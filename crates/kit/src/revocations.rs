//! What `ca` tells of revocations, in events and in snapshots, read alike by all services that are told.
//!
//! Nothing that cannot be read makes a revoked certificate look good. A reason that is not known here, as a later version of `ca` may
//! have, is `unspecified`: the certificate is revoked for good. An event of which more cannot be read is an error, upon which a follower
//! takes a snapshot: that has what the event says, from the rows of `ca`. In a snapshot, what cannot be read of an entry is taken for
//! the worst.

use proto::ca::v1::{self as wire, Reason as WireReason};
use proto::feed::v1::FeedEvent;
use serde::Deserialize;
use store::time::from_micros;
use time::OffsetDateTime;
use time::macros::datetime;
use vocabulary::EventType;
use vocabulary::event::PREFIX;
use x509::Serial;
use x509::crl::Reason;

/// Where a certificate whose last second cannot be read ends: RFC 5280 section 4.1.2.5 has this for one that has no end.
const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// Which certificate of which issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Issuer generation, such as `issuing.2`.
    pub issuer: String,
    /// Shard of the CRL that lists it; 0: none.
    pub crl_shard: u32,
    /// Its serial number.
    pub serial: Serial,
}

/// Since when, and why. A hold is one with the reason certificateHold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// revocationDate.
    pub time: OffsetDateTime,
    /// Never removeFromCRL.
    pub reason: Reason,
    /// invalidityDate.
    pub invalidity: Option<OffsetDateTime>,
}

/// A certificate that is revoked or on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Which.
    pub subject: Subject,
    /// The last second of the certificate.
    pub not_after: OffsetDateTime,
    /// Since when, and why.
    pub revocation: Revocation,
}

/// What an event says, as far as it bears on revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A CA of this name was added.
    CaAdded(String),
    /// A certificate was revoked or put on hold, or its revocation was amended.
    Revoked(RevokedCertificate),
    /// A certificate is no longer on hold.
    Released(Subject),
}

/// An event about a revocation that does not say which certificate it is about, or since when it is revoked. An earlier version of `ca`
/// wrote such events too.
#[derive(Debug, thiserror::Error)]
#[error("event {id} of {subject:?} cannot be read: {cause}")]
pub struct UnreadableEvent {
    id: String,
    subject: String,
    cause: String,
}

/// Members of an event (`vocabulary::event::member`): of those that say the same, the ones in microseconds. Absent ones are those
/// of an earlier version.
#[derive(Deserialize)]
struct Data {
    issuer: Option<String>,
    #[serde(default)]
    crl_shard: Option<u32>,
    /// Of any type: whatever it is, the certificate is revoked.
    reason: Option<serde_json::Value>,
    revocation_time_us: Option<i64>,
    invalidity_time_us: Option<i64>,
    not_after_us: Option<i64>,
}

impl Subject {
    /// The certificate that an event says was issued. `None` for other events, and for one that cannot be read: whether a certificate
    /// is revoked does not depend on it.
    #[must_use]
    pub fn of_issued(event: &FeedEvent) -> Option<Self> {
        let name = event.r#type.strip_prefix(PREFIX)?;
        let is = |wanted: EventType| wanted.name() == name;
        if !is(EventType::CertificateIssued) && !is(EventType::CertificateRenewed) {
            return None;
        }
        let data: Data = serde_json::from_str(&event.data).ok()?;
        Some(Self {
            issuer: data.issuer?,
            crl_shard: data.crl_shard.unwrap_or(0),
            serial: event.subject.parse().ok()?,
        })
    }
}

impl Change {
    /// Reads an event of the feed of `ca`; `None` for one about something else.
    ///
    /// # Errors
    /// [`UnreadableEvent`]: a snapshot tells what the event should have told.
    pub fn read(event: &FeedEvent) -> Result<Option<Self>, UnreadableEvent> {
        let name = event.r#type.strip_prefix(PREFIX).unwrap_or_default();
        let is = |wanted: EventType| wanted.name() == name;
        if is(EventType::CaCreated) {
            return Ok(Some(Self::CaAdded(event.subject.clone())));
        }
        let released = is(EventType::CertificateReleased);
        let revoked = is(EventType::CertificateHeld)
            || is(EventType::CertificateRevoked)
            || is(EventType::CertificateRevocationAmended);
        if !released && !revoked {
            return Ok(None);
        }
        let read = Self::of_certificate(event, released);
        read.map(Some).map_err(|cause| UnreadableEvent {
            id: event.id.clone(),
            subject: event.subject.clone(),
            cause,
        })
    }

    fn of_certificate(event: &FeedEvent, released: bool) -> Result<Self, String> {
        let data: Data = serde_json::from_str(&event.data).map_err(|error| error.to_string())?;
        let serial = event.subject.parse::<Serial>();
        let subject = Subject {
            issuer: data.issuer.ok_or("it does not name the issuer")?,
            crl_shard: data.crl_shard.unwrap_or(0),
            serial: serial.map_err(|error| error.to_string())?,
        };
        if released {
            return Ok(Self::Released(subject));
        }
        let since = data.revocation_time_us.and_then(time);
        let not_after = data.not_after_us.and_then(time);
        let reason = data.reason.as_ref().and_then(serde_json::Value::as_str);
        let reason = reason.and_then(|reason| reason.parse().ok());
        Ok(Self::Revoked(RevokedCertificate {
            revocation: Revocation {
                time: since.ok_or("it has no time of the revocation")?,
                reason: revoking(reason),
                invalidity: data.invalidity_time_us.and_then(time),
            },
            not_after: not_after.ok_or("it does not tell the end of the certificate")?,
            subject,
        }))
    }
}

impl RevokedCertificate {
    /// An entry of a snapshot; `None` where its serial number is not one that a certificate of a CA here can have. No list can have
    /// it, and no request can ask for it.
    #[must_use]
    pub fn read(entry: &wire::RevokedCertificate) -> Option<Self> {
        let subject = Subject {
            issuer: entry.issuer.clone(),
            crl_shard: entry.crl_shard,
            serial: Serial::from_content(&entry.serial)?,
        };
        Some(Self {
            subject,
            not_after: time(entry.not_after_us).unwrap_or(NEVER),
            revocation: Revocation::read(entry.revocation.as_ref().unwrap_or(&wire::Revocation::default())),
        })
    }
}

impl Revocation {
    /// As messages have it. One whose time cannot be read is since 1970.
    #[must_use]
    pub fn read(wire: &wire::Revocation) -> Self {
        Self {
            time: time(wire.time_us).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            reason: revoking(WireReason::try_from(wire.reason).ok().and_then(reason)),
            invalidity: match wire.invalidity_us {
                0 => None,
                us => time(us),
            },
        }
    }
}

/// One that certificates and lists can have: before the year 0 there is no encoding.
fn time(us: i64) -> Option<OffsetDateTime> {
    from_micros(us).ok().filter(|time| time.year() >= 0)
}

/// removeFromCRL is for deltas: as the reason of a revocation it would say that the certificate is good.
fn revoking(reason: Option<Reason>) -> Reason {
    let known = reason.filter(|reason| *reason != Reason::RemoveFromCrl);
    known.unwrap_or(Reason::Unspecified)
}

fn reason(wire: WireReason) -> Option<Reason> {
    Some(match wire {
        WireReason::Unspecified => Reason::Unspecified,
        WireReason::KeyCompromise => Reason::KeyCompromise,
        WireReason::CaCompromise => Reason::CaCompromise,
        WireReason::AffiliationChanged => Reason::AffiliationChanged,
        WireReason::Superseded => Reason::Superseded,
        WireReason::CessationOfOperation => Reason::CessationOfOperation,
        WireReason::CertificateHold => Reason::CertificateHold,
        WireReason::PrivilegeWithdrawn => Reason::PrivilegeWithdrawn,
        WireReason::AaCompromise => Reason::AaCompromise,
        WireReason::NotGiven | WireReason::RemoveFromCrl => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 3:04:05.000006 UTC);
    const NOW_US: i64 = 1_798_859_045_000_006;

    fn event(kind: EventType, data: &Value) -> FeedEvent {
        FeedEvent {
            id: "1".to_owned(),
            r#type: format!("{PREFIX}{}", kind.name()),
            subject: "0a".to_owned(),
            data: data.to_string(),
            ..FeedEvent::default()
        }
    }

    fn of_event(reason: Value) -> Revocation {
        let data = json!({
            "issuer": "a", "crl_shard": 3, "not_after_us": NOW_US, "reason": reason,
            "revocation_time_us": NOW_US, "invalidity_time_us": null,
        });
        let change = Change::read(&event(EventType::CertificateRevoked, &data)).unwrap();
        let Some(Change::Revoked(revoked)) = change else {
            panic!("{change:?}");
        };
        let RevokedCertificate {
            subject, not_after, ..
        } = revoked;
        assert_eq!(
            (subject.issuer.as_str(), subject.crl_shard, not_after),
            ("a", 3, NOW)
        );
        assert_eq!(revoked.revocation.time, NOW);
        revoked.revocation
    }

    fn of_snapshot(reason: i32) -> Revocation {
        Revocation::read(&wire::Revocation {
            time_us: NOW_US,
            reason,
            ..wire::Revocation::default()
        })
    }

    #[test]
    fn a_reason_that_is_not_known_is_unspecified_and_none_makes_a_certificate_good() {
        for (text, number, expected) in [
            (json!("key-compromise"), 2, Reason::KeyCompromise),
            (json!("certificate-hold"), 7, Reason::CertificateHold),
            (json!("remove-from-crl"), 8, Reason::Unspecified),
            (json!("who-knows"), 99, Reason::Unspecified),
            (json!(17), -1, Reason::Unspecified),
            (json!(null), 0, Reason::Unspecified),
        ] {
            assert_eq!(of_event(text.clone()).reason, expected, "{text}");
            assert_eq!(of_snapshot(number).reason, expected, "{number}");
        }
    }

    #[test]
    fn an_event_that_does_not_say_what_is_revoked_since_when_is_an_error() {
        let whole =
            json!({"issuer": "a", "not_after_us": 1, "reason": "superseded", "revocation_time_us": 1});
        let revoked = |data: &Value| Change::read(&event(EventType::CertificateRevoked, data));
        assert!(matches!(revoked(&whole), Ok(Some(Change::Revoked(_)))));
        for (member, value) in [
            ("issuer", json!(null)),
            ("issuer", json!(5)),
            ("not_after_us", json!(null)),
            ("not_after_us", json!(i64::MAX)),
            ("revocation_time_us", json!("yesterday")),
            ("revocation_time_us", json!(null)),
            ("crl_shard", json!(-1)),
        ] {
            let mut damaged = whole.clone();
            damaged[member] = value;
            assert!(revoked(&damaged).is_err(), "{damaged}");
        }
        let mut other = event(EventType::CertificateHeld, &whole);
        other.subject = "-1".to_owned();
        assert!(Change::read(&other).is_err());
    }

    #[test]
    fn certificates_that_were_issued_or_renewed_are_found_in_events() {
        let data = json!({"issuer": "a.2", "crl_shard": 3});
        for kind in [EventType::CertificateIssued, EventType::CertificateRenewed] {
            let found = Subject::of_issued(&event(kind, &data)).unwrap();
            assert_eq!((found.issuer.as_str(), found.crl_shard), ("a.2", 3));
            assert_eq!(found.serial, "0a".parse().unwrap());
        }
        assert_eq!(
            Subject::of_issued(&event(EventType::CertificateHeld, &data)),
            None
        );
        assert_eq!(
            Subject::of_issued(&event(EventType::CertificateIssued, &json!({}))),
            None
        );
    }

    /// Verbatim: `not_after` in seconds in one event and as text in another, and without members that came later.
    #[test]
    fn events_of_earlier_versions_are_read() {
        let issued = json!({
            "serial": "0a", "ca": "a", "issuer": "a", "crl_shard": 0, "profile": "tls-server", "subject": "CN=b", "san": ["dns:b"],
            "not_before": 1_798_859_045, "not_after": 1_830_395_045, "requester": "r", "protocol": "rest",
            "fingerprint_sha256": "00", "replaces": null, "actor": "r", "lint_warnings": [],
        });
        assert_eq!(
            Change::read(&event(EventType::CertificateIssued, &issued)).unwrap(),
            None
        );
        let revoked = json!({
            "serial": "0a", "ca": "a", "issuer": "a", "crl_shard": 3, "not_after": "2028-01-02T03:04:05Z",
            "not_after_us": NOW_US, "profile": "tls-server", "requester": "r", "actor": "r", "status": "revoked",
            "reason": "superseded", "revocation_time": "2027-01-02T03:04:05Z", "invalidity_time": null,
            "revocation_time_us": NOW_US, "invalidity_time_us": null, "decided_as": "owner",
        });
        let read = Change::read(&event(EventType::CertificateRevoked, &revoked)).unwrap();
        let expected = RevokedCertificate {
            subject: Subject {
                issuer: "a".to_owned(),
                crl_shard: 3,
                serial: "0a".parse().unwrap(),
            },
            not_after: NOW,
            revocation: Revocation {
                time: NOW,
                reason: Reason::Superseded,
                invalidity: None,
            },
        };
        assert_eq!(read, Some(Change::Revoked(expected)));
    }

    #[test]
    fn events_about_something_else_say_nothing() {
        let added = Change::read(&event(EventType::CaCreated, &json!({}))).unwrap();
        assert_eq!(added, Some(Change::CaAdded("0a".to_owned())));
        let issued = event(EventType::CertificateIssued, &json!({"serial": "0a"}));
        assert_eq!(Change::read(&issued).unwrap(), None);
        let released = event(EventType::CertificateReleased, &json!({"issuer": "a"}));
        assert!(matches!(Change::read(&released), Ok(Some(Change::Released(_)))));
    }

    #[test]
    fn what_cannot_be_read_of_a_snapshot_is_taken_for_the_worst() {
        let entry = wire::RevokedCertificate {
            issuer: "a".to_owned(),
            serial: vec![0, 0x80],
            not_after_us: i64::MAX,
            ..wire::RevokedCertificate::default()
        };
        let read = RevokedCertificate::read(&entry).unwrap();
        assert_eq!(
            (read.subject.serial.to_string().as_str(), read.not_after),
            ("80", NEVER)
        );
        assert_eq!(read.revocation.reason, Reason::Unspecified);
        for serial in [vec![], vec![0], vec![0x80], vec![0, 1], vec![1; 21]] {
            let entry = wire::RevokedCertificate {
                serial,
                ..entry.clone()
            };
            assert_eq!(RevokedCertificate::read(&entry), None, "{entry:?}");
        }
    }
}
