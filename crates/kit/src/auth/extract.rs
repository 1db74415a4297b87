//! Credentials and permissions as axum extractors. What they let through may have its body read.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::{AuthFault, Authenticator, Caller, Permission};
use crate::dry_run::FromParts;
use crate::http::cpu::{ConnectionCpu, LOOK_UP};
use crate::http::quota::{Exceeded, KeyedSemaphore, Shares};
use crate::http::{Connection, PeerKey, admit};
use crate::problem::Problem;

/// Longest credential that is looked at; a JWT with many claims fits.
const MAX_CREDENTIAL: usize = 8 * 1024;

/// Credentials of strangers that are looked up at a time, of one client address and in all. In one process it is less than
/// the 16 connections of a database: whoever has shown a valid credential on a connection does not wait behind those who guess.
/// With fewer connections, or several processes before one database, they may wait for a moment.
const LOOK_UPS_EACH: usize = 2;
const LOOK_UPS: usize = 6;
/// Those that are looked up or wait for it. A stranger waits behind the credentials of its own address, which are few, and
/// behind one or two of every other address.
const WAITING_EACH: usize = 32;
const WAITING: usize = 1024;
/// Longest wait for that.
const LOOK_UP_WAIT: Duration = Duration::from_secs(10);

static STRANGERS: LazyLock<Arc<KeyedSemaphore<PeerKey>>> = LazyLock::new(|| {
    let places = Shares {
        each: LOOK_UPS_EACH,
        all: LOOK_UPS,
    };
    let within = Shares {
        each: WAITING_EACH,
        all: WAITING,
    };
    KeyedSemaphore::new(places, within)
});

/// A caller with permission `P`, and what they intend where the permission acts. Without credentials 401, without the
/// permission 403.
///
/// The router's state must give an `Arc<dyn Authenticator>`.
#[derive(Clone, Debug)]
pub struct Allow<P: Permission>(pub Caller, pub P::Intent);

/// Any authenticated caller.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Caller);

impl<S, P> FromRequestParts<S> for Allow<P>
where
    S: Send + Sync,
    P: Permission,
    Arc<dyn Authenticator>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = authenticate(parts, state).await?;
        if caller.may(P::NAME) {
            admit(parts, &caller.subject).await?;
            let intent = FromParts::from_parts(parts, &caller)?;
            return Ok(Self(caller, intent));
        }
        tracing::info!(subject = caller.subject, permission = P::NAME, "request denied");
        Err(AuthFault::Denied(P::NAME).into())
    }
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Arc<dyn Authenticator>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = authenticate(parts, state).await?;
        admit(parts, &caller.subject).await?;
        Ok(Self(caller))
    }
}

async fn authenticate<S>(parts: &Parts, state: &S) -> Result<Caller, AuthFault>
where
    Arc<dyn Authenticator>: FromRef<S>,
{
    let token = bearer(&parts.headers)?;
    let authenticator = Arc::<dyn Authenticator>::from_ref(state);
    let cpu = parts.extensions.get::<Arc<ConnectionCpu>>();
    let peer = parts.extensions.get().map(Connection::peer);
    let caller = match (cpu, peer) {
        (Some(cpu), Some(peer)) if !cpu.is_exempt() => {
            let _stranger = cpu.wait_as_stranger();
            let turn = async move {
                let place = STRANGERS.enter(&peer, LOOK_UP_WAIT).await.map_err(crowded)?;
                Ok(Box::new(place) as Box<dyn Send>)
            };
            authenticator.authenticate_in_turn(token, Box::pin(turn)).await
        }
        _ => authenticator.authenticate(token).await,
    };
    if let Some(cpu) = cpu {
        match &caller {
            Ok(_) => cpu.authenticated(),
            Err(fault) => {
                if matches!(fault, AuthFault::Invalid) {
                    cpu.refused();
                }
                cpu.charge(LOOK_UP);
            }
        }
    }
    caller
}

fn crowded(excess: Exceeded) -> AuthFault {
    match excess {
        Exceeded::PerKey => AuthFault::TooMany,
        Exceeded::Total => AuthFault::Unavailable {
            why: "too many are being looked up",
            source: "the places of all callers are taken".into(),
        },
    }
}

// RFC 6750 section 2.1: one header, the scheme in any case, then a token68.
fn bearer(headers: &HeaderMap) -> Result<&str, AuthFault> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let header = all.next().ok_or(AuthFault::Missing)?;
    let text = header.to_str().map_err(|_| AuthFault::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthFault::Malformed)?;
    let token = token.trim_matches(' ');
    let token68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let sound = (1..=MAX_CREDENTIAL).contains(&token.len()) && token.bytes().all(token68);
    if all.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") || !sound {
        return Err(AuthFault::Malformed);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (AUTHORIZATION, value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn one_bearer_credential_is_read() {
        assert_eq!(
            bearer(&headers(&["Bearer gv_abc.d-e_f~+/="])).unwrap(),
            "gv_abc.d-e_f~+/="
        );
        assert_eq!(bearer(&headers(&["bearer  x"])).unwrap(), "x");
    }

    #[test]
    fn anything_else_is_not_a_credential() {
        assert!(matches!(bearer(&headers(&[])), Err(AuthFault::Missing)));
        let long = format!("Bearer {}", "x".repeat(MAX_CREDENTIAL + 1));
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Basic eDp5",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"a\"",
            &long,
        ] {
            assert!(
                matches!(bearer(&headers(&[bad])), Err(AuthFault::Malformed)),
                "{bad}"
            );
        }
        assert!(matches!(
            bearer(&headers(&["Bearer a", "Bearer b"])),
            Err(AuthFault::Malformed)
        ));
    }
}
