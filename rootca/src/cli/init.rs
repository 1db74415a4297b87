//! `init`: a key, a certificate, a folder.

use std::io::Write;

use data_encoding::HEXLOWER;
use rules::PublicationUrls;
use serde_json::json;
use time::OffsetDateTime;
use x509::{DistinguishedName, KeyAlgorithm, rfc3339};

use super::output::{lines, show};
use super::{InitArgs, Prompts, parse};
use crate::error::Error;
use crate::folder::Folder;
use crate::root::Root;

pub(super) fn run(
    args: &InitArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let subject: DistinguishedName = parse("--subject", &args.subject)?;
    let key: KeyAlgorithm = parse("--key-type", &args.key_type)?;
    let dir = &args.folder.dir;
    // Before anybody is asked for a passphrase.
    Folder::check_free(dir)?;
    let urls = PublicationUrls {
        crl: args.crl_urls.clone(),
        ca_issuers: args.issuer_urls.clone(),
        ocsp: Vec::new(),
    };
    let root = Root::create(&subject, key, Some(args.validity), now)?;
    root.check_publication(&urls)?;
    let opener = args.key.for_new_root(prompts)?;
    root.save_publishing(dir, opener.protection(), &urls)?;

    let certificate = root.certificate();
    let mut text = lines(&[
        ("root", certificate.subject().to_string()),
        ("key", key.to_string()),
        ("serial", certificate.serial().to_string()),
        ("not before", rfc3339(certificate.not_before())),
        ("not after", rfc3339(certificate.not_after())),
        ("SHA-256", HEXLOWER.encode(&certificate.fingerprint())),
        ("CRL", or_nowhere(&urls.crl, "--crl-url")),
        ("issuer at", or_nowhere(&urls.ca_issuers, "--issuer-url")),
        ("folder", dir.display().to_string()),
    ]);
    text.push_str(
        "\nWrite the SHA-256 fingerprint into the minutes. Copy the folder before you sign\n\
         with it: without its key and its ledger there is no further intermediate and\n\
         no CRL.\n",
    );
    let value = json!({
        "root": certificate.subject().to_string(),
        "key": key.to_string(),
        "serial": certificate.serial().to_string(),
        "not_before": rfc3339(certificate.not_before()),
        "not_after": rfc3339(certificate.not_after()),
        "fingerprint_sha256": HEXLOWER.encode(&certificate.fingerprint()),
        "crl_urls": urls.crl,
        "issuer_urls": urls.ca_issuers,
        "folder": dir.display().to_string(),
    });
    show(args.answer.output, &value, &text, out)
}

/// Addresses for all intermediates.
fn or_nowhere(urls: &[String], flag: &str) -> String {
    match urls {
        [] => format!("said for each intermediate by {flag}"),
        some => some.join(", "),
    }
}
