//! Types of events in the change feeds of services.

use crate::service;

macro_rules! events {
    ($($variant:ident $name:literal of $service:ident about $subject:literal: $meaning:literal;)*) => {
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

            /// The service whose feed has it.
            #[must_use]
            pub const fn service(self) -> &'static str {
                match self { $(Self::$variant => service::$service,)* }
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
    CertificateIssued "certificate.issued" of CA about "serial number":
        "A certificate was issued that replaces none.";
    CertificateRenewed "certificate.renewed" of CA about "serial number of the new certificate":
        "A certificate was issued in place of an earlier one, which `replaces` names.";
    CertificateHeld "certificate.held" of CA about "serial number":
        "A certificate was put on hold.";
    CertificateReleased "certificate.released" of CA about "serial number":
        "A certificate was released from hold.";
    CertificateRevoked "certificate.revoked" of CA about "serial number":
        "A certificate was revoked for good.";
    CertificateRevocationAmended "certificate.revocation-amended" of CA about "serial number":
        "The reason or the invalidity date of a revocation changed.";
    CaCreated "ca.created" of CA about "name of the CA": "A CA was added.";
    CaSuspended "ca.suspended" of CA about "name of the CA": "An operator stopped a CA from issuing.";
    CaResumed "ca.resumed" of CA about "name of the CA": "An operator let a suspended CA issue again.";
    KeyGenerated "key.generated" of KEYMGR about "name of the key": "A key was made.";
    JobProgress "job.progress" of ANY about "id of the job":
        "A durable job went on or ended; its service writes it.";
    ApiKeyCreated "auth.api_key_created" of AUTH about "prefix of the API key": "An API key was made.";
    ApiKeyRevoked "auth.api_key_revoked" of AUTH about "prefix of the API key": "An API key was revoked.";
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
