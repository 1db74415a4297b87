//! The LDAP directory of a server, read as a client of it reads: the certificate of each CA, and its complete CRL.

use std::time::Duration;

use client::Ca;
use ldap::{Address, Attribute, Client, ClientError};
use time::OffsetDateTime;
use tokio::time::timeout;
use x509::Certificate;
use x509::crl::CertificateList;

use super::{Check, failed, ok, warning};

const CHECK: &str = "ldap";
/// Longest time for all CAs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most octets of an answer, which is in memory at once. CRLs can be of any length; a longer one is looked at by the self-check of crl,
/// over HTTP.
const MOST: usize = 16 * 1024 * 1024;
const FIX: &str = "see the log of the process that runs crl, and what it finds wrong itself below; where something else listens on that \
                   port, start the server with another --ldap-port";

/// What was found in the entries of all CAs.
#[derive(Default)]
struct DirectoryFindings {
    wrong: Vec<String>,
    /// Entries whose CRL was not read.
    long: Vec<String>,
}

/// Looks at the entry of each CA.
pub(super) async fn look(url: &str, cas: &[Ca], now: OffsetDateTime) -> Check {
    let looked = timeout(PATIENCE, entries(url, cas, now)).await;
    match looked {
        Ok(Ok(found)) if !found.wrong.is_empty() => {
            failed(CHECK, format!("{url}: {}", found.wrong.join("; ")), FIX)
        }
        Ok(Ok(found)) if !found.long.is_empty() => {
            let (limit, names) = (MOST / (1024 * 1024), found.long.join("; "));
            let detail =
                format!("{url} announces CRLs of more than {limit} MiB, which were not read: {names}");
            warning(
                CHECK,
                detail,
                "see whether `ldapsearch` gets the lists that HTTP serves",
            )
        }
        Ok(Ok(_)) => ok(CHECK, url.to_owned()),
        Ok(Err(error)) => failed(CHECK, format!("{url}: {error}"), FIX),
        Err(_elapsed) => failed(
            CHECK,
            format!("{url} did not answer within {} s", PATIENCE.as_secs()),
            FIX,
        ),
    }
}

async fn entries(url: &str, cas: &[Ca], now: OffsetDateTime) -> Result<DirectoryFindings, ClientError> {
    let address: Address = url
        .parse()
        .map_err(|error: ldap::InvalidAddress| ClientError::Protocol(error.to_string()))?;
    let mut client = Client::connect(&address, None).await?;
    let mut found = DirectoryFindings::default();
    for ca in cas {
        // One that has ended has no CRLs any more.
        let certificate = Certificate::from_pem(ca.certificate.as_bytes()).ok();
        let Some(certificate) = certificate.filter(|certificate| now <= certificate.not_after()) else {
            continue;
        };
        let name = certificate.subject().to_string();
        match problem(&mut client, &name, (&certificate, now)).await {
            Ok(problem) => found
                .wrong
                .extend(problem.map(|problem| format!("{name}: {problem}"))),
            Err(ClientError::TooLong(_)) => {
                found.long.push(name);
                // The rest of the list is on its way over the old connection.
                client = Client::connect(&address, None).await?;
            }
            Err(error) if error.is_missing() => found.wrong.push(format!("{name} is not there")),
            Err(error) if error.is_of_entry() => found.wrong.push(format!("{name}: {error}")),
            Err(error) => return Err(error),
        }
    }
    client.unbind().await;
    Ok(found)
}

/// What is wrong with the entry of a CA. One that has several generations has several values.
async fn problem(
    client: &mut Client,
    name: &str,
    (certificate, now): (&Certificate, OffsetDateTime),
) -> Result<Option<&'static str>, ClientError> {
    // Before the list, which may be too long.
    let certificates = values(client, name, Attribute::Certificates).await?;
    if !certificates.iter().any(|der| der == certificate.der()) {
        return Ok(Some("it does not have the certificate of the CA"));
    }
    let lists: Vec<CertificateList> = values(client, name, Attribute::Complete)
        .await?
        .iter()
        .filter_map(|der| CertificateList::from_der(der).ok())
        .filter(|list| list.verify_signed_by(certificate).is_ok())
        .collect();
    if lists.is_empty() {
        return Ok(Some("it does not have a complete CRL that the CA signed"));
    }
    let in_force = |list: &CertificateList| list.next_update().is_none_or(|next| now <= next);
    Ok((!lists.iter().any(in_force)).then_some("the complete CRL has run out"))
}

async fn values(client: &mut Client, name: &str, attribute: Attribute) -> Result<Vec<Vec<u8>>, ClientError> {
    let mut values = client.read(name, &[attribute], MOST).await?;
    Ok(values.remove(&attribute).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rootca::Root;
    use serde_json::json;
    use time::macros::datetime;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use x509::KeyAlgorithm;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 UTC);

    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84][..], &length, &content].concat()
    }

    /// Answers searches for certificates, and begins an answer of 17 MiB to those for lists.
    async fn answer(mut client: TcpStream, certificate: Vec<u8>) {
        let mut request = [0; 4096];
        loop {
            let taken = client.read(&mut request).await.unwrap_or(0);
            let Some(id) = request[..taken].windows(3).find(|octets| octets[..2] == [2, 1]) else {
                return;
            };
            let asks = |name: &[u8]| request[..taken].windows(name.len()).any(|octets| octets == name);
            let answer = if asks(b"certificateRevocationList") {
                [0x30, 0x84, 0x01, 0x10, 0, 0].to_vec()
            } else if asks(b"cACertificate;binary") {
                let set = der(0x31, &[&der(4, &[&certificate])]);
                let attribute = der(0x30, &[&der(4, &[b"cACertificate;binary"]), &set]);
                let entry = der(0x64, &[&der(4, &[b"CN=Test Root"]), &der(0x30, &[&attribute])]);
                let done = der(0x65, &[&[0x0a, 1, 0, 4, 0, 4, 0]]);
                [der(0x30, &[id, &entry]), der(0x30, &[id, &done])].concat()
            } else {
                return;
            };
            client.write_all(&answer).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_list_that_is_too_long_to_be_read_is_not_wrong() {
        let root = Root::create(&"CN=Test Root".parse().unwrap(), KeyAlgorithm::P256, None, NOW).unwrap();
        let certificate = root.certificate().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let octets = certificate.der().to_vec();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, octets.clone()));
            }
        });
        let ca: Ca = serde_json::from_value(json!({
            "name": "issuing", "subject": "CN=Test Root", "not_before": "2027-01-02T03:04:05Z",
            "not_after": "2037-01-02T03:04:05Z", "key_algorithm": "p256", "certificate": certificate.pem(), "chain": "",
        }))
        .unwrap();
        // The one that follows is looked at too.
        let check = look(&url, &[ca.clone(), ca], NOW).await;
        assert_eq!(check.result, "warning", "{}", check.detail);
        let names = "announces CRLs of more than 16 MiB, which were not read: CN=Test Root; CN=Test Root";
        assert!(check.detail.ends_with(names), "{}", check.detail);
    }
}
