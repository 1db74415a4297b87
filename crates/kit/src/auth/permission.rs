//! Every permission there is, as a constant and as a type.
//!
//! Names have the form `resource:verb`. A name covers those that add a qualifier to it with a dash:
//! who may `certificates:read` may `certificates:read-own`.
//!
//! A permission *reads*, or it *acts*: signs, revokes, grants, applies, destroys. The type of one that acts asks its
//! handler for an intent, so that each of its routes can be asked what it would do.

use crate::dry_run::{FromParts, RestIntent};

/// A permission as a type, for the signature of a handler.
#[expect(
    private_bounds,
    reason = "there are two kinds of permission, and no other crate adds a third"
)]
pub trait Permission: Send + Sync + 'static {
    /// `resource:verb`.
    const NAME: &'static str;
    /// What a handler is given beside the caller: [`RestIntent`] where it acts, nothing where it reads.
    type Intent: FromParts + Clone + std::fmt::Debug + Send;
}

/// Whether holding `held` is enough where `asked` is needed.
pub(super) fn covers(held: &str, asked: &str) -> bool {
    asked
        .strip_prefix(held)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether routes of that permission can be asked what they would do.
#[must_use]
pub fn acts(name: &str) -> bool {
    ACTING.iter().any(|(known, acts)| *known == name && *acts)
}

macro_rules! permissions {
    (@intent reads) => { () };
    (@intent acts) => { RestIntent };
    (@acts reads) => { false };
    (@acts acts) => { true };
    ($($constant:ident $name:ident $text:literal $kind:ident: $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: &str = $text;

            #[doc = $doc]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Permission for $name {
                const NAME: &'static str = $constant;
                type Intent = permissions!(@intent $kind);
            }
        )*

        /// All of them.
        pub const ALL: &[&str] = &[$($constant),*];

        const ACTING: &[(&str, bool)] = &[$(($constant, permissions!(@acts $kind))),*];

        /// What its holder may do.
        #[must_use]
        pub fn meaning(name: &str) -> Option<&'static str> {
            match name {
                $($text => Some($doc),)*
                _ => None,
            }
        }
    };
}

permissions! {
    CERTIFICATES_ISSUE CertificatesIssue "certificates:issue" acts:
        "Issue on any profile that makes no authority, for any name that is not reserved.";
    CERTIFICATES_ISSUE_DEVELOPMENT CertificatesIssueDevelopment "certificates:issue-development" acts:
        "Issue on profiles marked for development.";
    // Named apart from `certificates:issue`, which would cover a name that begins with it.
    AUTHORITY_CERTIFICATES_ISSUE AuthorityCertificatesIssue "authority-certificates:issue" acts:
        "Issue certificates whose holder signs certificates, CRLs or OCSP responses.";
    RESERVED_NAMES_ISSUE ReservedNamesIssue "reserved-names:issue" acts:
        "Issue for host names on which the API itself is reached.";
    CERTIFICATES_READ CertificatesRead "certificates:read" reads: "See every certificate.";
    CERTIFICATES_READ_OWN CertificatesReadOwn "certificates:read-own" reads: "See certificates one asked for.";
    CERTIFICATES_RENEW CertificatesRenew "certificates:renew" acts: "Renew any certificate.";
    CERTIFICATES_RENEW_OWN CertificatesRenewOwn "certificates:renew-own" acts: "Renew certificates one asked for.";
    CERTIFICATES_REVOKE CertificatesRevoke "certificates:revoke" acts: "Revoke, hold and release any certificate.";
    CERTIFICATES_REVOKE_OWN CertificatesRevokeOwn "certificates:revoke-own" acts:
        "Revoke certificates one asked for.";
    CAS_READ CasRead "cas:read" reads: "See the certificate authorities.";
    CAS_SUSPEND CasSuspend "cas:suspend" acts: "Stop a certificate authority from issuing, and let it go on.";
    CRLS_PUBLISH CrlsPublish "crls:publish" acts:
        "Have CRLs made now, and import those of issuers whose keys are elsewhere.";
    PROFILES_READ ProfilesRead "profiles:read" reads: "See the certificate profiles.";
    KEYS_READ KeysRead "keys:read" reads: "See keys held by the key manager: names, uses, public parts.";
    KEYS_GENERATE KeysGenerate "keys:generate" acts: "Make keys in the key manager.";
    API_KEYS_READ ApiKeysRead "api-keys:read" reads: "See API keys: prefix, owner, roles.";
    API_KEYS_WRITE ApiKeysWrite "api-keys:write" acts: "Make and revoke API keys.";
    JOBS_READ JobsRead "jobs:read" reads: "See every job: who asked for what, and what became of each item.";
    JOBS_READ_OWN JobsReadOwn "jobs:read-own" reads: "See jobs one asked for.";
    JOBS_CANCEL JobsCancel "jobs:cancel" acts: "End any job before its end.";
    JOBS_CANCEL_OWN JobsCancelOwn "jobs:cancel-own" acts: "End jobs one asked for.";
    ROLES_READ RolesRead "roles:read" reads: "See roles and their permissions.";
    STATUS_READ StatusRead "status:read" reads: "See the state of the system.";
    CONFIG_READ ConfigRead "config:read" reads: "See the settings of a process, without secrets.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_covers_its_narrower_forms_only() {
        assert!(covers("certificates:read", "certificates:read"));
        assert!(covers("certificates:read", "certificates:read-own"));
        assert!(!covers("certificates:read-own", "certificates:read"));
        assert!(!covers("certificates:re", "certificates:read"));
        assert!(!covers("certificates", "certificates:read"));
        assert!(!covers("", "certificates:read"));
    }

    #[test]
    fn the_right_to_issue_covers_no_authority_and_no_reserved_name() {
        for narrow in [AUTHORITY_CERTIFICATES_ISSUE, RESERVED_NAMES_ISSUE] {
            let covering: Vec<_> = ALL.iter().filter(|held| covers(held, narrow)).collect();
            assert_eq!(covering, [&narrow]);
        }
    }

    #[test]
    fn whatever_does_not_read_acts() {
        for name in ALL {
            let reads = name.ends_with(":read") || name.ends_with(":read-own");
            assert_eq!(acts(name), !reads, "{name}");
        }
        assert!(!acts("nosuch:thing"));
    }

    #[test]
    fn names_are_resource_and_verb() {
        for name in ALL {
            let (resource, verb) = name.split_once(':').unwrap();
            let kebab =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(kebab(resource) && kebab(verb), "{name}");
        }
    }
}
