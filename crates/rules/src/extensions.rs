//! The extensions of a certificate: all from the profile and the issuer, none from the request but its names.

use x509::extension::{Extension, ExtensionError};
use x509::{KeyAlgorithm, PublicKey, San};

use crate::denied::Denied;
use crate::issuer::Issuer;
use crate::profile::{CURVES_ONLY, Profile, RSA_ONLY, Revocation};

/// What the checks settled about the subject.
pub(crate) struct Names<'a> {
    pub(crate) sans: &'a [San],
    pub(crate) subject_is_empty: bool,
    pub(crate) path_len: Option<u8>,
    pub(crate) key_identifier: Vec<u8>,
}

pub(crate) fn build(
    profile: &Profile,
    issuer: &Issuer,
    key: &PublicKey,
    names: Names<'_>,
) -> Result<Vec<Extension>, Denied> {
    let mut extensions = Vec::with_capacity(10);
    constraints_and_usages(profile, key, &names, &mut extensions)
        .and_then(|()| identifiers_and_names(issuer, &names, &mut extensions))
        .and_then(|()| policies_constraints_and_tls_feature(profile, &mut extensions))
        .map_err(|error| Denied::profile(error.to_string()))?;
    urls(profile, issuer, &mut extensions)?;
    Ok(extensions)
}

fn constraints_and_usages(
    profile: &Profile,
    key: &PublicKey,
    names: &Names<'_>,
    out: &mut Vec<Extension>,
) -> Result<(), ExtensionError> {
    if profile.certificate.is_ca() {
        out.push(Extension::basic_constraints_ca(names.path_len));
    }
    let cannot = match key.algorithm() {
        KeyAlgorithm::Rsa(_) => CURVES_ONLY,
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => RSA_ONLY,
        KeyAlgorithm::Ed25519 => RSA_ONLY | CURVES_ONLY,
    };
    out.push(Extension::key_usage(profile.key_usage.without(cannot))?);
    if !profile.extended_key_usage.is_empty() {
        out.push(Extension::extended_key_usage(profile.extended_key_usage.clone())?);
    }
    Ok(())
}

fn identifiers_and_names(
    issuer: &Issuer,
    names: &Names<'_>,
    out: &mut Vec<Extension>,
) -> Result<(), ExtensionError> {
    out.push(Extension::subject_key_identifier(&names.key_identifier));
    out.push(Extension::authority_key_identifier(issuer.key_identifier()));
    if !names.sans.is_empty() {
        // RFC 5280 section 4.2.1.6: critical exactly if there is no subject.
        out.push(Extension::subject_alt_name(names.sans, names.subject_is_empty)?);
    }
    Ok(())
}

fn policies_constraints_and_tls_feature(
    profile: &Profile,
    out: &mut Vec<Extension>,
) -> Result<(), ExtensionError> {
    if !profile.policies.is_empty() {
        out.push(Extension::certificate_policies(&profile.policies)?);
    }
    if !profile.name_constraints.is_empty() {
        out.push(Extension::name_constraints(&profile.name_constraints)?);
    }
    if profile.must_staple {
        out.push(Extension::tls_feature_must_staple());
    }
    Ok(())
}

/// URLs of the issuer and of revocation. A root has none: no CA above it could revoke it.
fn urls(profile: &Profile, issuer: &Issuer, out: &mut Vec<Extension>) -> Result<(), Denied> {
    if issuer.is_self_signed() {
        return Ok(());
    }
    let urls = issuer.publication_urls();
    let (crl, ocsp): (&[String], &[String]) = match profile.revocation {
        Revocation::Published => (&urls.crl, &urls.ocsp),
        Revocation::NotAvailable => {
            out.push(Extension::no_rev_avail());
            (&[], &[])
        }
        Revocation::Nocheck => {
            out.push(Extension::ocsp_no_check());
            (&[], &[])
        }
    };
    let needs_both = profile.revocation == Revocation::Published && !profile.certificate.is_ca();
    if needs_both && (crl.is_empty() || ocsp.is_empty()) {
        return Err(Denied::ca(format!(
            "profile {} needs the addresses of CRL and OCSP, and this CA has not got both; configure them",
            profile.name
        )));
    }
    let refused = |error: ExtensionError| Denied::ca(error.to_string());
    if !(ocsp.is_empty() && urls.ca_issuers.is_empty()) {
        out.push(Extension::authority_information_access(ocsp, &urls.ca_issuers).map_err(refused)?);
    }
    if !crl.is_empty() {
        out.push(Extension::crl_distribution_points(crl).map_err(refused)?);
    }
    Ok(())
}
