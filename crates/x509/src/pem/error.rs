//! Why PEM text is refused, in words that say what the input is instead.

use super::{MAX_BLOCKS, MAX_LEN, contains};
use crate::artifact;

/// Why PEM text is refused. Lines count from 1. No variant holds content of a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// Longer than [`MAX_LEN`].
    #[error("the PEM input has {length} bytes; the limit is {MAX_LEN}")]
    TooLong {
        /// Length of the input in bytes.
        length: usize,
    },
    /// More than [`MAX_BLOCKS`].
    #[error("the PEM input has more than {MAX_BLOCKS} blocks")]
    TooMany,
    /// Text in two or four octets per character.
    #[error(
        "the input is {encoding} text; save it as ASCII or UTF-8, for example with `iconv -f {encoding} -t UTF-8 FILE > NEW`{}",
        powershell(encoding)
    )]
    Wide {
        /// The encoding, as iconv calls it.
        encoding: &'static str,
    },
    /// Zero octets between the letters of a text that is not in one of those encodings as a whole.
    #[error(
        "the input is partly UTF-16 or UTF-32 text, as when files in two encodings are joined, or UTF-16 is taken for \
         another one; save the original as ASCII or UTF-8, or take out what is not ASCII with \
         `tr -cd '\\11\\12\\15\\40-\\176' < FILE > NEW`"
    )]
    Spaced,
    /// A text file in another encoding.
    #[error("the input is not UTF-8 text")]
    NotUtf8,
    /// There are no blocks at all.
    #[error("the input has no PEM block \"-----BEGIN {wanted}-----\"{hint}")]
    Missing {
        /// The first label that would have been taken.
        wanted: String,
        /// What may have gone wrong; empty or a sentence after a semicolon.
        hint: &'static str,
    },
    /// There are only blocks of another kind.
    #[error("the input is {found}; {wanted} is needed (\"-----BEGIN {label}-----\")")]
    WrongLabel {
        /// What it is.
        found: Artifact,
        /// What is needed.
        wanted: Artifact,
        /// The label that is needed.
        label: String,
    },
    /// The END line is missing or has another label.
    #[error("the PEM block that begins in line {line} has no END line with the same label")]
    Unclosed {
        /// Line of BEGIN.
        line: usize,
    },
    /// The body is not padded base64.
    #[error("the PEM block that begins in line {line} is not valid base64: it is cut off or badly padded")]
    Base64 {
        /// Line of BEGIN.
        line: usize,
    },
    /// The body holds what is neither base64 nor white space.
    #[error("line {line} of the PEM text is not base64: it holds the octet 0x{octet:02x}")]
    Character {
        /// Line of the octet.
        line: usize,
        /// The octet.
        octet: u8,
    },
    /// The body holds backslashes: line ends that were escaped twice.
    #[error(
        "line {line} of the PEM text holds a backslash; write line ends as such, not as the characters \\n"
    )]
    Escaped {
        /// Line of the backslash.
        line: usize,
    },
    /// RFC 1421 headers where there are none.
    #[error("the {label} block has a header in line {line}; RFC 7468 allows none")]
    Headers {
        /// Line of the header.
        line: usize,
        /// Label of the block.
        label: String,
    },
}

impl PemError {
    pub(super) fn missing(wanted: &[&str], found: &[String], input: &[u8]) -> Self {
        let label = wanted.first().copied().unwrap_or_default().to_owned();
        // A private key is named before anything else: it should not be there at all.
        let telling = found
            .iter()
            .find(|label| label.ends_with("PRIVATE KEY"))
            .or(found.first());
        match telling {
            Some(other) => {
                let (found, wanted) = (Artifact::of(other), Artifact::of(&label));
                Self::WrongLabel {
                    // The same thing below another label: that is what is wrong.
                    found: if found == wanted {
                        Artifact::labeled(other)
                    } else {
                        found
                    },
                    wanted,
                    label,
                }
            }
            None => Self::Missing {
                wanted: label,
                hint: hint(input),
            },
        }
    }
}

/// Whose `>` writes it so.
fn powershell(encoding: &str) -> &'static str {
    match encoding {
        "UTF-16" | "UTF-16LE" => {
            ", or with `Set-Content -Encoding ascii` in PowerShell, whose `>` writes UTF-16"
        }
        _ => "",
    }
}

/// What the input may be instead.
fn hint(input: &[u8]) -> &'static str {
    if input.trim_ascii().is_empty() {
        "; it is empty"
    } else if contains(input, b"BEGIN ") {
        "; a BEGIN line has exactly five hyphens before and after and is at the start of a line"
    } else if contains(input, b"<html") || contains(input, b"<HTML") || contains(input, b"<!DOCTYPE") {
        "; it is a web page"
    } else {
        match artifact::of(input) {
            Some(artifact::PKCS12) => "; it is a PKCS#12 file",
            Some(artifact::CERTIFICATE) => "; it is a certificate in DER, not PEM",
            Some(artifact::JAVA_KEYSTORE) => {
                "; it is a Java keystore: convert it with `keytool -importkeystore -srckeystore FILE -destkeystore NEW \
                 -deststoretype PKCS12`"
            }
            _ if input.starts_with(b"\x30") => "; it is DER or BER, not PEM",
            _ => "",
        }
    }
}

/// The words for a PEM label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact(String);

impl Artifact {
    /// The thing that blocks with this label hold.
    #[must_use]
    pub fn of(label: &str) -> Self {
        let known = match label {
            "CERTIFICATE" => "a certificate",
            "X509 CERTIFICATE" | "X.509 CERTIFICATE" => "a certificate with an outdated label",
            "TRUSTED CERTIFICATE" => {
                "a certificate with OpenSSL's trust settings (convert it with `openssl x509 -in FILE`)"
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate signing request (CSR)",
            "X509 CRL" | "CRL" => "a certificate revocation list (CRL)",
            "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key",
            "PKCS7" | "CMS" => "a PKCS#7 bundle",
            "PKCS12" => "a PKCS#12 file",
            "EC PARAMETERS" | "DH PARAMETERS" | "DSA PARAMETERS" => "a set of parameters without a key",
            "ENCRYPTED PRIVATE KEY" => "an encrypted private key",
            "OPENSSH PRIVATE KEY" => "an OpenSSH private key",
            private if private.ends_with("PRIVATE KEY") => "a private key",
            other => return Self::labeled(other),
        };
        Self(known.to_owned())
    }

    fn labeled(label: &str) -> Self {
        Self(format!("a PEM block labeled \"{label}\""))
    }
}

impl std::fmt::Display for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
