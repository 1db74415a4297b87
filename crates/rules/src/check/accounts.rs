//! Names of Windows accounts beside the user principal name: their security identifier (SID), by which domain
//! controllers map a certificate to an account (strong certificate mapping, MS-PKCA).

use x509::San;

use crate::reserved::{DECODINGS, percent_decoded};

/// Arc of the SID extension, and of the otherName in it.
const SID_ARC: &str = "1.3.6.1.4.1.311.25.2";
/// Who coined the tag URI of a SID (RFC 4151): `tag:microsoft.com,2022-09-14:sid:S-1-5-21-…`.
const TAG_AUTHORITY: &str = "tag:microsoft.com,";

/// Whether a name is the SID of an account, in whatever spelling.
pub(super) fn is_windows_account(san: &San) -> bool {
    match san {
        San::Uri(uri) => is_sid_tag(uri.as_str()),
        San::OtherName { oid, .. } | San::RegisteredId(oid) => oid
            .to_string()
            .strip_prefix(SID_ARC)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        San::Dns(_) | San::Ip(_) | San::Email(_) | San::SmtpUtf8(_) | San::DirName(_) | San::Opaque(_) => {
            false
        }
    }
}

/// Neither case nor percent-encoding hides it.
fn is_sid_tag(uri: &str) -> bool {
    let decoded = (0..DECODINGS).fold(uri.to_owned(), |text, _| percent_decoded(&text));
    decoded
        .to_ascii_lowercase()
        .strip_prefix(TAG_AUTHORITY)
        .is_some_and(|rest| rest.contains(":sid:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_account(text: &str) -> bool {
        is_windows_account(&text.parse().unwrap())
    }

    #[test]
    fn a_sid_is_an_account_in_every_spelling() {
        for name in [
            "uri:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500",
            "uri:TAG:Microsoft.COM,2022-09-14:SID:s-1-5-21-1-2-3-500",
            "uri:tag:microsoft.com,2022-09-14%3Asid%3AS-1-5-21-1-2-3-500",
            "uri:tag:microsoft%2Ecom%2c2022-09-14:%73id:S-1-5-21-1-2-3-500",
            "uri:tag:microsoft.com,2031:sid:S-1-5-21-1-2-3-500",
            "othername:1.3.6.1.4.1.311.25.2.1=040131",
            "othername:1.3.6.1.4.1.311.25.2=040131",
        ] {
            assert!(is_account(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_no_account() {
        for name in [
            "uri:tag:example.test,2022:sid:1",
            "uri:tag:microsoft.com,2022-09-14:build",
            "uri:urn:example:sid:1",
            "othername:1.3.6.1.4.1.311.25.20=040131",
            "dns:sid.example.test",
        ] {
            assert!(!is_account(name), "{name}");
        }
    }
}
