//! The text form of names (RFC 4514), both ways.
//!
//! Reading is lenient where people are: spaces around `,`, `+` and `=` are ignored and short names may be in any
//! case. Writing is exact: what is written is read back as the same name.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;

use super::attribute::{self, Attribute, AttributeType};
use super::{DistinguishedName, MAX_TEXT, NameError};
use crate::{Oid, unicode};

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rdn) in self.rdns().iter().rev().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, attribute) in rdn.iter().enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                write_attribute(f, attribute)?;
            }
        }
        Ok(())
    }
}

/// Types without a short name are written as OID and hex of the DER (section 2.4), which keeps their encoding.
fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &Attribute<'_>) -> fmt::Result {
    write!(f, "{}=", attribute.label())?;
    match (AttributeType::of(attribute.oid), attribute.text()) {
        (Some(_), Some(text)) => write_escaped(f, &text),
        _ => f.write_str(&attribute.hex()),
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (at, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            '#' if at == 0 => f.write_str("\\#")?,
            ' ' if at == 0 || at == last => f.write_str("\\ ")?,
            _ if is_unsafe_on_a_screen(character) => {
                let mut octets = [0; 4];
                for octet in character.encode_utf8(&mut octets).bytes() {
                    write!(f, "\\{octet:02x}")?;
                }
            }
            _ => write!(f, "{character}")?,
        }
    }
    Ok(())
}

/// Characters of foreign names that would change the line they are printed in: other spaces than the ordinary one, and
/// what no name may hold.
fn is_unsafe_on_a_screen(character: char) -> bool {
    (character.is_whitespace() && character != ' ') || unicode::is_unfit(character)
}

impl FromStr for DistinguishedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_TEXT {
            return Err(NameError::LongText { length: text.len() });
        }
        let mut scanner = Scanner {
            characters: text.chars().collect(),
            at: 0,
        };
        let mut rdns = vec![Vec::new()];
        scanner.skip_spaces();
        if scanner.peek().is_none() {
            return Ok(Self::default());
        }
        loop {
            let encoded = scanner.attribute()?;
            if let Some(rdn) = rdns.last_mut() {
                rdn.push(encoded);
            }
            match scanner.next() {
                None => break,
                Some('+') => {}
                Some(',') => rdns.push(Vec::new()),
                Some(_) => return Err(scanner.refuse_last("only `,` or `+` may follow a value")),
            }
        }
        rdns.reverse();
        Self::from_encoded(rdns)
    }
}

struct Scanner {
    characters: Vec<char>,
    at: usize,
}

impl Scanner {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    fn refuse(&self, problem: &'static str) -> NameError {
        NameError::Syntax { at: self.at, problem }
    }

    fn refuse_last(&self, problem: &'static str) -> NameError {
        NameError::Syntax {
            at: self.at.saturating_sub(1),
            problem,
        }
    }

    /// `type=value` as an encoded AttributeTypeAndValue; the cursor stops before `,`, `+` or the end.
    fn attribute(&mut self) -> Result<Vec<u8>, NameError> {
        let oid = self.attribute_type()?;
        self.skip_spaces();
        if self.peek() == Some('#') {
            self.at += 1;
            let der = self.hex_string()?;
            return attribute::encode_der(oid, &der);
        }
        let value = self.value()?;
        attribute::encode(oid, &value)
    }

    fn attribute_type(&mut self) -> Result<Oid, NameError> {
        self.skip_spaces();
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        {
            self.at += 1;
        }
        let name: String = self
            .characters
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        self.skip_spaces();
        if name.is_empty() || self.next() != Some('=') {
            return Err(NameError::Syntax {
                at: start,
                problem: "expected `type=value`, such as CN=web",
            });
        }
        match AttributeType::named(&name) {
            Some(row) => Ok(row.oid()),
            None => {
                let dotted = name
                    .strip_prefix("OID.")
                    .or_else(|| name.strip_prefix("oid."))
                    .unwrap_or(&name);
                dotted.parse().map_err(|_| NameError::UnknownAttribute(name))
            }
        }
    }

    fn hex_string(&mut self) -> Result<Vec<u8>, NameError> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_hexdigit()) {
            self.at += 1;
        }
        let digits: String = self
            .characters
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        self.skip_spaces();
        HEXLOWER_PERMISSIVE
            .decode(digits.as_bytes())
            .map_err(|_| NameError::Syntax {
                at: start,
                problem: "`#` must be followed by pairs of hex digits",
            })
    }

    /// An escaped string, without the unescaped spaces after it.
    fn value(&mut self) -> Result<String, NameError> {
        let start = self.at;
        let mut octets = Vec::new();
        let mut kept = 0;
        while let Some(character) = self.peek() {
            match character {
                ',' | '+' => break,
                '\\' => {
                    self.at += 1;
                    self.escape(&mut octets)?;
                    kept = octets.len();
                }
                '"' | ';' | '<' | '>' => {
                    return Err(self.refuse("write this character with a `\\` before it"));
                }
                _ => {
                    self.at += 1;
                    octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    if character != ' ' {
                        kept = octets.len();
                    }
                }
            }
        }
        octets.truncate(kept);
        String::from_utf8(octets).map_err(|_| NameError::Syntax {
            at: start,
            problem: "the escaped octets of this value are not UTF-8",
        })
    }

    fn escape(&mut self, octets: &mut Vec<u8>) -> Result<(), NameError> {
        const PROBLEM: &str = "after `\\` comes a special character or two hex digits";
        match self.next() {
            Some(special @ ('"' | '+' | ',' | ';' | '<' | '>' | '\\' | '#' | '=' | ' ')) => {
                octets.extend_from_slice(special.encode_utf8(&mut [0; 4]).as_bytes());
                Ok(())
            }
            Some(high) => {
                let high = high.to_digit(16).ok_or_else(|| self.refuse_last(PROBLEM))?;
                let low = self
                    .next()
                    .and_then(|c| c.to_digit(16))
                    .ok_or_else(|| self.refuse_last(PROBLEM))?;
                octets.push(u8::try_from(high * 16 + low).map_err(|_| self.refuse_last(PROBLEM))?);
                Ok(())
            }
            None => Err(self.refuse_last(PROBLEM)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(text: &str) -> String {
        text.parse::<DistinguishedName>().unwrap().to_string()
    }

    #[test]
    fn the_text_form_is_most_specific_first() {
        let name: DistinguishedName = "CN=web,O=Example,C=DE".parse().unwrap();
        let types: Vec<String> = name.attributes().map(|(oid, _)| attribute::label(oid)).collect();
        assert_eq!(types, ["C", "O", "CN"]);
        assert_eq!(name.to_string(), "CN=web,O=Example,C=DE");
    }

    #[test]
    fn people_may_write_spaces_and_any_case() {
        assert_eq!(
            display(" cn = web , commonname=x+ uid = y ,  o=A  B  "),
            "CN=web,CN=x+UID=y,O=A  B"
        );
        assert_eq!(display(""), "");
        assert_eq!(display("OID.2.5.4.3=web"), "CN=web");
    }

    #[test]
    fn examples_of_rfc_4514_section_4_come_back() {
        for text in [
            "UID=jsmith,DC=example,DC=net",
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            "1.3.6.1.4.1.1466.0=#04024869",
            "CN=Lučić",
        ] {
            assert_eq!(
                display(text).replace("CN=J.  Smith+OU=Sales", "OU=Sales+CN=J.  Smith"),
                text
            );
        }
        assert_eq!(display(r"CN=Lu\C4\8Di\C4\87"), "CN=Lučić");
        assert!(
            r"CN=Before\0dAfter,DC=example,DC=net"
                .parse::<DistinguishedName>()
                .is_err(),
            "control character"
        );
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(display(r"CN=\#a\+\;\<\>\\\=\ "), r"CN=\#a\+\;\<\>\\=\ ");
        assert_eq!(display(r"CN=\20a"), r"CN=\ a");
        assert_eq!(display("CN=a#b"), "CN=a#b");
        let foreign = [
            &b"\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04"[..],
            "\u{202e}a".as_bytes(),
        ]
        .concat();
        let foreign = DistinguishedName::from_der(&foreign).unwrap();
        assert_eq!(foreign.to_string(), r"CN=\e2\80\aea");
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        for (text, place) in [
            ("CN", 0),
            ("=a", 0),
            ("CN=a,", 5),
            ("CN=a,,O=b", 5),
            ("CN=a;O=b", 4),
            ("CN=\"a\"", 3),
            (r"CN=a\", 4),
            (r"CN=a\x1", 5),
            (r"CN=\ff", 3),
            ("CN=#0c0", 4),
            ("2.5.4.99=#0c0161x", 16),
        ] {
            match text.parse::<DistinguishedName>() {
                Err(NameError::Syntax { at, .. }) => assert_eq!(at, place, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(matches!(
            "FOO=a".parse::<DistinguishedName>(),
            Err(NameError::UnknownAttribute(_))
        ));
        assert!(matches!(
            "CN=#0500".parse::<DistinguishedName>(),
            Err(NameError::NotText(_))
        ));
        assert!(matches!(
            "CN=#0c01".parse::<DistinguishedName>(),
            Err(NameError::Der(_))
        ));
    }

    #[test]
    fn long_text_is_refused_before_it_is_read() {
        let name = |attributes: usize| vec!["CN=0"; attributes].join(",");
        assert!(name(800).parse::<DistinguishedName>().is_ok());
        let long = name(50_000);
        let length = long.len();
        assert_eq!(
            long.parse::<DistinguishedName>(),
            Err(NameError::LongText { length })
        );
    }
}
