//! The subject's key: of an allowed kind, and nobody else's.
//!
//! Weak keys never get this far: a [`PublicKey`] is proof that none of the known weaknesses was found.

use x509::PublicKey;

use crate::denied::Denied;
use crate::issuer::Issuer;
use crate::profile::{Kind, Profile};

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
