//! The built-in roles and what each may do.

use super::permission::{
    ALL, API_KEYS_READ, CAS_READ, CAS_SUSPEND, CERTIFICATES_ISSUE, CERTIFICATES_ISSUE_DEVELOPMENT,
    CERTIFICATES_READ, CERTIFICATES_READ_OWN, CERTIFICATES_RENEW, CERTIFICATES_RENEW_OWN,
    CERTIFICATES_REVOKE, CERTIFICATES_REVOKE_OWN, CONFIG_READ, CRLS_PUBLISH, JOBS_CANCEL, JOBS_CANCEL_OWN,
    JOBS_READ, JOBS_READ_OWN, KEYS_GENERATE, KEYS_READ, PROFILES_READ, ROLES_READ, STATUS_READ,
};

/// May do everything.
pub const ROOT_ADMIN: &str = "root-admin";
/// Issues, renews, revokes; makes keys.
pub const CA_OPERATOR: &str = "ca-operator";
/// Decides requests of others.
pub const RA_APPROVER: &str = "ra-approver";
/// Sees everything, changes nothing.
pub const AUDITOR: &str = "auditor";
/// Issues on development profiles; sees, renews and revokes what they asked for.
pub const DEVELOPER: &str = "developer";

/// Names of the built-in roles.
pub const NAMES: [&str; 5] = [ROOT_ADMIN, CA_OPERATOR, RA_APPROVER, AUDITOR, DEVELOPER];

/// The permissions of a built-in role; `None` where there is no role of that name.
#[must_use]
pub fn permissions_of(role: &str) -> Option<&'static [&'static str]> {
    Some(match role {
        ROOT_ADMIN => ALL,
        CA_OPERATOR => &[
            CERTIFICATES_ISSUE,
            CERTIFICATES_READ,
            CERTIFICATES_RENEW,
            CERTIFICATES_REVOKE,
            CAS_READ,
            CAS_SUSPEND,
            CRLS_PUBLISH,
            PROFILES_READ,
            KEYS_READ,
            KEYS_GENERATE,
            JOBS_READ,
            JOBS_CANCEL,
            STATUS_READ,
            CONFIG_READ,
        ],
        RA_APPROVER => &[
            CERTIFICATES_READ,
            CAS_READ,
            PROFILES_READ,
            JOBS_READ_OWN,
            STATUS_READ,
        ],
        AUDITOR => &[
            CERTIFICATES_READ,
            CAS_READ,
            PROFILES_READ,
            KEYS_READ,
            API_KEYS_READ,
            JOBS_READ,
            ROLES_READ,
            STATUS_READ,
            CONFIG_READ,
        ],
        DEVELOPER => &[
            CERTIFICATES_ISSUE_DEVELOPMENT,
            CERTIFICATES_READ_OWN,
            CERTIFICATES_RENEW_OWN,
            CERTIFICATES_REVOKE_OWN,
            JOBS_READ_OWN,
            JOBS_CANCEL_OWN,
            CAS_READ,
            PROFILES_READ,
        ],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_permissions_that_exist() {
        for role in NAMES {
            for permission in permissions_of(role).unwrap() {
                assert!(ALL.contains(permission), "{role}: {permission}");
            }
        }
        assert_eq!(permissions_of("Root-Admin"), None);
    }

    #[test]
    fn an_auditor_sees_all_and_changes_nothing() {
        let held = permissions_of(AUDITOR).unwrap();
        assert!(held.iter().all(|permission| permission.ends_with(":read")));
        let readable = ALL.iter().filter(|permission| permission.ends_with(":read"));
        assert!(readable.into_iter().all(|permission| held.contains(permission)));
    }
}
