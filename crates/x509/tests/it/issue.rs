//! Certificates made by specification and a key of the test: a root, an intermediate, a leaf with every extension.
#![expect(clippy::unwrap_used, reason = "tests")]

use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use x509::{
    Certificate, CertificateSpec, DistinguishedName, Eku, Extension, KeyAlgorithm, KeyIdMethod,
    KeyUsageFlags, NameConstraints, PublicKey, San, Serial, SignatureAlgorithm, Validity, assemble,
};

use crate::csr::holder::Holder;

/// From before these tests were written to after anyone runs them.
const ALWAYS: Validity = Validity {
    not_before: datetime!(2026-01-01 00:00 UTC),
    not_after: datetime!(2126-01-01 00:00 UTC),
};
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

/// A CA of the test: its key, how it signs, its certificate.
pub(crate) struct Authority {
    pub(crate) holder: Holder,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) certificate: Certificate,
}

/// Root, intermediate and leaf.
pub(crate) struct Hierarchy {
    pub(crate) root: Authority,
    pub(crate) intermediate: Authority,
    pub(crate) leaf: Certificate,
}

pub(crate) fn sans(texts: &[&str]) -> Vec<San> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn every_kind_of_san() -> Vec<San> {
    sans(&[
        "dns:web.example.test",
        "dns:*.bücher.example.test",
        "ip:192.0.2.7",
        "ip:2001:db8::7",
        "email:first.last@example.test",
        "email:jürgen@example.test",
        "uri:spiffe://example.test/svc/ca",
        "dirname:CN=web,O=Example Org,C=DE",
        "rid:1.3.6.1.4.1.55555.1",
        "upn:user@example.test",
        "othername:1.3.6.1.4.1.55555.2=0c0568656c6c6f",
    ])
}

pub(crate) fn spec(subject: &str, public_key: PublicKey, algorithm: SignatureAlgorithm) -> CertificateSpec {
    CertificateSpec {
        serial: Serial::random(&aws_lc_rs::rand::SystemRandom::new()).unwrap(),
        signature_algorithm: algorithm,
        issuer: subject.parse().unwrap(),
        validity: Validity::starting(NOW, Duration::days(90)).unwrap(),
        subject: subject.parse().unwrap(),
        public_key,
        extensions: vec![],
    }
}

pub(crate) fn sign(spec: &CertificateSpec, holder: &Holder) -> Certificate {
    let tbs = spec.to_tbs().unwrap();
    let signature = holder.sign(&tbs, spec.signature_algorithm);
    let der = assemble(&tbs, spec.signature_algorithm, &signature).unwrap();
    Certificate::from_der(&der).unwrap()
}

pub(crate) fn ca_extensions(key: &PublicKey, path_len: Option<u8>) -> Vec<Extension> {
    vec![
        Extension::basic_constraints_ca(path_len),
        Extension::key_usage(KeyUsageFlags::KEY_CERT_SIGN | KeyUsageFlags::CRL_SIGN).unwrap(),
        Extension::subject_key_identifier(key.key_identifier(KeyIdMethod::Rfc7093)),
    ]
}

impl Authority {
    pub(crate) fn root(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> Self {
        let holder = Holder::new(key);
        let mut spec = spec("CN=Test Root,O=Example Org,C=DE", holder.public_key(), algorithm);
        spec.validity = ALWAYS;
        spec.extensions = ca_extensions(&holder.public_key(), None);
        let certificate = sign(&spec, &holder);
        Self {
            holder,
            algorithm,
            certificate,
        }
    }

    /// Signs a specification under this CA's name, with the authority key identifier that belongs to it.
    pub(crate) fn issue(&self, mut spec: CertificateSpec) -> Certificate {
        spec.issuer = self.certificate.subject().clone();
        spec.signature_algorithm = self.algorithm;
        let id = self.certificate.subject_key_identifier().unwrap();
        spec.extensions.push(Extension::authority_key_identifier(id));
        sign(&spec, &self.holder)
    }

    /// A CA below this one, with an own key of the same kind.
    pub(crate) fn intermediate(&self, key: KeyAlgorithm, constraints: Option<&NameConstraints>) -> Self {
        let holder = Holder::new(key);
        let mut spec = spec(
            "CN=Test Intermediate,O=Example Org,C=DE",
            holder.public_key(),
            self.algorithm,
        );
        spec.validity = ALWAYS;
        spec.extensions = ca_extensions(&holder.public_key(), Some(0));
        spec.extensions
            .extend(constraints.map(|constraints| Extension::name_constraints(constraints).unwrap()));
        let url = ["http://pki.example.test/root"];
        spec.extensions
            .push(Extension::crl_distribution_points(&url).unwrap());
        spec.extensions
            .push(Extension::authority_information_access(&url, &url).unwrap());
        let any_policy = ["2.5.29.32.0".parse().unwrap()];
        spec.extensions
            .push(Extension::certificate_policies(&any_policy).unwrap());
        Self {
            holder,
            algorithm: self.algorithm,
            certificate: self.issue(spec),
        }
    }
}

/// All that a leaf may have.
pub(crate) fn leaf_spec(key: PublicKey, algorithm: SignatureAlgorithm) -> CertificateSpec {
    let mut usage = KeyUsageFlags::DIGITAL_SIGNATURE;
    if key.algorithm().is_rsa() {
        usage |= KeyUsageFlags::KEY_ENCIPHERMENT;
    }
    let mut spec = spec("CN=web.example.test,O=Example Org,C=DE", key, algorithm);
    let policies = ["1.3.6.1.4.1.55555.9".parse().unwrap()];
    spec.extensions = vec![
        Extension::key_usage(usage).unwrap(),
        Extension::extended_key_usage(vec![Eku::ServerAuth, Eku::ClientAuth]).unwrap(),
        Extension::subject_alt_name(&every_kind_of_san(), false).unwrap(),
        Extension::subject_key_identifier(spec.public_key.key_identifier(KeyIdMethod::Sha1)),
        Extension::crl_distribution_points(&["http://pki.example.test/1.crl"]).unwrap(),
        Extension::authority_information_access(
            &["http://ocsp.example.test/"],
            &["http://pki.example.test/1.cer"],
        )
        .unwrap(),
        Extension::certificate_policies(&policies).unwrap(),
        Extension::tls_feature_must_staple(),
    ];
    spec
}

impl Hierarchy {
    pub(crate) fn new(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> Self {
        Self::with_leaf(
            key,
            algorithm,
            Validity::starting(NOW, Duration::days(90)).unwrap(),
        )
    }

    /// One whose certificates are valid by the clock of the machine, for tools that know no other.
    pub(crate) fn lasting(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> Self {
        Self::with_leaf(key, algorithm, ALWAYS)
    }

    fn with_leaf(key: KeyAlgorithm, algorithm: SignatureAlgorithm, validity: Validity) -> Self {
        let root = Authority::root(key, algorithm);
        let intermediate = root.intermediate(key, None);
        let leaf_key = Holder::new(key).public_key();
        let leaf = intermediate.issue(CertificateSpec {
            validity,
            ..leaf_spec(leaf_key, algorithm)
        });
        Self {
            root,
            intermediate,
            leaf,
        }
    }

    /// A hierarchy whose form is tested and not its cryptography: the quickest kind of key.
    pub(crate) fn any() -> Self {
        Self::new(KeyAlgorithm::P256, SignatureAlgorithm::EcdsaSha256)
    }
}

pub(crate) fn name(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}
