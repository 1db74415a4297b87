//! Callers of REST in tests.

use std::future::{Future, ready};
use std::pin::Pin;

use kit::auth::{AuthFault, Authenticator, Caller, roles};

/// A credential is the name of a role; any other is void.
pub struct ByRole;

impl Authenticator for ByRole {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Caller, AuthFault>> + Send + 'a>> {
        Box::pin(ready(with_role(token).ok_or(AuthFault::Invalid)))
    }
}

/// A caller with that role; `None` where there is no such role.
#[must_use]
pub fn with_role(role: &str) -> Option<Caller> {
    let permissions = roles::permissions_of(role)?;
    Some(Caller {
        allowed_names: Vec::new(),
        subject: format!("test:{role}"),
        roles: vec![role.to_owned()],
        permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
        expires: None,
    })
}
