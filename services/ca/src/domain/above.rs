//! The issuers above the CAs of this service, such as offline roots: their keys are elsewhere, and their CRLs are imported.
//!
//! Such an issuer has no name of its own here. It has the one that the certificates below it point to: who follows
//! `http://pki.example.test/crl/root.crl` asks for the list of `root`.

use std::sync::Arc;

use time::OffsetDateTime;
use x509::Certificate;
use x509::extension::{ExtensionValue, oids};

use super::Authority;
use super::publication::is_ca_name;

/// The name of the only root, where no certificate says another one.
const ROOT: &str = "root";

/// An issuer whose key is elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Above {
    pub(crate) name: String,
    pub(crate) certificate: Certificate,
}

/// All of them, each once under each of its names. A name that two of them have is that of the first.
pub(crate) fn above(authorities: &[Arc<Authority>]) -> Vec<Above> {
    let mut known: Vec<Above> = Vec::new();
    let is_ours = |certificate: &Certificate| {
        let spki = certificate.spki();
        authorities
            .iter()
            .any(|authority| authority.certificate.spki() == spki)
    };
    let is_a_ca = |name: &str| authorities.iter().any(|authority| authority.name == name);
    for authority in authorities {
        let below = std::iter::once(&authority.certificate).chain(&authority.chain);
        for (child, issuer) in below.zip(&authority.chain) {
            if is_ours(issuer) {
                continue;
            }
            for name in names(child) {
                if !is_a_ca(&name) && !known.iter().any(|above| above.name == name) {
                    let certificate = issuer.clone();
                    known.push(Above { name, certificate });
                }
            }
        }
    }
    if let Some(root) = only_root(authorities)
        && !is_ours(root)
        && !is_a_ca(ROOT)
        && !known
            .iter()
            .any(|above| above.certificate == *root || above.name == ROOT)
    {
        known.push(Above {
            name: ROOT.to_owned(),
            certificate: root.clone(),
        });
    }
    known
}

/// The certificates of CAs that this one issued, each once. Relying parties do not ask about those that have expired.
pub(crate) fn below(
    authorities: &[Arc<Authority>],
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Vec<Certificate> {
    let mut found: Vec<Certificate> = Vec::new();
    for authority in authorities {
        let children = std::iter::once(&authority.certificate).chain(&authority.chain);
        for (child, above) in children.zip(&authority.chain) {
            if above == issuer && now < child.not_after() && !found.contains(child) {
                found.push(child.clone());
            }
        }
    }
    found
}

/// The root, where there is one for all CAs.
fn only_root(authorities: &[Arc<Authority>]) -> Option<&Certificate> {
    let mut roots = authorities
        .iter()
        .map(|authority| authority.chain.last().unwrap_or(&authority.certificate));
    let first = roots.next()?;
    roots.all(|root| root == first).then_some(first)
}

/// What a certificate calls its issuer: `root` of `…/crl/root.crl` and of `…/ca/root.crt`.
fn names(child: &Certificate) -> Vec<String> {
    let value = |oid| child.extension(oid).and_then(|extension| extension.value().ok());
    let crls = match value(oids::CRL_DISTRIBUTION_POINTS) {
        Some(ExtensionValue::CrlDistributionPoints(points)) => {
            points.into_iter().flat_map(|point| point.names.uris).collect()
        }
        _ => Vec::new(),
    };
    let certificates = match value(oids::AUTHORITY_INFO_ACCESS) {
        Some(ExtensionValue::AuthorityInformationAccess { ca_issuers, .. }) => ca_issuers,
        _ => Vec::new(),
    };
    let named = |uris: Vec<String>, folder: &'static str, ending: &'static str| {
        uris.into_iter().filter_map(move |uri| {
            let (before, file) = uri.rsplit_once('/')?;
            let name = file.strip_suffix(ending)?;
            (before.ends_with(folder) && is_ca_name(name)).then(|| name.to_owned())
        })
    };
    let mut names: Vec<String> = named(crls, "/crl", ".crl")
        .chain(named(certificates, "/ca", ".crt"))
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use keys::{Signer as _, SoftwareKey};
    use rootca::{Intermediate, PublicationUrls, Root};
    use time::macros::datetime;
    use x509::{KeyAlgorithm, SignatureAlgorithm};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 3:04:05 UTC);

    fn root(name: &str) -> Root {
        Root::create(&name.parse().unwrap(), KeyAlgorithm::P256, None, NOW).unwrap()
    }

    fn under(root: &Root, name: &str, crl: &[&str], certificate: &[&str]) -> Arc<Authority> {
        valid_for(None, (root, name), crl, certificate)
    }

    fn valid_for(
        validity: Option<Duration>,
        (root, name): (&Root, &str),
        crl: &[&str],
        certificate: &[&str],
    ) -> Arc<Authority> {
        let key = SoftwareKey::generate(KeyAlgorithm::P256).unwrap();
        let urls = PublicationUrls {
            crl: crl.iter().map(ToString::to_string).collect(),
            ca_issuers: certificate.iter().map(ToString::to_string).collect(),
            ocsp: Vec::new(),
        };
        let wanted = Intermediate {
            urls,
            validity,
            ..Intermediate::new(format!("CN={name}").parse().unwrap(), key.public_key().clone())
        };
        let signed = root.sign_intermediate(&wanted, NOW);
        Arc::new(Authority {
            name: name.to_owned(),
            key_name: format!("ca-{name}"),
            algorithm: SignatureAlgorithm::default_for(KeyAlgorithm::P256),
            certificate: signed.unwrap(),
            chain: vec![root.certificate().clone()],
            profiles: Vec::new(),
            generation: 1,
            suspension: None,
        })
    }

    fn shown(authorities: &[Arc<Authority>]) -> Vec<(String, String)> {
        let show = |above: Above| (above.name, above.certificate.subject().to_string());
        above(authorities).into_iter().map(show).collect()
    }

    #[test]
    fn an_issuer_above_has_the_names_that_certificates_point_to() {
        let (first, second) = (root("CN=First"), root("CN=Second"));
        let (crl, certificate) = ("http://a.test/crl/first.crl", "http://a.test/pki/ca/first-1.crt");
        let elsewhere = "http://a.test/lists/x.crl";
        let authorities = [
            under(&first, "issuing", &[crl, elsewhere], &[certificate]),
            under(&first, "other", &[crl], &[]),
            // Names of CAs and of others' lists are not taken.
            under(&second, "third", &["http://a.test/crl/issuing.crl", crl], &[]),
        ];
        let named = |name: &str| (name.to_owned(), "CN=First".to_owned());
        assert_eq!(shown(&authorities), [named("first"), named("first-1")]);
        let under_first = below(&authorities, first.certificate(), NOW);
        let issued = [&authorities[0].certificate, &authorities[1].certificate];
        assert!(under_first.iter().eq(issued));
    }

    #[test]
    fn a_ca_that_has_expired_is_not_below_its_issuer_any_more() {
        let root = root("CN=Root");
        let lasting = under(&root, "lasting", &[], &[]);
        let short = valid_for(
            Some(Duration::from_secs(30 * 24 * 3600)),
            (&root, "short"),
            &[],
            &[],
        );
        let authorities = [Arc::clone(&lasting), Arc::clone(&short)];
        let at = |now| below(&authorities, root.certificate(), now);
        let both = [lasting.certificate.clone(), short.certificate.clone()];
        let end = short.certificate.not_after();
        assert_eq!(at(end - Duration::from_secs(1)), both);
        assert_eq!(at(end), both[..1]);
    }

    #[test]
    fn the_only_root_that_no_certificate_names_is_root() {
        let only = root("CN=Only");
        let silent = under(&only, "issuing", &[], &[]);
        let named = ("root".to_owned(), "CN=Only".to_owned());
        assert_eq!(shown(&[Arc::clone(&silent)]), [named]);
        let other = under(&root("CN=Other"), "other", &[], &[]);
        assert_eq!(shown(&[silent, other]), []);
        assert_eq!(shown(&[under(&only, "root", &[], &[])]), []);
    }
}
