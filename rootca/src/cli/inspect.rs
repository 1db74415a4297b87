//! `inspect`: what a file or a root's folder says. Reads public things only.

use std::io::Write;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509::crl::CertificateList;
use x509::odd::Odd;
use x509::{Certificate, Csr, Extension, San, rfc3339};

use super::InspectArgs;
use super::output::{lines, show};
use crate::error::Error;
use crate::files;
use crate::folder::Folder;

pub(super) fn run(args: &InspectArgs, now: OffsetDateTime, out: &mut dyn Write) -> Result<(), Error> {
    let (value, text) = match &args.file {
        Some(path) => of_file(path)?,
        None => of_folder(&Folder::open(&args.folder.dir)?, now)?,
    };
    show(args.answer.output, &value, &text, out)
}

fn of_file(path: &Path) -> Result<(Value, String), Error> {
    let content = super::read_input(path)?;
    let binary = files::is_der(&content);
    let held = files::held(&content, &["CERTIFICATE", "X509 CRL", "CERTIFICATE REQUEST"]);
    if held > 1 && !binary {
        return Err(Error::Content {
            path: path.into(),
            problem: format!("the file holds {held} certificates, requests or CRLs; send one at a time"),
        });
    }
    if let Some(odd) = odd(&content, binary) {
        return Ok(of_odd(&odd));
    }
    let certificate = if binary {
        Certificate::from_der(&content)
    } else {
        Certificate::from_pem(&content)
    };
    if let Ok(certificate) = &certificate {
        return Ok((of_certificate(certificate), certificate.describe()));
    }
    let list = if binary {
        CertificateList::from_der(&content)
    } else {
        CertificateList::from_pem(&content)
    };
    let as_list = match list {
        Ok(list) => return Ok((of_list(&list), list.describe())),
        Err(error) => error.to_string(),
    };
    match (Csr::from_pem_or_der(&content), certificate) {
        (Ok(csr), _) => Ok(of_request(&csr)),
        (Err(as_request), Err(as_certificate)) => Err(Error::Content {
            path: path.into(),
            problem: format!("no certificate: {as_certificate}; no CRL: {as_list}; no request: {as_request}"),
        }),
        (Err(error), Ok(_)) => Err(Error::Content {
            path: path.into(),
            problem: error.to_string(),
        }),
    }
}

/// What breaks the rules, but can be read; `None` if nothing does.
fn odd(content: &[u8], binary: bool) -> Option<Odd> {
    let odd = if binary {
        Odd::look(content)
    } else {
        let blocks = x509::pem::select(content, &["CERTIFICATE", "X509 CRL"]).ok()?;
        Odd::look(&blocks.first()?.der)
    };
    odd.filter(|odd| !odd.problems.is_empty())
}

fn of_odd(odd: &Odd) -> (Value, String) {
    let verdict = match odd.refused {
        true => "not as it must be; nothing here would accept it",
        false => "not as RFC 5280 wants it",
    };
    let mut text = format!("{}, {verdict}\n", odd.kind);
    for problem in &odd.problems {
        text.push_str(&format!("  problem: {problem}\n"));
    }
    for (label, value) in &odd.fields {
        text.push_str(&format!("  {label}: {value}\n"));
    }
    let fields = odd
        .fields
        .iter()
        .map(|(name, value)| json!({ "name": name.trim(), "value": value }));
    let value = json!({
        "kind": odd.kind,
        "problems": odd.problems,
        "fields": fields.collect::<Vec<_>>(),
    });
    (value, text)
}

fn of_certificate(certificate: &Certificate) -> Value {
    json!({
        "kind": "certificate",
        "serial": certificate.serial().to_string(),
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "san": texts(certificate.sans()),
        "ca": certificate.is_ca(),
        "path_len": certificate.path_len(),
        "not_before": rfc3339(certificate.not_before()),
        "not_after": rfc3339(certificate.not_after()),
        "fingerprint_sha256": HEXLOWER.encode(&certificate.fingerprint()),
        "spki_sha256": HEXLOWER.encode(&certificate.spki_fingerprint()),
        "extensions": of_extensions(certificate.extensions()),
    })
}

fn of_extensions(extensions: &[Extension]) -> Vec<Value> {
    let one = |extension: &Extension| {
        json!({
            "oid": extension.oid().to_string(),
            "name": extension.name(),
            "critical": extension.critical(),
            "text": extension.text(),
        })
    };
    extensions.iter().map(one).collect()
}

pub(super) fn of_list(list: &CertificateList) -> Value {
    let entries = list.entries().iter().map(|entry| {
        json!({
            "serial": entry.serial.to_string(),
            "time": rfc3339(entry.time),
            "reason": entry.reason.map(|reason| reason.to_string()),
            "invalidity_time": entry.invalidity.map(rfc3339),
        })
    });
    // Hexadecimal where it has more than 64 bits.
    let number = |number: Option<u64>, text| number.map_or_else(|| json!(text), |number| json!(number));
    let extensions = list.extensions();
    let base = extensions.base_crl_number().map(|number| number.to_string());
    json!({
        "kind": "crl",
        "issuer": list.issuer().to_string(),
        "number": number(list.number(), list.number_text()),
        "base_number": number(extensions.base_number(), base),
        "this_update": rfc3339(list.this_update()),
        "next_update": list.next_update().map(rfc3339),
        "extensions": of_extensions(extensions.as_slice()),
        "revoked": entries.collect::<Vec<_>>(),
    })
}

fn of_request(csr: &Csr) -> (Value, String) {
    let (subject, key) = (csr.subject().to_string(), csr.public_key());
    let fingerprint = HEXLOWER.encode(&key.fingerprint());
    let value = json!({
        "kind": "csr",
        "subject": subject,
        "san": texts(csr.sans()),
        "key": key.algorithm().to_string(),
        "spki_sha256": fingerprint,
    });
    let text = lines(&[
        ("request", subject),
        ("names", texts(csr.sans()).join(", ")),
        ("key", format!("{}, SHA-256 {fingerprint}", key.algorithm())),
        ("signature", "right: the requester holds the key".into()),
    ]);
    (value, text)
}

fn of_folder(folder: &Folder, now: OffsetDateTime) -> Result<(Value, String), Error> {
    let (issued, revoked) = (folder.issued()?, folder.revoked()?);
    let list = folder.latest_crl()?;
    let mut entries = Vec::new();
    let mut text = format!("{}\nIssued:\n", folder.certificate().describe().trim_end());
    for entry in &issued {
        let status = match revoked.iter().find(|revoked| revoked.serial == entry.serial) {
            Some(revoked) => format!("revoked {} ({})", rfc3339(revoked.time), revoked.reason),
            None if entry.not_after < now => "expired".into(),
            None if entry
                .certificate()
                .is_some_and(|issued| now < issued.not_before()) =>
            {
                "not-yet-valid".into()
            }
            None => "valid".into(),
        };
        text.push_str(&format!(
            "  {}  {}  to {}  {status}\n",
            entry.serial,
            entry.subject,
            rfc3339(entry.not_after)
        ));
        entries.push(json!({
            "serial": entry.serial.to_string(),
            "subject": entry.subject,
            "not_after": rfc3339(entry.not_after),
            "fingerprint_sha256": entry.fingerprint_sha256,
            "time": rfc3339(entry.time),
            "status": status.split(' ').next(),
        }));
    }
    let crl = match &list {
        Some(list) => format!(
            "number {}, next update {}",
            list.number_text().unwrap_or_default(),
            list.next_update().map(rfc3339).unwrap_or_default()
        ),
        None => "none yet".into(),
    };
    text.push_str(&format!("CRL: {crl}\n"));
    let value = json!({
        "root": of_certificate(folder.certificate()),
        "issued": entries,
        "crl": list.as_ref().map(of_list),
    });
    Ok((value, text))
}

fn texts(sans: &[San]) -> Vec<String> {
    sans.iter().map(ToString::to_string).collect()
}
