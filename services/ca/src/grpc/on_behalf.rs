//! What a service that works for others may claim: which protocols it speaks, and whom it may name as the requester.
//!
//! What is not in the table is refused. No row names `internal` or a principal of GigVault itself (`service:…`): these
//! are what GigVault does for itself, and come from the caller's own identity only.

use kit::peer::Peer;

use crate::app::App;
use crate::domain::{MAX_REQUESTER, Protocol};
use crate::error::Error;

/// Principals that sign in at the API.
const SIGNED_IN: &[&str] = &["user", "apikey", "service-account"];

/// Caller, protocol, and the kinds of principal that it may name there.
const MAY_CLAIM: &[(&str, Protocol, &[&str])] = &[
    ("ra", Protocol::Rest, SIGNED_IN),
    ("ra", Protocol::Grpc, SIGNED_IN),
    ("ra", Protocol::Acme, &["acme"]),
    ("ra", Protocol::Est, &["est"]),
    ("ra", Protocol::Scep, &["scep"]),
    ("enroll", Protocol::Acme, &["acme"]),
    ("enroll", Protocol::Est, &["est"]),
    ("enroll", Protocol::Scep, &["scep"]),
];

/// Whether the caller asks for others at all.
pub(super) fn works_for_others(peer: &Peer) -> bool {
    MAY_CLAIM.iter().any(|(caller, ..)| peer.name() == Some(caller))
}

/// Whether the request is for the caller's own identity.
pub(super) fn is_for_itself(peer: &Peer, app: &App, profile: &str) -> bool {
    let for_services = app.profile(profile).is_ok_and(rules::Profile::is_for_services);
    for_services || !works_for_others(peer)
}

/// The protocol that the caller claims, if it speaks it and may name such a requester there.
pub(super) fn protocol(peer: &Peer, requester: &str, claimed: Protocol) -> Result<Protocol, Error> {
    check_principal(peer, requester)?;
    let mut rows = MAY_CLAIM
        .iter()
        .filter(|(caller, ..)| peer.name() == Some(caller));
    match rows.any(|(_, row, kinds)| *row == claimed && kinds.contains(&kind_of(requester))) {
        true => Ok(claimed),
        false => Err(Error::invalid(
            "protocol",
            format!(
                "{} may not claim protocol {} for a requester of kind {:?}",
                peer.name().unwrap_or_default(),
                claimed.as_str(),
                kind_of(requester)
            ),
        )),
    }
}

/// The protocol of a requester whom the caller may name: its own where it has one, else gRPC.
pub(super) fn protocol_of(requester: &str) -> Protocol {
    match Protocol::parse(kind_of(requester)) {
        Some(protocol @ (Protocol::Acme | Protocol::Est | Protocol::Scep)) => protocol,
        _ => Protocol::Grpc,
    }
}

/// Refuses a requester that the caller may not name, or that is not of the form `kind:name`.
pub(super) fn check_principal(peer: &Peer, requester: &str) -> Result<(), Error> {
    let kinds: Vec<&str> = MAY_CLAIM
        .iter()
        .filter(|(caller, ..)| peer.name() == Some(caller))
        .flat_map(|(.., kinds)| kinds.iter().copied())
        .collect();
    let named = requester.split_once(':').is_some_and(|(kind, name)| {
        kinds.contains(&kind) && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
    });
    if named && requester.len() <= MAX_REQUESTER {
        return Ok(());
    }
    let mut kinds = kinds;
    kinds.sort_unstable();
    kinds.dedup();
    Err(Error::invalid(
        "requester",
        format!(
            "takes who asked you, as kind:name in at most {MAX_REQUESTER} visible ASCII characters; kind is one of {}",
            kinds.join(", ")
        ),
    ))
}

fn kind_of(requester: &str) -> &str {
    requester.split_once(':').map_or("", |(kind, _)| kind)
}
