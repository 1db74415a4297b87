//! Host names as certificates carry them: preferred name syntax, A-labels, lower case (RFC 5280 section 4.2.1.6,
//! RFC 9549, RFC 5890).

use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::SanError;
use crate::unicode;

/// Octets of a host name without its trailing dot (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// A host name in A-label form, lower case, without a trailing dot; possibly with the wildcard `*` as its whole
/// leftmost label. Never an IP address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// The name as the certificate carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the leftmost label is `*`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without its wildcard label.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }

    /// The name with its A-labels turned to Unicode, for people. Names do not come back from it.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        let (unicode, valid) = idna::domain_to_unicode(self.base());
        match (valid, self.is_wildcard()) {
            (Err(_), _) => self.0.clone(),
            (Ok(()), true) => format!("*.{unicode}"),
            (Ok(()), false) => unicode,
        }
    }
}

impl FromStr for DnsName {
    type Err = SanError;

    /// Takes U-labels and A-labels in any case. Refused: trailing dot, underscore, `*` anywhere but alone and
    /// leftmost, labels over 63 and names over 253 octets, IP addresses, labels with `--` in third place that are
    /// not valid A-labels.
    fn from_str(text: &str) -> Result<Self, SanError> {
        let refuse = |problem| SanError::Dns {
            name: printable(text),
            problem,
        };
        let (wildcard, base) = match text.strip_prefix("*.") {
            Some(base) => ("*.", base),
            None => ("", text),
        };
        let ascii = host_a_labels(base).map_err(refuse)?;
        if wildcard.len() + ascii.len() > MAX_NAME {
            return Err(refuse("names have at most 253 characters"));
        }
        Ok(Self(format!("{wildcard}{ascii}")))
    }
}

/// Whether a text is a host as they exist: labels of letters, digits, `-` and `_`, and no address. More than could be
/// issued, and enough to compare.
pub(crate) fn is_lax_host(text: &str) -> bool {
    let in_label = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(in_label);
    text.len() <= MAX_NAME && text.split('.').all(is_label) && text.parse::<std::net::IpAddr>().is_err()
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DnsName({})", self.0)
    }
}

/// The part of a refused text that may be in an error message: bounded, and without characters that move the cursor.
pub(crate) fn printable(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A host name without wildcard, as lower-case A-labels: a domain name that no program reads as an address.
pub(crate) fn host_a_labels(host: &str) -> Result<String, &'static str> {
    let ascii = to_a_labels(host)?;
    if looks_like_an_address(&ascii) {
        return Err("names that end in a number are read as IP addresses; write an address as ip:…");
    }
    Ok(ascii)
}

/// A domain name without wildcard, as lower-case A-labels.
pub(crate) fn to_a_labels(domain: &str) -> Result<String, &'static str> {
    check_shape(domain)?;
    if domain.is_ascii() {
        let lower = domain.to_ascii_lowercase();
        return lower.split('.').try_for_each(check_label).map(|()| lower);
    }
    if domain.chars().any(is_never_in_a_u_label) {
        return Err("it holds a symbol that internationalised names may not have (RFC 5892)");
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Check,
            DnsLength::Verify,
        )
        .map_err(|_| "it is not a valid internationalised name (RFC 5890)")?
        .into_owned();
    ascii.split('.').try_for_each(check_label).map(|()| ascii)
}

/// Complaints that deserve their own words.
fn check_shape(domain: &str) -> Result<(), &'static str> {
    // UTS 46 drops some of them and takes others by their context: two spellings that look the same.
    if unicode::unfit(domain).is_some() {
        return Err("it holds a control, format or invisible character");
    }
    // No longer text can become 253 octets of A-labels, and Punycode takes quadratic time.
    if domain.len() > 4 * MAX_NAME {
        return Err("names have at most 253 characters");
    }
    if domain.is_empty() {
        return Err("it is empty");
    }
    if domain.chars().any(unicode::is_like_a_dot) {
        return Err(
            "it holds a character that looks like a dot or is taken for one; write `.` between labels",
        );
    }
    if domain.ends_with('.') {
        return Err("write it without the trailing dot");
    }
    if domain.contains('*') {
        return Err("a wildcard is only allowed alone in the leftmost label, followed by a name");
    }
    if domain.contains('_') {
        return Err("underscores are not allowed in host names");
    }
    Ok(())
}

/// A label by the preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1), already in lower case.
fn check_label(label: &str) -> Result<(), &'static str> {
    if label.is_empty() {
        return Err("it has an empty label");
    }
    if label.len() > 63 {
        return Err("labels have at most 63 characters");
    }
    if !label
        .bytes()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    {
        return Err("only letters, digits, hyphens and dots are allowed");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("labels must not begin or end with a hyphen");
    }
    if label.get(2..4) == Some("--") {
        check_a_label(label)
    } else {
        Ok(())
    }
}

/// R-LDH labels are reserved: only A-labels that decode, and encode to themselves again, are in use
/// (RFC 5890 section 2.3.1).
fn check_a_label(label: &str) -> Result<(), &'static str> {
    const PROBLEM: &str = "a label with `--` in third place must be a valid A-label (xn--…)";
    let uts46 = Uts46::new();
    let (unicode, valid) = uts46.to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    if valid.is_err() || unicode.is_ascii() || unicode.chars().any(is_never_in_a_u_label) {
        return Err(PROBLEM);
    }
    match uts46.to_ascii(
        unicode.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::Check,
        DnsLength::Verify,
    ) {
        Ok(again) if again == label => Ok(()),
        _ => Err(PROBLEM),
    }
}

/// UTS 46 lets symbols and pictographs pass that IDNA2008 forbids (RFC 5892). In these blocks nothing is PVALID but
/// two letters, and the joiners by their context, which are not seen and are refused in every name.
fn is_never_in_a_u_label(character: char) -> bool {
    match character {
        '\u{214e}' | '\u{2184}' => false,
        '\u{2000}'..='\u{2bff}' | '\u{1f000}'..='\u{1fbef}' => true,
        _ => unicode::is_unfit(character),
    }
}

/// Whether programs would read this name as an IPv4 address: those that end in a number (WHATWG URL, RFC 1123).
fn looks_like_an_address(ascii: &str) -> bool {
    let last = ascii.rsplit('.').next().unwrap_or(ascii);
    let hex = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
    hex || last.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> String {
        text.parse::<DnsName>().unwrap().to_string()
    }

    fn problem(text: &str) -> &'static str {
        match text.parse::<DnsName>() {
            Err(SanError::Dns { problem, .. }) => problem,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn names_become_lower_case_a_labels() {
        assert_eq!(dns("WEB.Example.TEST"), "web.example.test");
        assert_eq!(dns("Bücher.example"), "xn--bcher-kva.example");
        assert_eq!(dns("*.BÜCHER.example"), "*.xn--bcher-kva.example");
        assert_eq!(dns("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
        assert_eq!(dns("straße.de"), "xn--strae-oqa.de");
        assert_eq!(dns("例え.テスト"), "xn--r8jz45g.xn--zckzah");
        assert_eq!(dns("localhost"), "localhost");
        assert_eq!(
            "bücher.example".parse::<DnsName>().unwrap().to_unicode(),
            "bücher.example"
        );
    }

    #[test]
    fn wildcards_stand_alone_and_leftmost() {
        assert!("*.example.test".parse::<DnsName>().unwrap().is_wildcard());
        for text in [
            "*", "*.", "*.*.test", "a.*.test", "a*.test", "*a.test", "a.test.*",
        ] {
            problem(text);
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a.test",
            "a-.test",
            "a_b.test",
            "a b",
            "a\0b.test",
            "a/b",
            "例え。テスト",
            "www.bank．example",
            "www.bank｡example",
            "bank。",
            "www﹒bank.example",
            "www․bank.example",
            "ab--c.test",
            "bü--cher.test",
            "xn--.test",
            "xn--a.test",
            "xn--zzzzzzzz9999999.test",
            "☃.example",
            "xn--n3h.example",
            "💩.la",
            "a:1",
            "\u{ad}",
            "exam\u{ad}ple.test",
            "ex\u{200b}ample.test",
            "नि\u{200d}.example",
            // The A-label of a name with a joiner, which IDNA 2008 allows there.
            "xn--mgba3gch31f060k.example",
        ] {
            problem(text);
        }
        assert_eq!(problem(&"a".repeat(64)), "labels have at most 63 characters");
        problem(&"ü".repeat(63));
        let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        assert_eq!(dns(&long).len(), 253);
        problem(&format!("a{}", &long[1..].replace('b', "bb")[..253]));
        problem(&format!("*.{long}"));
    }

    #[test]
    fn addresses_are_no_host_names() {
        for text in [
            "192.0.2.1",
            "1.2.3",
            "2130706433",
            "0x7f.1",
            "a.0x7f",
            "example.123",
        ] {
            assert!(problem(text).contains("ip:"), "{text}");
        }
        assert_eq!(dns("1.example"), "1.example");
    }

    #[test]
    fn a_refused_name_is_shown_without_tricks() {
        let shown = "a\nb\u{202e}.test".parse::<DnsName>().unwrap_err().to_string();
        assert!(!shown.contains('\n') && !shown.contains('\u{202e}'), "{shown}");
        assert!(
            "x".repeat(100_000)
                .parse::<DnsName>()
                .unwrap_err()
                .to_string()
                .len()
                < 200
        );
    }
}
