//! The CA that shall sign, as policy sees it: what its certificate and those above it allow, and where it publishes.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use x509::certificate::Certificate;
use x509::extension::{Eku, KeyUsageFlags, NameConstraints};
use x509::validity::Validity;
use x509::{DistinguishedName, KeyIdMethod, PublicKey, SignatureAlgorithm};

use crate::denied::Denied;
use crate::reserved::ReservedNames;

/// Addresses that relying parties find in certificates. Plain `http:`: fetching them over TLS could need the very
/// certificate that is being checked (RFC 5280 section 8); `ldap:` serves CRLs and issuers too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationUrls {
    /// Where the CRL is; several are the same CRL.
    #[serde(default)]
    pub crl: Vec<String>,
    /// Where OCSP is answered.
    #[serde(default)]
    pub ocsp: Vec<String>,
    /// Where the issuer's own certificate is.
    #[serde(default)]
    pub ca_issuers: Vec<String>,
}

/// A CA with all that limits it. Made once, used for many requests; what is large in it is shared by its clones.
#[derive(Debug, Clone)]
pub struct Issuer {
    signed_by: SignedBy,
    public_key: PublicKey,
    key_identifier: Vec<u8>,
    urls: PublicationUrls,
    signature_algorithm: SignatureAlgorithm,
    keys_of_cas: Arc<HashSet<[u8; 32]>>,
    reserved_names: Arc<ReservedNames>,
}

#[derive(Debug, Clone)]
enum SignedBy {
    /// A root to be: it signs its own certificate.
    SelfSigned,
    Certified(Arc<Certified>),
}

#[derive(Debug, Clone)]
struct Certified {
    certificate: Certificate,
    validity: Validity,
    path_len: Option<u8>,
    purposes: Vec<Vec<Eku>>,
    name_constraints: Vec<NameConstraints>,
}

impl Issuer {
    /// A CA with a certificate.
    ///
    /// # Errors
    /// If the certificate is not a CA's, has no subject key identifier, its key does not fit the algorithm, or a
    /// pointer is not a plain address.
    pub fn from_certificate(
        certificate: Certificate,
        urls: PublicationUrls,
        signature_algorithm: SignatureAlgorithm,
    ) -> Result<Self, Denied> {
        let public_key = key_of(&certificate)?;
        check_algorithm(&public_key, signature_algorithm)?;
        check_publication_urls(&urls)?;
        check_authority(&certificate)?;
        let key_identifier = certificate
            .subject_key_identifier()
            .ok_or_else(|| Denied::ca("the CA's certificate has no subject key identifier to refer to"))?
            .to_vec();
        Ok(Self {
            keys_of_cas: Arc::new(HashSet::from([public_key.material_id()])),
            public_key,
            key_identifier,
            urls,
            signature_algorithm,
            reserved_names: Arc::default(),
            signed_by: SignedBy::Certified(Arc::new(Certified {
                validity: certificate.validity(),
                path_len: certificate.path_len(),
                purposes: purposes_of(&certificate),
                name_constraints: certificate.name_constraints().cloned().into_iter().collect(),
                certificate,
            })),
        })
    }

    /// A root that is about to sign itself.
    ///
    /// # Errors
    /// If the key does not fit the algorithm.
    pub fn self_signed(
        public_key: PublicKey,
        signature_algorithm: SignatureAlgorithm,
    ) -> Result<Self, Denied> {
        check_algorithm(&public_key, signature_algorithm)?;
        Ok(Self {
            signed_by: SignedBy::SelfSigned,
            key_identifier: public_key.key_identifier(KeyIdMethod::Rfc7093).to_vec(),
            keys_of_cas: Arc::new(HashSet::from([public_key.material_id()])),
            public_key,
            urls: PublicationUrls::default(),
            signature_algorithm,
            reserved_names: Arc::default(),
        })
    }

    /// Adds the CAs above, the nearest first: their path lengths, purposes, name constraints and periods bind too.
    ///
    /// # Errors
    /// If one of them did not certify the one before it, or its path length forbids this issuer.
    pub fn with_ancestors(mut self, ancestors: &[Certificate]) -> Result<Self, Denied> {
        let SignedBy::Certified(own) = &mut self.signed_by else {
            return Err(Denied::ca("a self-signed root has no CA above it"));
        };
        let own = Arc::make_mut(own);
        let mut below = &own.certificate;
        for (between, ancestor) in (0_u8..).zip(ancestors) {
            check_authority(ancestor)?;
            below.verify_signed_by(ancestor).map_err(|error| {
                Denied::ca(format!(
                    "{} did not certify {}: {error}",
                    ancestor.subject(),
                    below.subject()
                ))
            })?;
            let left = match ancestor.path_len() {
                Some(length) => Some(
                    length
                        .checked_sub(between)
                        .and_then(|left| left.checked_sub(1))
                        .ok_or_else(|| {
                            Denied::ca(format!(
                                "the path length of {} does not reach this CA",
                                ancestor.subject()
                            ))
                        })?,
                ),
                None => None,
            };
            own.path_len = [own.path_len, left].into_iter().flatten().min();
            own.purposes.extend(purposes_of(ancestor));
            own.name_constraints.extend(ancestor.name_constraints().cloned());
            let period = ancestor.validity();
            own.validity.not_before = own.validity.not_before.max(period.not_before);
            own.validity.not_after = own.validity.not_after.min(period.not_after);
            Arc::make_mut(&mut self.keys_of_cas).insert(key_of(ancestor)?.material_id());
            below = ancestor;
        }
        Ok(self)
    }

    /// Adds keys that no request may have certified, by [`PublicKey::material_id`]: those of other CAs here.
    #[must_use]
    pub fn with_reserved_keys(mut self, material_ids: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Arc::make_mut(&mut self.keys_of_cas).extend(material_ids);
        self
    }

    /// Sets the names that belong to GigVault itself: certified only where [`Grant`](crate::Grant) says so.
    #[must_use]
    pub fn with_reserved_names(self, reserved_names: Arc<ReservedNames>) -> Self {
        Self {
            reserved_names,
            ..self
        }
    }

    /// The same CA where the CRL of a certificate is elsewhere: each may name its own part of all CRLs.
    ///
    /// # Errors
    /// If a pointer is not a plain address.
    pub fn with_crl(self, crl: Vec<String>) -> Result<Self, Denied> {
        let urls = PublicationUrls { crl, ..self.urls };
        check_publication_urls(&urls)?;
        Ok(Self { urls, ..self })
    }

    /// The CA's certificate; none for a root that is about to sign itself.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certified().map(|own| &own.certificate)
    }

    /// The CA's key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// Where it publishes.
    #[must_use]
    pub fn publication_urls(&self) -> &PublicationUrls {
        &self.urls
    }

    /// The period in which all certificates of its path are valid.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.certified().map(|own| own.validity)
    }

    pub(crate) fn is_self_signed(&self) -> bool {
        matches!(self.signed_by, SignedBy::SelfSigned)
    }

    pub(crate) fn key_identifier(&self) -> &[u8] {
        &self.key_identifier
    }

    /// How many CAs may follow below this one, if that is limited.
    pub(crate) fn path_len(&self) -> Option<u8> {
        self.certified().and_then(|own| own.path_len)
    }

    pub(crate) fn allows_purpose(&self, purpose: Eku) -> bool {
        self.certified().is_none_or(|own| {
            own.purposes
                .iter()
                .all(|list| list.contains(&purpose) || list.contains(&Eku::ANY))
        })
    }

    pub(crate) fn name_constraints(&self) -> &[NameConstraints] {
        self.certified().map_or(&[], |own| &own.name_constraints)
    }

    pub(crate) fn reserved_names(&self) -> &ReservedNames {
        &self.reserved_names
    }

    pub(crate) fn is_key_of_a_ca(&self, key: &PublicKey) -> bool {
        self.keys_of_cas.contains(&key.material_id())
    }

    /// The issuer's name: the octets of its certificate's subject, or of the subject that signs itself.
    pub(crate) fn name_for(&self, subject: &DistinguishedName) -> DistinguishedName {
        self.certified()
            .map_or(subject, |own| own.certificate.subject())
            .clone()
    }

    fn certified(&self) -> Option<&Certified> {
        match &self.signed_by {
            SignedBy::Certified(own) => Some(own),
            SignedBy::SelfSigned => None,
        }
    }
}

fn purposes_of(certificate: &Certificate) -> Vec<Vec<Eku>> {
    certificate.eku().map(<[Eku]>::to_vec).into_iter().collect()
}

fn key_of(certificate: &Certificate) -> Result<PublicKey, Denied> {
    certificate.public_key().cloned().map_err(|error| {
        Denied::ca(format!(
            "the key of {} cannot be used: {error}",
            certificate.subject()
        ))
    })
}

/// On a curve the hash follows the curve's strength: P-256 with SHA-256, P-384 with SHA-384 (BR 7.1.3.2.2).
fn check_algorithm(key: &PublicKey, algorithm: SignatureAlgorithm) -> Result<(), Denied> {
    let kind = key.algorithm();
    let usual = SignatureAlgorithm::default_for(kind);
    if algorithm == usual || (kind.is_rsa() && algorithm.fits(kind)) {
        return Ok(());
    }
    Err(Denied::ca(format!(
        "a {kind} key of a CA does not sign with {algorithm}; use {usual}"
    )))
}

/// RFC 5280 section 4.2.1.3: without keyUsage a CA may sign certificates.
fn check_authority(certificate: &Certificate) -> Result<(), Denied> {
    let subject = certificate.subject();
    if !certificate.is_ca() {
        return Err(Denied::ca(format!(
            "{subject} is not a CA: its certificate lacks basicConstraints with cA TRUE"
        )));
    }
    if subject.is_empty() {
        return Err(Denied::ca("the CA's certificate has an empty subject"));
    }
    match certificate.key_usage() {
        Some(usage) if !usage.contains(KeyUsageFlags::KEY_CERT_SIGN) => Err(Denied::ca(format!(
            "the key usage of {subject} does not allow it to sign certificates"
        ))),
        _ => Ok(()),
    }
}

fn check_publication_urls(urls: &PublicationUrls) -> Result<(), Denied> {
    let PublicationUrls {
        crl,
        ocsp,
        ca_issuers,
    } = urls;
    let lists: [(&[String], &[&str]); 3] = [
        (crl, &["http://", "ldap://"]),
        (ocsp, &["http://"]),
        (ca_issuers, &["http://", "ldap://"]),
    ];
    for (urls, schemes) in lists {
        let plain = |url: &&String| {
            !schemes
                .iter()
                .any(|scheme| url.starts_with(scheme) && url.len() > scheme.len())
        };
        if let Some(url) = urls.iter().find(plain) {
            return Err(Denied::ca(format!(
                "the address {url} does not begin with {}",
                schemes.join(" or ")
            )));
        }
        if let Some(url) = urls
            .iter()
            .find(|url| url.parse::<x509::extension::Location>().is_err())
        {
            return Err(Denied::ca(format!("the address {url} is not a URI")));
        }
    }
    Ok(())
}
