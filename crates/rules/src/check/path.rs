//! Whether a certificate of this kind may be below this issuer: roots by themselves, CAs only as deep as the path
//! length allows, purposes only as wide as the issuer's own.

use x509::extension::Eku;

use crate::denied::Denied;
use crate::issuer::Issuer;
use crate::profile::{Kind, Profile};

/// Gives the path length for a CA: that of the profile, at most one less than the issuer's.
pub(crate) fn settle(profile: &Profile, issuer: &Issuer) -> Result<Option<u8>, Denied> {
    check_purposes(profile, issuer)?;
    match (profile.certificate, issuer.is_self_signed()) {
        (Kind::Root, true) | (Kind::EndEntity, false) => Ok(None),
        (Kind::SubCa { path_len }, false) => sub_ca(path_len, issuer),
        (Kind::Root, false) => Err(Denied::profile(format!(
            "profile {} makes self-signed roots; no CA issues them",
            profile.name
        ))),
        (_, true) => Err(Denied::profile(format!(
            "profile {} needs a CA that issues it; only profiles of kind root are self-signed",
            profile.name
        ))),
    }
}

fn sub_ca(wanted: Option<u8>, issuer: &Issuer) -> Result<Option<u8>, Denied> {
    let Some(left) = issuer.path_len() else {
        return Ok(wanted);
    };
    let Some(most) = left.checked_sub(1) else {
        return Err(Denied::profile(
            "the path length of this CA is used up: it may not certify further CAs",
        ));
    };
    match wanted {
        Some(wanted) if wanted > most => Err(Denied::profile(format!(
            "a path length of {wanted} is asked for, but below this CA at most {most} is possible"
        ))),
        Some(wanted) => Ok(Some(wanted)),
        None => Ok(Some(most)),
    }
}

/// Verifiers hold end entities to the purposes of all CAs above them. OCSP signing is exempt: CAs for TLS may not list
/// it (BR 7.1.2.10.6), and responders are recognized by their own certificate (RFC 6960 section 4.2.2.2).
fn check_purposes(profile: &Profile, issuer: &Issuer) -> Result<(), Denied> {
    let beyond = profile
        .extended_key_usage
        .iter()
        .find(|purpose| **purpose != Eku::OcspSigning && !issuer.allows_purpose(**purpose));
    match beyond {
        Some(purpose) => Err(Denied::profile(format!(
            "profile {} is for {purpose}, which this CA may not certify",
            profile.name
        ))),
        None => Ok(()),
    }
}
