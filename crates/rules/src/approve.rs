//! The decision: a request, a profile and an issuer in, the exact octets to sign out.
//!
//! [`approve`] is the only function that makes an [`Approved`], and signers take nothing else. It looks at no clock
//! and no state. What the caller has a right to comes with the request, as its [`Grant`](crate::Grant).

use lint::ToBeSigned;
use time::OffsetDateTime;
use x509::tbs::CertificateSpec;
use x509::validity::Validity;
use x509::{DistinguishedName, PublicKey, San, Serial, SignatureAlgorithm};

use crate::check::{grant, key, names, sans, size, subject, validity};
use crate::denied::Denied;
use crate::issuer::Issuer;
use crate::profile::Profile;
use crate::request::Request;
use crate::{check, extensions};

/// A certificate that policy allows, built and ready to be linted and signed.
///
/// No other code can make one:
///
/// ```compile_fail
/// let forged = rules::Approved { tbs: vec![0x30, 0x00] };
/// ```
#[derive(Debug, Clone)]
pub struct Approved {
    tbs: Vec<u8>,
    serial: Serial,
    subject: DistinguishedName,
    sans: Vec<San>,
    public_key: PublicKey,
    validity: Validity,
    profile: String,
    signature_algorithm: SignatureAlgorithm,
    issuer_key: PublicKey,
}

/// Decides whether `issuer` may certify `request` by `profile`, and builds the certificate up to its signature.
///
/// `serial` is fresh and random; `now` is the moment of the decision.
///
/// # Errors
/// [`Denied`] names the first part of the request that policy refuses.
pub fn approve(
    profile: &Profile,
    request: Request,
    issuer: &Issuer,
    serial: Serial,
    now: OffsetDateTime,
) -> Result<Approved, Denied> {
    profile
        .validate()
        .map_err(|error| Denied::profile(error.problem))?;
    grant::check(profile, &request.grant)?;
    let path_len = check::path::settle(profile, issuer)?;
    key::check(profile, &request.public_key, issuer)?;
    let sans = sans::settle(profile, &request)?;
    let subject = subject::settle(profile, &request, &sans)?;
    size::check(&subject, &sans)?;
    issuer.reserved_names().check(&request.grant, &subject, &sans)?;
    request.grant.names().check("this credential", &subject, &sans)?;
    profile
        .allowed_names
        .check(&format!("profile {}", profile.name), &subject, &sans)?;
    names::check(issuer, &subject, &sans)?;
    let validity = validity::settle(profile, &request, issuer, now)?;
    let spec = CertificateSpec {
        serial,
        signature_algorithm: issuer.signature_algorithm(),
        issuer: issuer.name_for(&subject),
        validity,
        extensions: extensions::build(
            profile,
            issuer,
            &request.public_key,
            extensions::Names {
                sans: &sans,
                subject_is_empty: subject.is_empty(),
                path_len,
                key_identifier: key::identifier(profile, &request, issuer)?,
            },
        )?,
        subject,
        public_key: request.public_key,
    };
    let tbs = spec
        .to_tbs()
        .map_err(|error| Denied::profile(error.to_string()))?;
    Ok(Approved {
        tbs,
        serial,
        subject: spec.subject,
        sans,
        public_key: spec.public_key,
        validity,
        profile: profile.name.clone(),
        signature_algorithm: spec.signature_algorithm,
        issuer_key: issuer.public_key().clone(),
    })
}

impl Approved {
    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// The subject as it will be certified.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The subject alternative names as they will be certified, each once.
    #[must_use]
    pub fn sans(&self) -> &[San] {
        &self.sans
    }

    /// The key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// First and last second.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Name of the profile that allowed it.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The algorithm that the octets name and that the signer must use.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// The key that must sign: any other signature would not verify under the issuer.
    #[must_use]
    pub fn issuer_key(&self) -> &PublicKey {
        &self.issuer_key
    }
}

impl ToBeSigned for Approved {
    fn tbs(&self) -> &[u8] {
        &self.tbs
    }
}
