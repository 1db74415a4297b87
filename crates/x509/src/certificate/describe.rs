//! Certificates and extensions as text for people.

use std::fmt::{self, Write as _};

use data_encoding::HEXLOWER;

use super::Certificate;
use crate::extension::{
    CrlScope, DistributionPoint, Extension, ExtensionValue, IssuingDistributionPoint, PointNames,
};
use crate::key::KeyError;
use crate::moment::rfc3339;

impl Certificate {
    /// What the certificate says, in lines of `name: value`, for `inspect`. Made for reading: its form may change.
    #[must_use]
    pub fn describe(&self) -> String {
        Description(self).to_string()
    }
}

impl Extension {
    /// What it says, for people, a line for each statement; hex of the value where its type is not known. Its form may change.
    #[must_use]
    pub fn text(&self) -> String {
        extension_lines(self).join("\n")
    }
}

struct Description<'a>(&'a Certificate);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = self.0;
        writeln!(f, "certificate, version {}", certificate.version())?;
        writeln!(f, "  serial: {}", certificate.serial())?;
        writeln!(f, "  subject: {}", or_none(&certificate.subject().to_string()))?;
        writeln!(f, "  issuer: {}", certificate.issuer())?;
        writeln!(f, "  not before: {}", rfc3339(certificate.not_before()))?;
        writeln!(f, "  not after: {}", rfc3339(certificate.not_after()))?;
        match certificate.public_key() {
            Ok(key) => writeln!(f, "  key: {}", key.algorithm())?,
            Err(KeyError::Weak(weakness)) => writeln!(f, "  key: weak: {weakness}")?,
            Err(problem) => writeln!(f, "  key: {problem}")?,
        }
        match certificate.signature_algorithm() {
            Ok(algorithm) => writeln!(f, "  signature: {algorithm}")?,
            Err(problem) => writeln!(f, "  signature: {problem}")?,
        }
        writeln!(
            f,
            "  sha256 of certificate: {}",
            HEXLOWER.encode(&certificate.fingerprint())
        )?;
        writeln!(
            f,
            "  sha256 of key: {}",
            HEXLOWER.encode(&certificate.spki_fingerprint())
        )?;
        write_extensions(f, certificate.extensions())
    }
}

/// Writes extensions, one each line, those with several values over several lines.
pub(crate) fn write_extensions(f: &mut fmt::Formatter<'_>, extensions: &[Extension]) -> fmt::Result {
    for extension in extensions {
        let critical = if extension.critical() { " (critical)" } else { "" };
        write!(f, "  {}{critical}:", extension.name())?;
        let lines = extension_lines(extension);
        match lines.as_slice() {
            [] => writeln!(f)?,
            [line] => writeln!(f, " {line}")?,
            _ => {
                writeln!(f)?;
                lines.iter().try_for_each(|line| writeln!(f, "    {line}"))?;
            }
        }
    }
    Ok(())
}

/// The value of an extension, in lines.
pub(crate) fn extension_lines(extension: &Extension) -> Vec<String> {
    match extension.value() {
        Err(problem) => vec![problem.to_string()],
        Ok(ExtensionValue::BasicConstraints { ca, path_len }) => vec![match (ca, path_len) {
            (true, Some(length)) => format!("CA, path length {length}"),
            (true, None) => "CA".to_owned(),
            (false, _) => "no CA".to_owned(),
        }],
        Ok(ExtensionValue::KeyUsage(usages)) => vec![usages.to_string()],
        Ok(ExtensionValue::ExtendedKeyUsage(purposes)) => vec![joined(&purposes)],
        Ok(ExtensionValue::SubjectAltName(sans)) => sans.iter().map(ToString::to_string).collect(),
        Ok(ExtensionValue::SubjectKeyIdentifier(id)) => vec![HEXLOWER.encode(&id)],
        Ok(ExtensionValue::AuthorityKeyIdentifier {
            key_identifier,
            has_issuer_and_serial,
        }) => {
            let mut line =
                key_identifier.map_or_else(|| "no key identifier".to_owned(), |id| HEXLOWER.encode(&id));
            if has_issuer_and_serial {
                line.push_str(", with issuer and serial number");
            }
            vec![line]
        }
        Ok(ExtensionValue::CrlDistributionPoints(points) | ExtensionValue::FreshestCrl(points)) => {
            points.iter().flat_map(distribution_point).collect()
        }
        Ok(ExtensionValue::IssuingDistributionPoint(point)) => issuing_distribution_point(&point),
        Ok(ExtensionValue::AuthorityInformationAccess {
            ocsp,
            ca_issuers,
            has_other_ocsp,
        }) => {
            let ocsp = escaped(&ocsp).into_iter().map(|uri| format!("OCSP {uri}"));
            ocsp.chain(
                escaped(&ca_issuers)
                    .into_iter()
                    .map(|uri| format!("CA issuers {uri}")),
            )
            .chain(has_other_ocsp.then(|| "OCSP at a name of another form".to_owned()))
            .collect()
        }
        Ok(ExtensionValue::CertificatePolicies(policies)) => vec![joined(&policies)],
        Ok(ExtensionValue::NameConstraints(constraints)) => {
            let permitted = constraints
                .permitted
                .iter()
                .map(|subtree| format!("permitted {subtree}"));
            permitted
                .chain(
                    constraints
                        .excluded
                        .iter()
                        .map(|subtree| format!("excluded {subtree}")),
                )
                .collect()
        }
        Ok(ExtensionValue::TlsFeature(features)) => vec![joined(&features)],
        Ok(ExtensionValue::OcspNoCheck | ExtensionValue::NoRevAvail) => vec!["yes".to_owned()],
        Ok(ExtensionValue::Unknown) => vec![HEXLOWER.encode(extension.value_der())],
    }
}

fn distribution_point(point: &DistributionPoint) -> Vec<String> {
    let mut lines = names(&point.names);
    let mut say = |says: bool, text: &str| lines.extend(says.then(|| text.to_owned()));
    say(point.only_some_reasons, "only some reasons");
    say(point.has_crl_issuer, "CRL of another issuer");
    lines
}

fn names(names: &PointNames) -> Vec<String> {
    let others = names.others.iter().map(|_| "a name of another form".to_owned());
    escaped(&names.uris).into_iter().chain(others).collect()
}

fn issuing_distribution_point(point: &IssuingDistributionPoint) -> Vec<String> {
    let mut lines = names(&point.names);
    let mut say = |says: bool, text: &str| lines.extend(says.then(|| text.to_owned()));
    say(
        point.scope == CrlScope::Users,
        "only certificates of end entities",
    );
    say(point.scope == CrlScope::Authorities, "only certificates of CAs");
    say(point.scope == CrlScope::Attributes, "only attribute certificates");
    say(point.only_some_reasons, "only some reasons");
    say(point.indirect, "certificates of other issuers too");
    lines
}

fn joined<T: fmt::Display>(items: &[T]) -> String {
    let mut line = String::new();
    for (at, item) in items.iter().enumerate() {
        let _ = write!(line, "{}{item}", if at > 0 { ", " } else { "" });
    }
    line
}

fn escaped(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| text.escape_debug().to_string()).collect()
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "(empty)" } else { text }
}
