//! Certificates and CRLs that break the rules, as far as they can be read: for `inspect`, and for nothing else.
//!
//! What is read here is text. No [`Certificate`] or [`CertificateList`]
//! comes of it, so nothing odd can be trusted, issued under or stored as if it were right.

use data_encoding::HEXLOWER;

use crate::asn1::{DerError, Reader, Tlv, boolean, integer, tag};
use crate::certificate::extension_lines;
use crate::crl::{CertificateList, Reason};
use crate::extension::oids;
use crate::moment::rfc3339;
use crate::validity::read_time;
use crate::{Certificate, DistinguishedName, Extension, Serial};

/// Most problems that are told apart.
const MAX_PROBLEMS: usize = 50;

/// What could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// `certificate` or `crl`.
    pub kind: &'static str,
    /// Names and values, in the order of the octets.
    pub fields: Vec<(String, String)>,
    /// What is wrong with it; empty if nothing is.
    pub problems: Vec<String>,
    /// Whether nothing here accepts it.
    pub refused: bool,
}

impl Odd {
    /// Looks at the DER of a certificate or CRL. `None` if it has the frame of neither.
    #[must_use]
    pub fn look(der: &[u8]) -> Option<Self> {
        let mut parts = Reader::within(der, tag::SEQUENCE).ok()?;
        let tbs = parts.any().and_then(|tbs| tbs.expect(tag::SEQUENCE)).ok()?;
        let mut odd = Self {
            kind: "certificate",
            fields: Vec::new(),
            problems: Vec::new(),
            refused: false,
        };
        let strict = if odd.certificate(tbs).is_ok() {
            Certificate::from_der(der).err().map(|error| error.to_string())
        } else {
            odd = Self {
                kind: "crl",
                fields: Vec::new(),
                problems: Vec::new(),
                refused: false,
            };
            odd.list(tbs).ok()?;
            CertificateList::from_der(der)
                .err()
                .map(|error| error.to_string())
        };
        odd.refused = strict.is_some();
        strict.into_iter().for_each(|problem| odd.problem(problem));
        Some(odd)
    }

    fn certificate(&mut self, tbs: &[u8]) -> Result<(), DerError> {
        let mut fields = Reader::new(tbs);
        let version = fields.optional(tag::context_constructed(0))?;
        let version = version
            .map(|explicit| Reader::single(explicit, tag::INTEGER))
            .transpose()?;
        self.field("version", version.map_or_else(|| "1".to_owned(), version_of));
        let serial = fields.expect(tag::INTEGER)?;
        fields.expect(tag::SEQUENCE)?;
        let issuer = fields.any()?;
        let mut validity = fields.enter(tag::SEQUENCE)?;
        let (not_before, not_after) = (validity.any()?, validity.any()?);
        let subject = fields.any()?;
        fields.expect(tag::SEQUENCE)?;
        fields.optional(tag::context(1))?;
        fields.optional(tag::context(2))?;
        let extensions = fields.optional(tag::context_constructed(3))?;
        self.serial("serial", serial);
        self.name("issuer", issuer);
        self.time("not before", not_before);
        self.time("not after", not_after);
        self.name("subject", subject);
        self.extensions(extensions)
    }

    fn list(&mut self, tbs: &[u8]) -> Result<(), DerError> {
        let mut fields = Reader::new(tbs);
        let version = fields.optional(tag::INTEGER)?;
        self.field("version", version.map_or_else(|| "1".to_owned(), version_of));
        fields.expect(tag::SEQUENCE)?;
        let (issuer, this_update) = (fields.any()?, fields.any()?);
        // What has no time here is not a list: a request for a certificate begins in the same way.
        if !matches!(this_update.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) {
            return Err(DerError::Value("thisUpdate"));
        }
        self.name("issuer", issuer);
        self.time("this update", this_update);
        if matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
            self.time("next update", fields.any()?);
        }
        let mut entries = Reader::new(fields.optional(tag::SEQUENCE)?.unwrap_or_default());
        while !entries.is_empty() {
            self.entry(entries.enter(tag::SEQUENCE)?)?;
        }
        self.extensions(fields.optional(tag::context_constructed(0))?)
    }

    fn entry(&mut self, mut fields: Reader<'_>) -> Result<(), DerError> {
        self.serial("revoked", fields.expect(tag::INTEGER)?);
        self.time("  at", fields.any()?);
        if fields.is_empty() {
            return Ok(());
        }
        let mut list = fields.enter(tag::SEQUENCE)?;
        while !list.is_empty() {
            let mut extension = list.enter(tag::SEQUENCE)?;
            let oid = extension.oid()?;
            extension.optional(tag::BOOLEAN)?;
            let value = extension.expect(tag::OCTET_STRING)?;
            if oid != oids::REASON_CODE {
                continue;
            }
            let code = Reader::single(value, tag::ENUMERATED);
            let reason = match code {
                Ok([code]) => Reason::from_code(*code),
                _ => None,
            };
            match reason {
                Some(reason) => self.field("  reason", reason.to_string()),
                None => {
                    self.field("  reason", HEXLOWER.encode(value));
                    self.problem("an entry has a reason that RFC 5280 does not know".to_owned());
                }
            }
        }
        Ok(())
    }

    fn extensions(&mut self, explicit: Option<&[u8]>) -> Result<(), DerError> {
        let Some(explicit) = explicit else {
            return Ok(());
        };
        let mut list = Reader::within(explicit, tag::SEQUENCE)?;
        while !list.is_empty() {
            let mut fields = list.enter(tag::SEQUENCE)?;
            let oid = fields.oid()?;
            let critical = fields.optional(tag::BOOLEAN)?.map_or(Ok(false), boolean);
            let value = fields.expect(tag::OCTET_STRING)?;
            let critical = critical.unwrap_or(true);
            let extension = Extension::other(oid, critical, value.to_vec());
            let mut name = extension.name();
            let text = extension_lines(&extension).join("; ");
            if let Err(problem) = extension.value() {
                self.problem(problem.to_string());
            }
            if critical {
                name.push_str(" (critical)");
            }
            self.field(&name, text);
        }
        Ok(())
    }

    /// A serial number as its octets, whatever they are.
    fn serial(&mut self, label: &str, content: &[u8]) {
        let shown = HEXLOWER.encode(content);
        let problem = match integer(content) {
            Err(problem) => Some(problem.to_string()),
            Ok([sign, ..]) if *sign >= 0x80 => Some("the serial number is negative".to_owned()),
            Ok(content) => Serial::from_bytes(content).err().map(|error| error.to_string()),
        };
        if let Some(problem) = problem {
            self.problem(match label {
                "revoked" => format!("entry {shown}: {problem}"),
                _ => problem,
            });
        }
        self.field(label, shown);
    }

    fn name(&mut self, label: &str, name: Tlv<'_>) {
        match DistinguishedName::from_der(name.whole) {
            Ok(name) if name.is_empty() => {
                self.field(label, "(empty)".to_owned());
                if label == "issuer" {
                    self.problem(
                        "the issuer has an empty name (RFC 5280 sections 4.1.2.4 and 5.1.2.3)".to_owned(),
                    );
                }
            }
            Ok(name) => self.field(label, name.to_string()),
            Err(problem) => {
                self.field(label, HEXLOWER.encode(name.whole));
                self.problem(format!("{label}: {problem}"));
            }
        }
    }

    fn time(&mut self, label: &str, time: Tlv<'_>) {
        match read_time(time) {
            Ok(moment) => self.field(label, rfc3339(moment)),
            Err(problem) => {
                self.field(label, HEXLOWER.encode(time.whole));
                self.problem(format!("{}: {problem}", label.trim()));
            }
        }
    }

    fn field(&mut self, label: &str, value: String) {
        self.fields.push((label.to_owned(), value));
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// A version as people count.
fn version_of(content: &[u8]) -> String {
    match content {
        [version @ 0..=2] => (version + 1).to_string(),
        _ => format!("unknown ({})", HEXLOWER.encode(content)),
    }
}
