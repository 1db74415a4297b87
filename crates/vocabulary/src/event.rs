//! Types of events in the change feeds of services, and the members of their data. Which service writes them is declared by the
//! service (`EVENTS` of its crate).

pub mod member;

use self::member::{
    ACTOR, ALGORITHM, ALLOWED_NAMES, BACKEND, BASE, CA, CREATED_BY, CRL_KIND, CRL_SHARD, DAMAGE, DECIDED_AS,
    ENTRIES, EXPIRES_AT, FINGERPRINT_SHA256, HEALTH, IMPORTED, INVALIDITY_TIME, INVALIDITY_TIME_US, ISSUER,
    JOB, KEY_PREFIX, KIND, LINT_WARNINGS, Member, NAME, NEXT_UPDATE, NOT_AFTER, NOT_AFTER_US, NOT_BEFORE,
    NUMBER, OCTETS, PATH, PROBLEMS, PROFILE, PROTOCOL, PURPOSE, REASON, REPLACES, REQUESTER, REVOCATION_TIME,
    REVOCATION_TIME_US, REVOKED_BY, ROLES, SAME_KEY, SAN, SERIAL, SPKI_SHA256, STATE, STATUS, SUBJECT,
    THIS_UPDATE, TIME, UNKNOWN,
};

macro_rules! events {
    ($($variant:ident $name:literal about $subject:literal with $members:expr; $meaning:literal)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(#[doc = $meaning] $variant,)*
        }

        impl EventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is stored, such as `certificate.issued`; the CloudEvents type is [`PREFIX`] and this.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the `subject` of the event is.
            #[must_use]
            pub const fn subject(self) -> &'static str {
                match self { $(Self::$variant => $subject,)* }
            }

            /// The members of its data.
            #[must_use]
            pub const fn members(self) -> &'static [Member] {
                match self { $(Self::$variant => $members,)* }
            }

            /// When it is written.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

/// What the CloudEvents type of every event begins with.
pub const PREFIX: &str = "io.gigvault.";

const OF_ISSUANCE: &[Member] = &[
    SERIAL,
    CA,
    ISSUER,
    CRL_SHARD,
    PROFILE,
    SUBJECT,
    SAN,
    NOT_BEFORE,
    NOT_AFTER,
    REQUESTER,
    PROTOCOL,
    FINGERPRINT_SHA256,
    REPLACES,
    ACTOR,
    LINT_WARNINGS,
];

const OF_REVOCATION: &[Member] = &[
    SERIAL,
    CA,
    ISSUER,
    CRL_SHARD,
    NOT_AFTER,
    NOT_AFTER_US,
    PROFILE,
    REQUESTER,
    ACTOR,
    STATUS,
    REASON,
    REVOCATION_TIME,
    REVOCATION_TIME_US,
    INVALIDITY_TIME,
    INVALIDITY_TIME_US,
    DECIDED_AS,
    SAME_KEY,
];

const OF_CRL: &[Member] = &[
    ISSUER,
    CRL_SHARD,
    CRL_KIND,
    NUMBER,
    BASE,
    ENTRIES,
    OCTETS,
    THIS_UPDATE,
    NEXT_UPDATE,
    PATH,
    IMPORTED,
];

events! {
    CertificateIssued "certificate.issued" about "serial number" with OF_ISSUANCE;
        "A certificate was issued that replaces none."
    CertificateRenewed "certificate.renewed" about "serial number of the new certificate" with OF_ISSUANCE;
        "A certificate was issued in place of an earlier one, which `replaces` names."
    CertificateHeld "certificate.held" about "serial number" with OF_REVOCATION;
        "A certificate was put on hold."
    CertificateReleased "certificate.released" about "serial number" with OF_REVOCATION;
        "A certificate was released from hold."
    CertificateRevoked "certificate.revoked" about "serial number" with OF_REVOCATION;
        "A certificate was revoked for good."
    CertificateRevocationAmended "certificate.revocation-amended" about "serial number" with OF_REVOCATION;
        "The reason or the invalidity date of a revocation changed."
    CaCreated "ca.created" about "name of the CA" with &[CA, SUBJECT, SERIAL]; "A CA was added."
    CaSuspended "ca.suspended" about "name of the CA" with &[CA, ACTOR]; "An operator stopped a CA from issuing."
    CaResumed "ca.resumed" about "name of the CA" with &[CA, ACTOR]; "An operator let a suspended CA issue again."
    CaHealthChanged "ca.health_changed" about "name of the CA" with &[CA, ISSUER, HEALTH, PROBLEMS, UNKNOWN];
        "By the self-check of CRLs and OCSP at the URLs in certificates, an issuer is healthy, unhealthy, or not known, and was not before."
    CrlPublished "crl.published" about "issuer of the CRL, with its shard if it has one" with OF_CRL;
        "A CRL was published: a complete list or a delta."
    KeyGenerated "key.generated" about "name of the key"
        with &[NAME, ALGORITHM, PURPOSE, BACKEND, SPKI_SHA256, REQUESTER]; "A key was made."
    JobProgress "job.progress" about "id of the job" with &[JOB, KIND, REQUESTER, STATE, TIME];
        "A durable job went on or ended. Each service with durable jobs writes it."
    ApiKeyCreated "auth.api_key_created" about "prefix of the API key"
        with &[KEY_PREFIX, NAME, ROLES, CREATED_BY, EXPIRES_AT, ALLOWED_NAMES]; "An API key was made."
    ApiKeyRevoked "auth.api_key_revoked" about "prefix of the API key" with &[KEY_PREFIX, NAME, ROLES, REVOKED_BY, DAMAGE];
        "An API key was revoked."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_dotted() {
        let names: BTreeSet<_> = EventType::ALL.iter().map(|event| event.name()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        for name in names {
            let plain = |text: &str| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte))
            };
            assert!(
                name.split_once('.')
                    .is_some_and(|(thing, what)| plain(thing) && plain(what)),
                "{name}"
            );
        }
    }

    #[test]
    fn each_member_is_of_an_event() {
        let of_events = EventType::ALL.iter().flat_map(|event| event.members());
        let of_events: BTreeSet<_> = of_events.map(|member| member.name).collect();
        let all: BTreeSet<_> = member::ALL.iter().map(|member| member.name).collect();
        assert_eq!(of_events, all);
        for event in EventType::ALL {
            let names: BTreeSet<_> = event.members().iter().map(|member| member.name).collect();
            assert_eq!(names.len(), event.members().len(), "{}", event.name());
        }
    }
}
