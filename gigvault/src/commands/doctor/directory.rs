//! The LDAP directory of a server, read as a client of it reads: the certificate of each CA, and its complete CRL.

use std::time::Duration;

use client::Ca;
use ldap::{Address, Attribute, Client, ClientError};
use time::OffsetDateTime;
use tokio::time::timeout;
use x509::Certificate;
use x509::crl::CertificateList;

use super::{Check, failed, ok};

const CHECK: &str = "ldap";
/// Longest time for all CAs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most octets of an entry. A longer CRL is looked at over HTTP only.
const MOST: usize = 16 * 1024 * 1024;
const READ: [Attribute; 2] = [Attribute::Certificates, Attribute::Complete];
const FIX: &str = "see the log of the process that runs crl, and what it finds wrong itself below; where something else listens on that \
                   port, start the server with another --ldap-port";

/// Looks at the entry of each CA.
pub(super) async fn look(url: &str, cas: &[Ca], now: OffsetDateTime) -> Check {
    let looked = timeout(PATIENCE, entries(url, cas, now)).await;
    match looked {
        Ok(Ok(wrong)) if wrong.is_empty() => ok(CHECK, url.to_owned()),
        Ok(Ok(wrong)) => failed(CHECK, format!("{url}: {}", wrong.join("; ")), FIX),
        Ok(Err(error)) => failed(CHECK, format!("{url}: {error}"), FIX),
        Err(_elapsed) => failed(
            CHECK,
            format!("{url} did not answer within {} s", PATIENCE.as_secs()),
            FIX,
        ),
    }
}

async fn entries(url: &str, cas: &[Ca], now: OffsetDateTime) -> Result<Vec<String>, ClientError> {
    let address: Address = url
        .parse()
        .map_err(|error: ldap::InvalidAddress| ClientError::Protocol(error.to_string()))?;
    let mut client = Client::connect(&address, None).await?;
    let mut wrong = Vec::new();
    for ca in cas {
        // One that has ended has no CRLs any more.
        let certificate = Certificate::from_pem(ca.certificate.as_bytes()).ok();
        let Some(certificate) = certificate.filter(|certificate| now <= certificate.not_after()) else {
            continue;
        };
        let name = certificate.subject().to_string();
        match client.read(&name, &READ, MOST).await {
            Ok(mut values) => {
                let mut of = |attribute| values.remove(&attribute).unwrap_or_default();
                let (certificates, lists) = (of(Attribute::Certificates), of(Attribute::Complete));
                let problem = problem(&certificate, &certificates, (&lists, now));
                wrong.extend(problem.map(|problem| format!("{name}: {problem}")));
            }
            Err(error) if error.is_missing() => wrong.push(format!("{name} is not there")),
            Err(error) if error.is_of_entry() => wrong.push(format!("{name}: {error}")),
            Err(error) => return Err(error),
        }
    }
    client.unbind().await;
    Ok(wrong)
}

/// What is wrong with the entry of a CA. One that has several generations has several values.
fn problem(
    certificate: &Certificate,
    certificates: &[Vec<u8>],
    (lists, now): (&[Vec<u8>], OffsetDateTime),
) -> Option<&'static str> {
    if !certificates.iter().any(|der| der == certificate.der()) {
        return Some("it does not have the certificate of the CA");
    }
    let lists: Vec<CertificateList> = lists
        .iter()
        .filter_map(|der| CertificateList::from_der(der).ok())
        .filter(|list| list.verify_signed_by(certificate).is_ok())
        .collect();
    if lists.is_empty() {
        return Some("it does not have a complete CRL that the CA signed");
    }
    let in_force = |list: &CertificateList| list.next_update().is_none_or(|next| now <= next);
    (!lists.iter().any(in_force)).then_some("the complete CRL has run out")
}
