//! Show what the key manager says of a CA's key.

use kit::error::{Fault, Kind, Shown};
use kit::grpc::RemoteFault;
use proto::keymgr::v1::{DescribeRequest, DescribeResponse, Key, Purpose};
use store::time::from_micros;
use vocabulary::service;

use super::App;
use crate::domain::{Authority, AuthorityKey, KeySignatures};

const CERTIFICATE_AUTHORITY: &str = "certificate-authority";
const OCSP_SIGNER: &str = "ocsp-signer";
/// Of a later version.
const UNKNOWN: &str = "unknown";
/// What a key can be for, as REST has it.
pub(crate) const KEY_PURPOSES: [&str; 3] = [CERTIFICATE_AUTHORITY, OCSP_SIGNER, UNKNOWN];

/// Why nothing is known of the key.
#[derive(Debug, thiserror::Error)]
pub enum KeyUnknown {
    /// The key manager refused or cannot be reached.
    #[error("the key manager did not describe the key")]
    Refused(#[source] RemoteFault),
    /// What it answered is not a key.
    #[error("the key manager described the key in a form that this version does not read: {0}")]
    Unreadable(&'static str),
}

impl Fault for KeyUnknown {
    fn service(&self) -> &'static str {
        service::CA
    }

    fn shown(&self) -> Shown<'_> {
        match self {
            Self::Refused(fault) => fault.shown(),
            Self::Unreadable(_) => Shown::of(Kind::Internal),
        }
    }
}

impl App {
    /// The key of that CA, asked of the key manager each time.
    ///
    /// # Errors
    /// [`KeyUnknown`].
    pub async fn key_of(&self, authority: &Authority) -> Result<AuthorityKey, KeyUnknown> {
        let name = authority.key_name.clone();
        let answer = self.keymgr.clone().describe(DescribeRequest { name }).await;
        let answer = answer.map_err(|status| KeyUnknown::Refused(RemoteFault::from(status)))?;
        let DescribeResponse { key, signatures } = answer.into_inner();
        let key = key.ok_or(KeyUnknown::Unreadable("no key"))?;
        let time = |micros| from_micros(micros).map_err(|_| KeyUnknown::Unreadable("a time out of range"));
        let signatures = signatures.into_iter().map(|made| {
            Ok(KeySignatures {
                structure: made.structure,
                count: made.count,
                last: time(made.last_us)?,
            })
        });
        Ok(AuthorityKey {
            purpose: purpose(&key),
            created: time(key.created_us)?,
            name: key.name,
            algorithm: key.algorithm,
            backend: key.backend,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }
}

/// As REST has it.
fn purpose(key: &Key) -> &'static str {
    match key.purpose() {
        Purpose::CertificateAuthority => CERTIFICATE_AUTHORITY,
        Purpose::OcspSigner => OCSP_SIGNER,
        Purpose::Unspecified => UNKNOWN,
    }
}
