//! `sign-intermediate`: show what would be signed, ask, sign, record, hand out — in this order.

use std::io::Write;

use data_encoding::HEXLOWER;
use rules::PublicationUrls;
use serde_json::json;
use time::OffsetDateTime;
use x509::csr::ReceivedCsr;
use x509::extension::Subtree;
use x509::{Eku, NameConstraints};

use super::output::show;
use super::plan::Plan;
use super::{Prompts, Show, SignIntermediateArgs, parse};
use crate::error::Error;
use crate::files;
use crate::folder::Folder;
use crate::intermediate::{Intermediate, draft};

/// Name constraints (RFC 5280 section 4.2.1.10).
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Name constraints (each repeatable)")]
pub struct NameFlags {
    /// Certify only names in this subtree: dns:example.test, ip:10.0.0.0/8, email:example.test, uri:.example.test,
    /// dirname:O=Example
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
    let wanted = wanted(args, folder.publication()?)?;
    let draft = draft(folder.certificate(), &wanted, now)?;
    folder.check_ledgers()?;
    let plan = Plan::new(&folder, &wanted, &draft);
    if args.dry_run {
        let lost = folder.check_key().err().map(|lost| lost.to_string());
        let outlook = match &lost {
            None => "When it is, another serial number is drawn.".to_owned(),
            Some(lost) => format!("Nor can it be as it is: {lost}"),
        };
        let text = format!(
            "This would be signed:\n\n{}\nNothing was signed. {outlook}\n",
            plan.text()
        );
        let value = plan.value(json!({ "signed": false, "cannot_be_signed": lost }));
        return show(args.answer.output, &value, &text, out);
    }
    // Before anybody is asked about what cannot be done.
    folder.check_key()?;
    let to_stdout = args.out.as_deref().is_some_and(super::is_stream);
    let as_text = Show::chosen(args.answer.output) == Show::Table;
    match as_text && !to_stdout {
        true => writeln!(out, "This will be signed:\n\n{}", plan.text())?,
        // There the answer is alone.
        false => drop(writeln!(
            std::io::stderr(),
            "This will be signed:\n\n{}",
            plan.text()
        )),
    }
    if !args.yes && !prompts.confirm("Sign it?", "look at it with --dry-run, then pass --yes")? {
        return Err(Error::Declined);
    }
    let root = args.key.unlock(&folder, prompts)?;
    let certificate = folder.issue(&root, draft, now)?;
    let serial = certificate.serial().proper()?;
    let copy = folder.path_of(serial);
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
    let value = plan.value(json!({
        "signed": true,
        "serial": serial.to_string(),
        "fingerprint_sha256": HEXLOWER.encode(&certificate.fingerprint()),
        "file": written.display().to_string(),
    }));
    show(
        args.answer.output,
        &value,
        &format!("Signed: {}\n", written.display()),
        out,
    )
}

/// `urls`: what the root says of itself.
fn wanted(args: &SignIntermediateArgs, urls: PublicationUrls) -> Result<Intermediate, Error> {
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
            crl: given_or(&args.crl_urls, urls.crl),
            ocsp: given_or(&args.ocsp_urls, urls.ocsp),
            ca_issuers: given_or(&args.issuer_urls, urls.ca_issuers),
        },
        name_constraints: args.names.constraints()?,
        purposes: purposes.collect::<Result<_, _>>()?,
        subject_key_identifier: csr.subject_key_identifier().map(<[u8]>::to_vec),
        ..Intermediate::new(csr.subject().clone(), csr.public_key().clone())
    })
}

fn given_or(given: &[String], otherwise: Vec<String>) -> Vec<String> {
    match given {
        [] => otherwise,
        given => given.to_vec(),
    }
}
