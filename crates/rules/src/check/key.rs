//! The subject's key: of an allowed kind, and not the key of another CA.
//!
//! Weak keys never get this far: a [`PublicKey`] is proof that none of the known weaknesses was found.

use x509::{KeyIdMethod, PublicKey};

use crate::denied::Denied;
use crate::issuer::Issuer;
use crate::profile::{Kind, Profile};
use crate::request::Request;

pub(crate) fn check(profile: &Profile, key: &PublicKey, issuer: &Issuer) -> Result<(), Denied> {
    if !profile.keys.contains(&key.algorithm()) {
        let allowed: Vec<_> = profile.keys.iter().map(ToString::to_string).collect();
        return Err(Denied::public_key(format!(
            "profile {} does not take {} keys; use {}",
            profile.name,
            key.algorithm(),
            allowed.join(", ")
        )));
    }
    match profile.certificate {
        Kind::Root if key != issuer.public_key() => Err(Denied::public_key(
            "a root certifies its own key, and this is another one",
        )),
        Kind::Root => Ok(()),
        Kind::EndEntity | Kind::SubCa { .. } if issuer.is_key_of_a_ca(key) => Err(Denied::public_key(
            "this is the key of a certification authority; generate a new key",
        )),
        Kind::EndEntity | Kind::SubCa { .. } => Ok(()),
    }
}

/// The subject key identifier: a CA's own, since certificates that it issued already refer to it (RFC 5280 section
/// 4.2.1.2), else ours by RFC 7093.
pub(crate) fn identifier(profile: &Profile, request: &Request, issuer: &Issuer) -> Result<Vec<u8>, Denied> {
    let own = request
        .subject_key_identifier
        .as_ref()
        .filter(|_| profile.certificate.is_ca() && !issuer.is_self_signed());
    match own {
        None => Ok(request.public_key.key_identifier(KeyIdMethod::Rfc7093).to_vec()),
        // Path builders would take one CA's key for the other's.
        Some(own) if own == issuer.key_identifier() => Err(Denied::public_key(
            "the request asks for the issuing CA's own subject key identifier; leave it out",
        )),
        Some(own) if (8..=64).contains(&own.len()) => Ok(own.clone()),
        Some(own) => Err(Denied::public_key(format!(
            "the request asks for a subject key identifier of {} octets; 8 to 64 are accepted",
            own.len()
        ))),
    }
}
