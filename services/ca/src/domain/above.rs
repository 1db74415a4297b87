//! The issuers above the CAs of this service, such as offline roots: their keys are elsewhere, and their CRLs are imported.
//!
//! Such an issuer has no name of its own here. It has the one that the certificates below it point to: who follows
//! `http://pki.example.test/crl/root.crl` asks for the list of `root`.

use std::sync::Arc;

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
        Some(ExtensionValue::CrlDistributionPoints(uris)) => uris,
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
