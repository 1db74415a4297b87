//! Read an entry back (RFC 4511 section 4.5).

use std::collections::BTreeMap;

use super::{Client, ClientError, operation};
use crate::ber::{Reader, tag, write, write_head, write_number};
use crate::entry::Attribute;
use crate::pieces::whole;

const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const REFERENCE: u8 = 0x73;
const DONE: u8 = 0x65;
/// A filter that every entry matches: `(objectClass=*)`, by its tag for presence.
const ANY: (u8, &[u8]) = (0x87, b"objectClass");

/// Values by attribute.
type Values = BTreeMap<Attribute, Vec<Vec<u8>>>;

impl Client {
    /// The values of these attributes of an entry, in an answer of at most `most` octets; an attribute that it does not have is left
    /// out.
    ///
    /// # Errors
    /// What the directory answers; see [`ClientError::is_missing`]. [`ClientError::TooLong`].
    pub async fn read(
        &mut self,
        name: &str,
        attributes: &[Attribute],
        most: usize,
    ) -> Result<Values, ClientError> {
        let mut body = Vec::new();
        write(&mut body, tag::OCTET_STRING, name.as_bytes());
        // The entry itself; aliases stay what they are; one entry; no limit of time but that of the caller.
        for (tag, number) in [
            (tag::ENUMERATED, 0),
            (tag::ENUMERATED, 0),
            (tag::INTEGER, 1),
            (tag::INTEGER, 0),
        ] {
            write_number(&mut body, tag, number);
        }
        // Values, not only their types.
        write(&mut body, tag::BOOLEAN, &[0]);
        write(&mut body, ANY.0, ANY.1);
        let names: Vec<String> = attributes.iter().map(|attribute| attribute.name()).collect();
        write_head(
            &mut body,
            tag::SEQUENCE,
            names.iter().map(|name| whole(name.len())).sum(),
        );
        for name in &names {
            write(&mut body, tag::OCTET_STRING, name.as_bytes());
        }
        self.send(SEARCH, body.len(), |out| out.open.extend(&body))
            .await?;
        let mut values = Values::new();
        let mut left = most;
        loop {
            let octets = self.next(left).await?;
            left = left.saturating_sub(octets.len());
            let (id, value) = operation(&octets)?;
            match (id == self.last, value.tag) {
                (true, ENTRY) => take(value.content, attributes, &mut values)?,
                // Another server may have it: this one does not.
                (true, REFERENCE) => {}
                _ => {
                    self.outcome(&octets, DONE)?;
                    return Ok(values);
                }
            }
        }
    }
}

/// Takes the values of an entry. Other attributes than those that were asked for are not looked at.
fn take(entry: &[u8], asked: &[Attribute], values: &mut Values) -> Result<(), ClientError> {
    let mut fields = Reader::new(entry);
    let _name = fields.expect(tag::OCTET_STRING)?;
    let mut list = fields.enter(tag::SEQUENCE)?;
    while !list.is_empty() {
        let mut attribute = list.enter(tag::SEQUENCE)?;
        let name = attribute.text()?;
        let known = asked.iter().find(|asked| asked.name().eq_ignore_ascii_case(name));
        let mut set = attribute.enter(tag::SET)?;
        while let (Some(known), false) = (known, set.is_empty()) {
            let value = set.expect(tag::OCTET_STRING)?.to_vec();
            values.entry(*known).or_default().push(value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, tag, &parts.concat());
        out
    }

    fn octets(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, tag::OCTET_STRING, value);
        out
    }

    fn attribute(name: &str, of: &[&[u8]]) -> Vec<u8> {
        let set: Vec<Vec<u8>> = of.iter().map(|value| octets(value)).collect();
        sequence(
            tag::SEQUENCE,
            &[octets(name.as_bytes()), sequence(tag::SET, &set)],
        )
    }

    #[test]
    fn what_was_asked_for_is_taken_however_the_directory_spells_it() {
        let list = sequence(
            tag::SEQUENCE,
            &[
                attribute("certificaterevocationlist;BINARY", &[b"a", b"b"]),
                attribute("cACertificate;binary", &[b"c"]),
                attribute("cn", &[b"d"]),
            ],
        );
        let entry = [octets(b"cn=a"), list].concat();
        let mut values = Values::new();
        let asked = [Attribute::Complete, Attribute::Deltas];
        take(&entry, &asked, &mut values).unwrap();
        let expected = [(Attribute::Complete, vec![b"a".to_vec(), b"b".to_vec()])];
        assert_eq!(values, Values::from(expected));
        for cut in 0..entry.len() {
            assert!(take(&entry[..cut], &asked, &mut Values::new()).is_err(), "{cut}");
        }
    }
}
