//! The two ways to ask whose a credential is: in this service, and from another one.

use futures::FutureExt;
use futures::future::BoxFuture;
use kit::auth::{AuthFault, Authenticator, Caller};
use kit::error::{Fault, Kind};
use kit::grpc::RemoteFault;
use kit::transport::Transport;
use proto::auth::v1::auth_client::AuthClient;
use proto::auth::v1::{AuthenticateRequest, Identity};
use store::time::from_micros;

use crate::app::App;
use crate::domain::Token;
use crate::error::Error;

// Why credentials cannot be checked.
const AWAY: &str = "auth does not answer";
const DATABASE: &str = "the database of auth does not answer";
const REFUSES: &str = "auth refuses this process";
const FAILED: &str = "auth failed, and its log has the cause";

/// Asks the use case itself.
#[derive(Clone)]
pub struct Local {
    app: App,
}

impl Local {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    async fn ask(&self, token: &str) -> Result<Caller, AuthFault> {
        let key = self.app.authenticate(token).await.map_err(|error| match error {
            Error::BadCredential => AuthFault::Invalid,
            Error::Escalation { .. }
            | Error::WiderNames { .. }
            | Error::WiderKey { .. }
            | Error::Outlives(_)
            | Error::NotFound(_)
            | Error::LastAdmin(_)
            | Error::Repeated(_)
            | Error::Keep(_)
            | Error::NoAdmin
            | Error::Common(_) => AuthFault::Unavailable {
                why: match error.kind() {
                    Kind::Unavailable => DATABASE,
                    _ => FAILED,
                },
                source: Box::new(error),
            },
        })?;
        Ok(Caller {
            subject: key.prefix.subject(),
            permissions: key.permissions(),
            expires: key.expires,
            allowed_names: key.allowed_names,
            roles: key.roles,
        })
    }
}

impl Authenticator for Local {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        self.ask(token).boxed()
    }

    fn is_well_formed(&self, token: &str) -> bool {
        Token::parse(token).is_some()
    }
}

/// Asks the auth service over a transport. Put it behind [`kit::auth::CachedAuthenticator`].
#[derive(Clone)]
pub struct Remote {
    client: AuthClient<Transport>,
}

impl Remote {
    /// Over this way to auth.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            client: AuthClient::new(transport),
        }
    }
}

impl Authenticator for Remote {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, AuthFault>> {
        // Generated clients call through &mut; a clone shares the connection.
        ask(self.client.clone(), token.to_owned()).boxed()
    }

    fn is_well_formed(&self, token: &str) -> bool {
        Token::parse(token).is_some()
    }
}

async fn ask(mut client: AuthClient<Transport>, token: String) -> Result<Caller, AuthFault> {
    let answer = client.authenticate(AuthenticateRequest { token }).await;
    match answer.map_err(RemoteFault::from) {
        Ok(identity) => caller(identity.into_inner()),
        Err(fault) if fault.kind() == Kind::Unauthenticated => Err(AuthFault::Invalid),
        Err(fault) => Err(AuthFault::Unavailable {
            why: match (fault.kind(), fault.is_of_transport()) {
                (Kind::Unavailable, true) => AWAY,
                (Kind::Unavailable, false) => DATABASE,
                (_, true) => REFUSES,
                (_, false) => FAILED,
            },
            source: Box::new(fault),
        }),
    }
}

fn caller(identity: Identity) -> Result<Caller, AuthFault> {
    let expires = match identity.expires_us {
        0 => None,
        micros => {
            let expires = from_micros(micros).map_err(|error| AuthFault::Unavailable {
                why: FAILED,
                source: Box::new(error),
            })?;
            Some(expires)
        }
    };
    let Identity {
        subject,
        roles,
        permissions,
        allowed_names,
        ..
    } = identity;
    Ok(Caller {
        subject,
        roles,
        permissions,
        expires,
        allowed_names,
    })
}
