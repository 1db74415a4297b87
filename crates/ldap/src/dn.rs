//! Distinguished names of requests (RFC 4514), compared without regard to case and insignificant spaces (RFC 4517 section 4.2.15,
//! RFC 4518), and lenient where a name could not be issued but may be asked for.

use x509::asn1::{Reader, tag};
use x509::name::AttributeType;
use x509::{DistinguishedName, Oid, unicode};

/// Longest name that is read, in octets.
const MAX_LENGTH: usize = 4096;

/// A name as it is compared: parts from the most specific one on, each its attributes in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Dn(Vec<Vec<(Oid, String)>>);

/// The text is not a name: result code 34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a distinguished name (RFC 4514)")]
pub struct InvalidDn;

impl Dn {
    pub(crate) fn of(name: &DistinguishedName) -> Self {
        // What is written for a name is always read back.
        Self::parse(&name.to_string()).unwrap_or_default()
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidDn> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidDn);
        }
        let mut scanner = Scanner { rest: text };
        scanner.spaces();
        if scanner.rest.is_empty() {
            return Ok(Self::default());
        }
        let mut parts = vec![Vec::new()];
        loop {
            let attribute = scanner.attribute()?;
            if let Some(part) = parts.last_mut() {
                part.push(attribute);
            }
            scanner.spaces();
            match scanner.next() {
                None => break,
                Some('+') => {}
                // RFC 2253 section 4 has semicolons too.
                Some(',' | ';') => parts.push(Vec::new()),
                Some(_) => return Err(InvalidDn),
            }
        }
        parts.iter_mut().for_each(|part| part.sort());
        Ok(Self(parts))
    }

    /// How many parts this name has below `base`; none if it is not at or below it.
    pub(crate) fn depth_below(&self, base: &Self) -> Option<usize> {
        self.0.ends_with(&base.0).then(|| self.0.len() - base.0.len())
    }

    /// Values of the most specific part.
    pub(crate) fn first_types(&self) -> impl Iterator<Item = Oid> {
        self.0.first().into_iter().flatten().map(|(oid, _)| *oid)
    }
}

/// Whether the text is a distinguished name; the empty one is too.
///
/// # Errors
/// If it is not.
pub fn check_name(text: &str) -> Result<(), InvalidDn> {
    Dn::parse(text).map(drop)
}

/// The most specific part of a name that was written by us, and the rest without the comma between them.
pub(crate) fn first_part(name: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = name.find(|character| {
        let ends = character == ',' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    end.and_then(|end| Some((name.get(..end)?, name.get(end + 1..)?)))
        .unwrap_or((name, ""))
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn attribute(&mut self) -> Result<(Oid, String), InvalidDn> {
        self.spaces();
        let (name, rest) = self.rest.split_once('=').ok_or(InvalidDn)?;
        self.rest = rest;
        let oid = attribute_type(name.trim_end_matches(' ')).ok_or(InvalidDn)?;
        self.spaces();
        let value = match self.rest.strip_prefix('#') {
            Some(rest) => {
                self.rest = rest;
                self.encoded()?
            }
            None => self.text()?,
        };
        Ok((oid, value))
    }

    /// `#` and the BER of the value in hex.
    fn encoded(&mut self) -> Result<String, InvalidDn> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).ok_or(InvalidDn)?;
        self.rest = rest;
        let octets = hex(digits).filter(|octets| !octets.is_empty()).ok_or(InvalidDn)?;
        let value = Reader::new(&octets).any().ok();
        let text = value
            .filter(|value| tag::is_string(value.tag))
            .and_then(|value| std::str::from_utf8(value.content).ok());
        Ok(match text.and_then(unicode::prepare) {
            Some(prepared) => key(&prepared),
            None => format!("#{}", digits.to_ascii_lowercase()),
        })
    }

    /// Text with escapes (RFC 4514 section 2.4), or in quotes (RFC 2253 section 4).
    fn text(&mut self) -> Result<String, InvalidDn> {
        let mut octets = Vec::new();
        // Where an escaped space ends that is not to be cut off.
        let mut kept = 0;
        let quoted = self.rest.starts_with('"');
        if quoted {
            self.next();
        }
        while let Some(character) = self.rest.chars().next() {
            match character {
                '"' if quoted => break,
                ',' | ';' | '+' if !quoted => break,
                '"' | '\0' => return Err(InvalidDn),
                '\\' => {
                    self.next();
                    self.escaped(&mut octets)?;
                    kept = octets.len();
                }
                _ => {
                    self.next();
                    let mut buffer = [0; 4];
                    octets.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
        if quoted {
            self.next().ok_or(InvalidDn)?;
        } else {
            while octets.len() > kept && octets.last() == Some(&b' ') {
                octets.pop();
            }
        }
        let text = String::from_utf8(octets).map_err(|_| InvalidDn)?;
        // A value that cannot be compared equals nothing but itself.
        Ok(unicode::prepare(&text).map_or_else(|| format!("={text}"), |prepared| key(&prepared)))
    }

    fn escaped(&mut self, octets: &mut Vec<u8>) -> Result<(), InvalidDn> {
        if let Some(octet) = self.rest.get(..2).and_then(hex) {
            octets.extend(octet);
            self.rest = self.rest.get(2..).unwrap_or_default();
            return Ok(());
        }
        match self.next() {
            Some(special @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\')) => {
                octets.push(special as u8);
                Ok(())
            }
            _ => Err(InvalidDn),
        }
    }
}

/// No text has the key of encoded octets, which begins with `#`.
fn key(prepared: &str) -> String {
    format!(" {prepared}")
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// An attribute type by name or number.
pub(crate) fn attribute_type(name: &str) -> Option<Oid> {
    AttributeType::named(name)
        .map(|found| found.oid())
        .or_else(|| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    #[test]
    fn names_are_equal_whatever_their_spelling() {
        let name = parsed("CN=Test CA,O=Example Org,C=DE");
        for same in [
            "cn=test ca,o=example org,c=de",
            "CN = Test  CA , O=  Example Org ; C=DE ",
            "2.5.4.3=Test CA,2.5.4.10=Example Org,2.5.4.6=DE",
            "CN=Test\\20CA,O=Example Org,C=DE",
            "cn=\"Test CA\",o=Example Org,c=DE",
            "CN=#0c07546573742043 41".replace(' ', "").as_str(),
        ]
        .map(|text| match text.starts_with("CN=#") {
            true => format!("{text},O=Example Org,C=DE"),
            false => text.to_owned(),
        }) {
            assert_eq!(parsed(&same), name, "{same}");
        }
        for other in [
            "CN=TestCA,O=Example Org,C=DE",
            "CN=Test CA,O=Example Org",
            "CN=Test CA",
        ] {
            assert_ne!(parsed(other), name, "{other}");
        }
        assert_eq!(parsed("CN=a+O=b,C=DE"), parsed("o=B+cn=A,c=DE"));
    }

    #[test]
    fn names_that_were_issued_are_read_back() {
        for text in [
            "CN=Test CA,O=Example Org,C=DE",
            "CN=a\\,b\\+c\\\\d,O=\\ leading and trailing\\ ",
            "CN=Jürgen Müller+serialNumber=7,O=x",
            "1.3.6.1.4.1.55555.7=#0c0161,CN=x",
        ] {
            let name: DistinguishedName = text.parse().unwrap();
            assert_eq!(Dn::of(&name), parsed(text));
            assert!(!Dn::of(&name).0.is_empty());
        }
    }

    #[test]
    fn the_first_part_of_a_name_ends_at_a_comma_that_is_not_escaped() {
        for (name, parts) in [
            ("CN=a,O=b,C=DE", ("CN=a", "O=b,C=DE")),
            ("CN=a\\,b,O=c", ("CN=a\\,b", "O=c")),
            ("CN=a\\\\,O=c", ("CN=a\\\\", "O=c")),
            ("CN=a", ("CN=a", "")),
        ] {
            assert_eq!(first_part(name), parts, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("CN={}", "a".repeat(5000));
        for text in [
            "CN",
            "=a",
            "CN=a,",
            "CN=a,,O=b",
            "foo bar=1",
            "CN=a\\",
            "CN=\\zz",
            "CN=\"a",
            "CN=#0",
            "CN=#",
            "CN=a\"b",
            "CN=\\ff",
            ",",
            &long,
        ] {
            assert_eq!(Dn::parse(text), Err(InvalidDn), "{text}");
        }
    }

    #[test]
    fn a_name_is_below_its_last_parts() {
        let name = parsed("CN=a,O=b,C=DE");
        for (base, depth) in [
            ("", Some(3)),
            ("C=de", Some(2)),
            ("o=B,c=de", Some(1)),
            ("cn=a,o=b,c=de", Some(0)),
            ("CN=x,CN=a,O=b,C=DE", None),
            ("O=b", None),
        ] {
            assert_eq!(name.depth_below(&parsed(base)), depth, "{base}");
        }
    }
}
