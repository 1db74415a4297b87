//! Types of events in the change feeds of services. Which service writes them is declared by the service (`EVENTS` of its crate).

macro_rules! events {
    ($($variant:ident $name:literal about $subject:literal: $meaning:literal;)*) => {
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

events! {
    CertificateIssued "certificate.issued" about "serial number":
        "A certificate was issued that replaces none.";
    CertificateRenewed "certificate.renewed" about "serial number of the new certificate":
        "A certificate was issued in place of an earlier one, which `replaces` names.";
    CertificateHeld "certificate.held" about "serial number":
        "A certificate was put on hold.";
    CertificateReleased "certificate.released" about "serial number":
        "A certificate was released from hold.";
    CertificateRevoked "certificate.revoked" about "serial number":
        "A certificate was revoked for good.";
    CertificateRevocationAmended "certificate.revocation-amended" about "serial number":
        "The reason or the invalidity date of a revocation changed.";
    CaCreated "ca.created" about "name of the CA": "A CA was added.";
    CaSuspended "ca.suspended" about "name of the CA": "An operator stopped a CA from issuing.";
    CaResumed "ca.resumed" about "name of the CA": "An operator let a suspended CA issue again.";
    CaHealthChanged "ca.health_changed" about "name of the CA":
        "By the self-check of CRLs and OCSP at the URLs in certificates, an issuer is healthy, unhealthy, or not known, and was not before.";
    CrlPublished "crl.published" about "issuer of the CRL, with its shard if it has one":
        "A CRL was published: a complete list or a delta.";
    KeyGenerated "key.generated" about "name of the key": "A key was made.";
    JobProgress "job.progress" about "id of the job":
        "A durable job went on or ended. Each service with durable jobs writes it.";
    ApiKeyCreated "auth.api_key_created" about "prefix of the API key": "An API key was made.";
    ApiKeyRevoked "auth.api_key_revoked" about "prefix of the API key": "An API key was revoked.";
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
}
