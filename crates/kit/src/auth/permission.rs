//! Every permission there is, as a constant and as a type.
//!
//! Names have the form `resource:verb`. A name covers those that add a qualifier to it with a dash:
//! who may `certificates:read` may `certificates:read-own`.

/// A permission as a type, for the signature of a handler.
pub trait Permission: Send + Sync + 'static {
    /// `resource:verb`.
    const NAME: &'static str;
}

/// Whether holding `held` is enough where `asked` is needed.
pub(super) fn covers(held: &str, asked: &str) -> bool {
    asked
        .strip_prefix(held)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

macro_rules! permissions {
    ($($constant:ident $name:ident $text:literal: $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: &str = $text;

            #[doc = $doc]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Permission for $name {
                const NAME: &'static str = $constant;
            }
        )*

        /// All of them.
        pub const ALL: &[&str] = &[$($constant),*];
    };
}

permissions! {
    CERTIFICATES_ISSUE CertificatesIssue "certificates:issue":
        "Issue on any profile that makes no authority, for any name that is not reserved.";
    CERTIFICATES_ISSUE_DEVELOPMENT CertificatesIssueDevelopment "certificates:issue-development":
        "Issue on profiles marked for development.";
    // Named apart from `certificates:issue`, which would cover a name that begins with it.
    AUTHORITY_CERTIFICATES_ISSUE AuthorityCertificatesIssue "authority-certificates:issue":
        "Issue certificates whose holder signs certificates, CRLs or OCSP responses.";
    RESERVED_NAMES_ISSUE ReservedNamesIssue "reserved-names:issue":
        "Issue for host names on which the API itself is reached.";
    CERTIFICATES_READ CertificatesRead "certificates:read": "See every certificate.";
    CERTIFICATES_READ_OWN CertificatesReadOwn "certificates:read-own": "See certificates one asked for.";
    CERTIFICATES_RENEW CertificatesRenew "certificates:renew": "Renew any certificate.";
    CERTIFICATES_RENEW_OWN CertificatesRenewOwn "certificates:renew-own": "Renew certificates one asked for.";
    CERTIFICATES_REVOKE CertificatesRevoke "certificates:revoke": "Revoke, hold and release any certificate.";
    CERTIFICATES_REVOKE_OWN CertificatesRevokeOwn "certificates:revoke-own":
        "Revoke certificates one asked for.";
    CAS_READ CasRead "cas:read": "See the certificate authorities.";
    CAS_SUSPEND CasSuspend "cas:suspend": "Stop a certificate authority from issuing, and let it go on.";
    PROFILES_READ ProfilesRead "profiles:read": "See the certificate profiles.";
    KEYS_READ KeysRead "keys:read": "See keys held by the key manager: names, uses, public parts.";
    KEYS_GENERATE KeysGenerate "keys:generate": "Make keys in the key manager.";
    API_KEYS_READ ApiKeysRead "api-keys:read": "See API keys: prefix, owner, roles.";
    API_KEYS_WRITE ApiKeysWrite "api-keys:write": "Make and revoke API keys.";
    ROLES_READ RolesRead "roles:read": "See roles and their permissions.";
    STATUS_READ StatusRead "status:read": "See the state of the system.";
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
    fn names_are_resource_and_verb() {
        for name in ALL {
            let (resource, verb) = name.split_once(':').unwrap();
            let kebab =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(kebab(resource) && kebab(verb), "{name}");
        }
    }
}
