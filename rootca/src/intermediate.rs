//! What shall be certified below the root, and the certificate up to its signature.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use lint::Linted;
use rules::{Approved, Grant, Issuer, Kind, Profile, PublicationUrls, Request, builtin};
use time::OffsetDateTime;
use x509::{Certificate, DistinguishedName, Eku, NameConstraints, PublicKey, Serial, SignatureAlgorithm};

use crate::error::Error;

/// An intermediate CA to be certified.
#[derive(Debug, Clone)]
pub struct Intermediate {
    /// Its name.
    pub subject: DistinguishedName,
    /// Its key. Whoever fills this in has seen proof of possession: a CSR, or the key itself.
    pub public_key: PublicKey,
    /// The identifier that it chose for its key; none: one by RFC 7093.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// How many further CAs may be below it; `None`: no bound.
    pub path_len: Option<u8>,
    /// Its lifetime instead of ten years; never past the root's.
    pub validity: Option<Duration>,
    /// Where this root publishes CRL and certificate.
    pub urls: PublicationUrls,
    /// The names that it is held to.
    pub name_constraints: NameConstraints,
    /// The purposes that it is held to; none: all.
    pub purposes: Vec<Eku>,
}

impl Intermediate {
    /// An issuing CA with path length 0 and nothing else asked for.
    #[must_use]
    pub fn new(subject: DistinguishedName, public_key: PublicKey) -> Self {
        Self {
            subject,
            public_key,
            subject_key_identifier: None,
            path_len: Some(0),
            validity: None,
            urls: PublicationUrls::default(),
            name_constraints: NameConstraints::default(),
            purposes: Vec::new(),
        }
    }

    /// The CA of GigVault's own services: only for TLS.
    #[must_use]
    pub fn for_services(subject: DistinguishedName, public_key: PublicKey) -> Self {
        Self {
            purposes: vec![Eku::ServerAuth, Eku::ClientAuth],
            ..Self::new(subject, public_key)
        }
    }

    fn profile(&self) -> Result<Profile, Error> {
        Ok(Profile {
            certificate: Kind::SubCa {
                path_len: self.path_len,
            },
            name_constraints: self.name_constraints.clone(),
            extended_key_usage: self.purposes.clone(),
            ..profile("sub-ca")?
        })
    }
}

/// The certificate as it would be signed: approved by policy and passed by lint. Needs no key and signs nothing.
///
/// # Errors
/// [`Error::Denied`] and [`Error::Lint`].
pub fn draft(
    root: &Certificate,
    wanted: &Intermediate,
    now: OffsetDateTime,
) -> Result<Linted<Approved>, Error> {
    let algorithm = root
        .public_key()
        .map(|key| SignatureAlgorithm::default_for(key.algorithm()))
        .map_err(|error| Error::Usage(format!("the root's key cannot be used: {error}")))?;
    let issuer = Issuer::from_certificate(root.clone(), wanted.urls.clone(), algorithm)?;
    let request = Request {
        validity: wanted.validity,
        subject_key_identifier: wanted.subject_key_identifier.clone(),
        ..Request::new(wanted.subject.clone(), Vec::new(), wanted.public_key.clone())
            .granted(Grant::default().with_authority())
    };
    let approved = rules::approve(&wanted.profile()?, request, &issuer, fresh_serial()?, now)?;
    Ok(lint::lint(approved, &lint::Context::issued_by(root))?)
}

pub(crate) fn profile(name: &str) -> Result<Profile, Error> {
    builtin()
        .into_iter()
        .find(|profile| profile.name == name)
        .ok_or_else(|| Error::Usage(format!("there is no profile {name}")))
}

pub(crate) fn fresh_serial() -> Result<Serial, Error> {
    Ok(Serial::random(&SystemRandom::new())?)
}
