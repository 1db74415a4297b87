//! `cert verify`: path validation offline, by the verifier that TLS uses.

use anyhow::Context;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::json;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{files, now};
use crate::cli::{Connection, Verify};
use crate::context;
use crate::exit::Usage;
use crate::output::Output;

pub(super) fn run(arguments: &Verify, connection: &Connection, output: Output) -> anyhow::Result<()> {
    let roots = match &connection.ca_file {
        Some(path) => path.clone(),
        None => context::find(connection)
            .ok()
            .and_then(|server| server.roots)
            .ok_or_else(|| Usage("no root to verify against: give --ca-file".to_owned()))?,
    };
    let roots = chain(&files::read(&roots)?).with_context(|| roots.display().to_string())?;
    let mut given =
        chain(&files::read(&arguments.file)?).with_context(|| arguments.file.display().to_string())?;
    if let Some(path) = &arguments.untrusted {
        given.extend(chain(&files::read(path)?).with_context(|| path.display().to_string())?);
    }
    let (leaf, above) = given.split_first().context("no certificate")?;
    let certificate = x509::Certificate::from_der(leaf)?;
    check(leaf, above, &roots, arguments)?;
    let whole = json!({
        "valid": true,
        "serial": certificate.serial().to_string(),
        "subject": certificate.subject().to_string(),
        "san": certificate.sans().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "revocation_checked": false,
    });
    output.one(
        &whole,
        &[
            ("result", "ok".to_owned()),
            ("serial", certificate.serial().to_string()),
            ("subject", certificate.subject().to_string()),
            ("revocation", "not looked at".to_owned()),
        ],
    )
}

fn check(
    leaf: &CertificateDer<'_>,
    above: &[CertificateDer<'_>],
    roots: &[CertificateDer<'_>],
    arguments: &Verify,
) -> anyhow::Result<()> {
    let anchors = roots
        .iter()
        .map(anchor_from_trusted_cert)
        .collect::<Result<Vec<_>, _>>()?;
    let end_entity = EndEntityCert::try_from(leaf)?;
    let seconds = u64::try_from(now().unix_timestamp()).context("the clock stands before 1970")?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let usages: &[fn() -> KeyUsage] = match arguments.purpose.as_str() {
        "server" => &[KeyUsage::server_auth],
        "client" => &[KeyUsage::client_auth],
        _ => &[
            KeyUsage::server_auth,
            KeyUsage::client_auth,
            code_signing,
            email_protection,
            ocsp_signing,
        ],
    };
    let verify = |usage: &fn() -> KeyUsage| {
        end_entity.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, above, time, usage(), None, None)
    };
    let mut last = None;
    for usage in usages {
        match verify(usage) {
            Ok(_) => {
                last = None;
                break;
            }
            // Another purpose may still fit; any other reason is final.
            Err(error @ webpki::Error::RequiredEkuNotFoundContext(_)) => {
                last = Some(error);
            }
            Err(error) => return Err(error).context("the certificate does not verify"),
        }
    }
    if let Some(error) = last {
        return Err(error).context("the certificate is not for this purpose");
    }
    if let Some(hostname) = &arguments.hostname {
        let name = ServerName::try_from(hostname.as_str()).map_err(|_| {
            Usage(format!(
                "--hostname {hostname}: neither a DNS name nor an address"
            ))
        })?;
        end_entity
            .verify_is_valid_for_subject_name(&name)
            .with_context(|| format!("it is not for {hostname}"))?;
    }
    Ok(())
}

fn code_signing() -> KeyUsage {
    // id-kp-codeSigning, 1.3.6.1.5.5.7.3.3
    KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 3])
}

fn email_protection() -> KeyUsage {
    // id-kp-emailProtection, 1.3.6.1.5.5.7.3.4
    KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 4])
}

fn ocsp_signing() -> KeyUsage {
    // id-kp-OCSPSigning, 1.3.6.1.5.5.7.3.9
    KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 9])
}

fn chain(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all = x509::pem::decode(pem, "CERTIFICATE")?;
    Ok(all.into_iter().map(CertificateDer::from).collect())
}
