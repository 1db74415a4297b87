//! `sign-intermediate`: show what would be signed, ask, sign, record, hand out — in this order.

use std::io::Write;

use lint::Linted;
use rules::{Approved, PublicationUrls, duration};
use time::OffsetDateTime;
use x509::csr::ReceivedCsr;
use x509::extension::Subtree;
use x509::{Eku, NameConstraints};

use super::output::{lines, rfc3339};
use super::{Prompts, SignIntermediateArgs, parse};
use crate::error::Error;
use crate::files;
use crate::folder::Folder;
use crate::intermediate::{Intermediate, draft};

/// Name constraints (RFC 5280 section 4.2.1.10).
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Name constraints (each repeatable)")]
pub struct NameFlags {
    /// Certify only names in this subtree: dns:example.test, ip:10.0.0.0/8, email:…, uri:…, dirname:O=Example
    #[arg(long, value_name = "KIND:SUBTREE")]
    permit: Vec<String>,
    /// Certify only host names at or below this one
    #[arg(long, value_name = "NAME")]
    permit_dns: Vec<String>,
    /// Certify only addresses of this network
    #[arg(long, value_name = "NETWORK")]
    permit_ip: Vec<String>,
    /// Certify only this mailbox, those of this host, or of hosts below .domain
    #[arg(long, value_name = "MAILBOX")]
    permit_email: Vec<String>,
    /// Certify only URIs of this host, or of hosts below .domain
    #[arg(long, value_name = "HOST")]
    permit_uri: Vec<String>,
    /// Certify no name in this subtree
    #[arg(long, value_name = "KIND:SUBTREE")]
    exclude: Vec<String>,
    /// Certify no host name at or below this one
    #[arg(long, value_name = "NAME")]
    exclude_dns: Vec<String>,
    /// Certify no address of this network
    #[arg(long, value_name = "NETWORK")]
    exclude_ip: Vec<String>,
    /// Certify no such mailbox
    #[arg(long, value_name = "MAILBOX")]
    exclude_email: Vec<String>,
    /// Certify no URI of this host
    #[arg(long, value_name = "HOST")]
    exclude_uri: Vec<String>,
}

impl NameFlags {
    fn constraints(&self) -> Result<NameConstraints, Error> {
        let permitted = subtrees(
            "--permit",
            &self.permit,
            [
                ("dns", &self.permit_dns),
                ("ip", &self.permit_ip),
                ("email", &self.permit_email),
                ("uri", &self.permit_uri),
            ],
        )?;
        let excluded = subtrees(
            "--exclude",
            &self.exclude,
            [
                ("dns", &self.exclude_dns),
                ("ip", &self.exclude_ip),
                ("email", &self.exclude_email),
                ("uri", &self.exclude_uri),
            ],
        )?;
        Ok(NameConstraints { permitted, excluded })
    }
}

fn subtrees(flag: &str, whole: &[String], by_kind: [(&str, &Vec<String>); 4]) -> Result<Vec<Subtree>, Error> {
    let short = by_kind
        .into_iter()
        .flat_map(|(kind, values)| values.iter().map(move |value| format!("{kind}:{value}")));
    whole
        .iter()
        .cloned()
        .chain(short)
        .map(|text| parse(flag, &text))
        .collect()
}

pub(super) fn run(
    args: &SignIntermediateArgs,
    now: OffsetDateTime,
    out: &mut dyn Write,
    prompts: &mut dyn Prompts,
) -> Result<(), Error> {
    let folder = Folder::open(&args.folder.dir)?;
    if let Some(path) = &args.out {
        ::files::check_free(path)?;
    }
    let wanted = wanted(args)?;
    let draft = draft(folder.certificate(), &wanted, now)?;
    let plan = plan(&folder, &wanted, &draft);
    if args.dry_run {
        return Ok(writeln!(
            out,
            "This would be signed:\n\n{plan}\nNothing was signed. {}",
            match folder.check_key() {
                Ok(()) => "When it is, another serial number is drawn.".to_owned(),
                Err(lost) => format!("Nor can it be as it is: {lost}"),
            }
        )?);
    }
    // Before anybody is asked about what cannot be done.
    folder.check_key()?;
    let to_stdout = args.out.as_deref().is_some_and(super::is_stream);
    match to_stdout {
        // There the certificate is alone.
        true => drop(writeln!(std::io::stderr(), "This will be signed:\n\n{plan}")),
        false => writeln!(out, "This will be signed:\n\n{plan}")?,
    }
    if !args.yes && !prompts.confirm("Sign it?")? {
        return Err(Error::Declined);
    }
    let root = args.key.unlock(&folder, prompts)?;
    let certificate = folder.issue(&root, draft, now)?;
    let copy = folder.path_of(certificate.serial().proper()?);
    if to_stdout {
        return Ok(out.write_all(certificate.pem().as_bytes())?);
    }
    let written = match &args.out {
        Some(path) => {
            ::files::create(path, certificate.pem().as_bytes(), files::PUBLIC)?;
            path
        }
        None => &copy,
    };
    writeln!(out, "Signed: {}", written.display())?;
    Ok(())
}

fn wanted(args: &SignIntermediateArgs) -> Result<Intermediate, Error> {
    let content = super::read_input(&args.csr)?;
    let subject = match &args.subject {
        Some(text) => Some(parse("--subject", text)?),
        None => None,
    };
    // A CA has no use for alternative names; those of the request are not judged.
    let csr = ReceivedCsr::from_pem_or_der(&content)
        .and_then(|received| received.with_names(subject, Some(Vec::new())))
        .map_err(|error| Error::Content {
            path: args.csr.clone(),
            problem: error.to_string(),
        })?;
    let purposes = args.purposes.iter().map(|text| parse::<Eku>("--purpose", text));
    Ok(Intermediate {
        path_len: Some(args.path_len),
        validity: args.validity,
        urls: PublicationUrls {
            crl: args.crl_urls.clone(),
            ocsp: args.ocsp_urls.clone(),
            ca_issuers: args.issuer_urls.clone(),
        },
        name_constraints: args.names.constraints()?,
        purposes: purposes.collect::<Result<_, _>>()?,
        subject_key_identifier: csr.subject_key_identifier().map(<[u8]>::to_vec),
        ..Intermediate::new(csr.subject().clone(), csr.public_key().clone())
    })
}

/// Everything that the certificate will say, for the eyes of the ceremony.
fn plan(folder: &Folder, wanted: &Intermediate, draft: &Linted<Approved>) -> String {
    let approved = draft.get();
    let (validity, key) = (approved.validity(), approved.public_key());
    let list = |items: Vec<String>, without: &str| {
        if items.is_empty() {
            without.to_owned()
        } else {
            items.join(", ")
        }
    };
    let texts = |subtrees: &[Subtree]| subtrees.iter().map(ToString::to_string).collect();
    let life = std::time::Duration::try_from(validity.duration()).unwrap_or_default();
    let mut text = lines(&[
        ("issuer", folder.certificate().subject().to_string()),
        ("subject", approved.subject().to_string()),
        ("serial", approved.serial().to_string()),
        ("not before", rfc3339(validity.not_before)),
        (
            "not after",
            format!("{} ({})", rfc3339(validity.not_after), duration::format(life)),
        ),
        (
            "key",
            format!(
                "{}, SHA-256 {}",
                key.algorithm(),
                data_encoding::HEXLOWER.encode(&key.fingerprint())
            ),
        ),
        ("signature", approved.signature_algorithm().to_string()),
        (
            "path length",
            wanted
                .path_len
                .map_or_else(|| "as the root allows".into(), |length| length.to_string()),
        ),
        (
            "purposes",
            list(wanted.purposes.iter().map(ToString::to_string).collect(), "all"),
        ),
        (
            "permitted",
            list(texts(&wanted.name_constraints.permitted), "all names"),
        ),
        ("excluded", list(texts(&wanted.name_constraints.excluded), "none")),
        (
            "CRL",
            list(
                wanted.urls.crl.clone(),
                "nowhere: relying parties cannot learn that it was revoked; see --crl-url",
            ),
        ),
        ("OCSP", list(wanted.urls.ocsp.clone(), "nowhere")),
        (
            "issuer at",
            list(wanted.urls.ca_issuers.clone(), "nowhere; see --issuer-url"),
        ),
    ]);
    for finding in draft.warnings() {
        text.push_str(&format!("lint: {finding}\n"));
    }
    text
}
